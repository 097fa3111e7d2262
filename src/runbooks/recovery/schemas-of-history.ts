import { type GraphSchema, readSchema } from '../../graph/schema.ts';
import type { Micros } from '../../model/instant.ts';
import { Problem } from '../../model/problem.ts';
import type { Platform } from '../../ports/platform.ts';
import { type KnownSchema, recordedSchemas } from '../catalog/schema-catalog.ts';
import { snapshotOf } from '../catalog/snapshot-span.ts';
import type { RecoveryFacts } from './recovery-facts.ts';
import { currentTimelineOf } from './window.ts';
import { pathOf } from './window-path.ts';

/** A schema of which it is known when it was in force: at `at`, else at present. */
export type Witness = Pick<KnownSchema, 'schema' | 'at'>;

/**
 * Schemas that the history of a timeline has had, those that decide first: what the living database has now, if that is of this history, and
 * what the last backup before the instant recorded, or the first one after it. A history that was left may have had other indexes, and its
 * backups say nothing of indexes; of its types, where nothing else tells. Documents that are damaged or gone are passed over. Never throws because the database is down.
 */
export async function schemasOfHistory(
  platform: Pick<Platform, 'bucket' | 'database' | 'keyspace'>,
  facts: RecoveryFacts,
  { timeline, instant }: { readonly timeline: string; readonly instant: Micros },
): Promise<readonly Witness[]> {
  const recorded = await recordedOf(platform, facts, { timeline, instant });
  const present = timeline === currentTimelineOf(facts) ? await presentSchema(platform) : undefined;
  if (present === undefined) return recorded === undefined ? [] : [recorded];
  if (recorded === undefined) return [present];
  // A graph that was made anew in its place.
  if (present.schema.ids.partitions !== recorded.schema.ids.partitions) return [recorded];
  return [present, recorded];
}

async function recordedOf(
  { bucket }: Pick<Platform, 'bucket'>,
  facts: RecoveryFacts,
  { timeline, instant }: { readonly timeline: string; readonly instant: Micros },
): Promise<Witness | undefined> {
  const path = pathOf(facts, timeline);
  let other: Witness | undefined;
  for await (const recorded of recordedSchemas(bucket, instant)) {
    const point = facts.points.find(({ id }) => id === recorded.point);
    const strand = path.find((each) => each.timeline.id === point?.timeline);
    if (point !== undefined && strand !== undefined) {
      const { until = Infinity } = strand;
      if (recorded.at <= until && snapshotOf(point).to <= until) return recorded;
    }
    other ??= { schema: withoutIndexes(recorded.schema) };
  }
  return other;
}

/** Ids of types are given out once, so what a type is does not depend on the history. JanusGraph's own indexes are always there. */
function withoutIndexes(schema: GraphSchema): GraphSchema {
  const { types, compositeIndexes } = schema;
  return {
    ...schema,
    compositeIndexes: compositeIndexes.filter(({ id }) => types.get(id)?.system === true),
    mixedIndexes: [],
  };
}

async function presentSchema({
  database,
  keyspace,
}: Pick<Platform, 'database' | 'keyspace'>): Promise<Witness | undefined> {
  try {
    return { schema: await readSchema(database, keyspace) };
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}

/** All that they tell; what the last one says of an id counts. */
export function merged(schemas: readonly GraphSchema[]): GraphSchema | undefined {
  const last = schemas.at(-1);
  if (last === undefined) return undefined;
  const byId = <Id, Part extends { readonly id: Id }>(parts: readonly Part[]) =>
    new Map(parts.map((part) => [part.id, part] as const));
  return {
    ...last,
    types: byId(schemas.flatMap(({ types }) => [...types.values()])),
    labels: byId(schemas.flatMap(({ labels }) => [...labels.values()])),
    compositeIndexes: [...byId(schemas.flatMap(({ compositeIndexes }) => compositeIndexes)).values()],
    mixedIndexes: [...byId(schemas.flatMap(({ mixedIndexes }) => mixedIndexes)).values()],
  };
}
