import type { Obstacle } from '../../commitlog/window.ts';
import { type Micros, formatInstant, micros } from '../../model/instant.ts';
import { type LogSchema, type LoggedTable, isUserKeyspace } from '../../model/log-schema.ts';
import { schemaDifference } from '../../model/schema-difference.ts';
import type { Strand } from '../../model/timeline-path.ts';
import type { StoredSchema, TimelineLog } from '../catalog/log-catalog.ts';
import { longestBlindness } from './schemas-in-force.ts';

/**
 * For each strand, the schema changes that prevent a replay. A log can be replayed only over a base with the same
 * tables, so a table that was dropped, altered or created again since needs a later base. A changed replication needs
 * one too, because other replicas' logs are then enough. What happened at a schema that cannot be read nobody knows. Tables that were only added do not: they can be created first,
 * with their ids.
 */
export function schemaObstacles(
  path: readonly Strand[],
  logs: ReadonlyArray<TimelineLog | undefined>,
): ReadonlyArray<readonly Obstacle[]> {
  let before: StoredSchema | undefined;
  const all = path.flatMap((strand, at) => schemasOf(strand, logs[at]));
  return path.map((strand, at) => {
    const found: Obstacle[] = [];
    for (const stored of schemasOf(strand, logs[at])) {
      const changes = before === undefined ? [] : changesBetween(before.schema, stored.schema);
      if (changes.length > 0) found.push(obstacle(stored, stored.at, `the schema changed: ${changes.join('; ')}`));
      const unlogged = unloggedIn(stored.schema);
      // A base that was taken during this time does not help either.
      const next = all[all.indexOf(stored) + 1]?.at ?? micros(Number.MAX_SAFE_INTEGER);
      if (unlogged.length > 0)
        found.push(obstacle(stored, next, `${unlogged.join(', ')}: not logged (durable_writes = false)`));
      before = stored;
    }
    for (const { key, at: from } of damagedOf(strand, logs[at])) {
      const next = all.find((each) => each.at > from)?.at ?? micros(Number.MAX_SAFE_INTEGER);
      const reason = `${key} cannot be read, so nobody can tell what the log from ${formatInstant(from)} on means`;
      found.push({ kind: 'schema', at: from, until: next, reason });
    }
    return found;
  });
}

function obstacle({ at }: StoredSchema, until: Micros, what: string): Obstacle {
  return { kind: 'schema', at, until, reason: `${what} (seen at ${formatInstant(at)})` };
}

/**
 * Tables in the schema of the instant that the schema of the base lacks: they are created, with their ids, before logs
 * are replayed.
 */
export function addedTables(
  path: readonly Strand[],
  logs: ReadonlyArray<TimelineLog | undefined>,
  base: { readonly strand: number; readonly from: Micros; readonly to: Micros; readonly schemaVersion: string },
  instant: Micros,
): readonly LoggedTable[] {
  const seen = path.map((strand, at) => schemasOf(strand, logs[at]));
  const own = (seen[base.strand] ?? []).filter(({ at }) => at <= base.to);
  // A change is dated with the last look that did not see it, so it may be younger than the snapshot. A table that the base holds after all is
  // not made again.
  const atBase =
    own.findLast(({ schema }) => schema.schemaVersion === base.schemaVersion) ??
    own.findLast(({ at }) => at <= base.from - longestBlindness) ??
    seen.slice(base.strand).flat()[0];
  const atInstant = seen.flat().findLast(({ at }) => at <= instant);
  if (atBase === undefined || atInstant === undefined || atInstant.at <= atBase.at) return [];
  return schemaDifference(atBase.schema, atInstant.schema).added;
}

function schemasOf({ until }: Strand, log: TimelineLog | undefined): readonly StoredSchema[] {
  return (log?.schemas ?? []).filter(({ at }) => until === undefined || at <= until);
}

function damagedOf({ until }: Strand, log: TimelineLog | undefined) {
  return (log?.damagedSchemas ?? []).filter(({ at }) => until === undefined || at <= until);
}

function changesBetween(older: LogSchema, newer: LogSchema): readonly string[] {
  const { changed, replicatedOtherwise } = schemaDifference(older, newer);
  return [
    ...changed.map(({ table, what }) => `${table} was ${what === 'made anew' ? 'dropped and created again' : what}`),
    ...replicatedOtherwise.map((keyspace) => `the replication of ${keyspace} changed`),
  ];
}

/** Keyspaces that do not write to the log. */
function unloggedIn(schema: LogSchema): readonly string[] {
  return schema.keyspaces
    .filter(({ keyspace, durableWrites }) => isUserKeyspace(keyspace) && !durableWrites)
    .map(({ keyspace }) => keyspace);
}
