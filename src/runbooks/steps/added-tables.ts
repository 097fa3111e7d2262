import { z } from 'zod';
import { micros } from '../../model/instant.ts';
import type { AddedTable, LogPlan } from '../../model/log-plan.ts';
import { type LogSchema, logSchemaDocument } from '../../model/log-schema.ts';
import { FailedProblem, RefusedProblem } from '../../model/problem.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import type { Platform } from '../../ports/platform.ts';
import { creationOf } from '../recovery/creation.ts';
import { plannedSchemas } from '../recovery/schemas-in-force.ts';
import { namesOf, someNames } from './some-names.ts';
import { standardRetry } from './standard-steps.ts';

export const createTablesStep = {
  id: 'create-tables',
  title: 'Start the nodes without logs, create the tables that are newer than the base, stop the nodes',
  effect: 'write',
  // The nodes open every file of the point.
  timeout: { atLeast: '1h', perGiB: '1m', of: ['restore-files.bytes'] },
  retry: standardRetry,
  result: z.object({ tables: someNames }),
} as const;

/**
 * Creates the plan's added tables with the ids that the log uses, on the nodes of `platform`, which are stopped before
 * and, by `stop`, after.
 */
export async function createTables(
  platform: Platform,
  plan: LogPlan,
  signal: AbortSignal,
  stop: () => Promise<void> = async () => platform.databaseLifecycle.stopAll(signal),
): Promise<z.infer<typeof createTablesStep.result>> {
  const { addedTables: tables } = plan;
  const { known, unknown } = await creations(platform.bucket, plan);
  if (unknown.length > 0) throw notUnderstood(unknown);
  await platform.databaseLifecycle.startAll(signal);
  const there = await tableIds(platform);
  for (const { id, statements } of known) {
    if (there.has(id)) continue;
    for (const statement of statements) await platform.database.execute(statement);
  }
  const now = await tableIds(platform);
  const missing = tables.filter(({ id }) => !now.has(id));
  if (missing.length > 0) throw notCreated(missing);
  // After a drain the new tables are in files, and the log that they were written to is no longer needed.
  await stop();
  return { tables: namesOf(tables.map(({ name }) => name)) };
}

/**
 * Checks after the replay: a table that does not exist with its id has lost its mutations. Throws FailedProblem
 * `tables-not-created`.
 */
export async function requireTables(platform: Platform, { addedTables: tables }: LogPlan): Promise<void> {
  if (tables.length === 0) return;
  const ids = await tableIds(platform);
  const missing = tables.filter(({ id }) => !ids.has(id));
  if (missing.length > 0) throw notCreated(missing);
}

async function tableIds({ database }: Platform): Promise<ReadonlySet<string>> {
  const rows = await database.execute('SELECT id FROM system_schema.tables');
  return new Set(rows.map(({ id }) => String(id)));
}

type Creating = Pick<LogPlan, 'strands' | 'instant' | 'addedTables'>;

/**
 * Throws RefusedProblem `tables-not-understood` when the schemas of the log do not say in CQL that is known how one of the tables is created.
 * Asked while nothing is stopped yet: what lies in the bucket is data, and is never executed as it is.
 */
export async function requireCreatable(bucket: ObjectStore, plan: Creating): Promise<void> {
  if (plan.addedTables.length === 0) return;
  const { unknown } = await creations(bucket, plan);
  if (unknown.length > 0) throw notUnderstood(unknown);
}

/** The statements for each table by the last schema that was in force up to the instant and holds it, and one line for each table that has none. */
async function creations(
  bucket: ObjectStore,
  plan: Creating,
): Promise<{
  readonly known: ReadonlyArray<{ readonly id: string; readonly statements: readonly string[] }>;
  readonly unknown: readonly string[];
}> {
  const schemas: Array<{ readonly key: string; readonly schema: LogSchema }> = [];
  for (const key of plannedSchemas(plan, micros(0))) {
    const stored = await bucket.get(key);
    if (stored !== undefined) schemas.push({ key, schema: logSchemaDocument.read(stored.body, key) });
  }
  const known: Array<{ readonly id: string; readonly statements: readonly string[] }> = [];
  const unknown: string[] = [];
  for (const { id, name } of plan.addedTables) {
    const found = schemas.findLast(({ schema }) => schema.tables.some((table) => table.id === id));
    // Names of keyspaces and tables have no dots.
    const [keyspace = '', table = ''] = name.split('.');
    const creation = found === undefined ? 'no schema holds it' : creationOf(found.schema.cql, { keyspace, table, id });
    if (typeof creation === 'string') unknown.push(`${name} (${id}), by ${found?.key ?? 'the log'}: ${creation}`);
    else known.push({ id, statements: creation.statements });
  }
  return { known, unknown };
}

function notUnderstood(unknown: readonly string[]): RefusedProblem {
  return new RefusedProblem({
    code: 'tables-not-understood',
    happened: `${unknown.length} tables are newer than the base, and the schemas in the bucket do not say in statements that are known how they are created.`,
    state: 'No statement of these schemas was executed.',
    next: 'Restore to an instant before these tables were created, or to a later restore point that holds them.',
    details: unknown.slice(0, 50),
  });
}

function notCreated(missing: readonly AddedTable[]): FailedProblem {
  return new FailedProblem({
    code: 'tables-not-created',
    happened: `${missing.length} tables are newer than the base and could not be created with the ids that the log uses.`,
    state: 'The restored files are in place, but no log was replayed into these tables. The old data is kept.',
    next: 'Restore to an instant before these tables were created, or to a later restore point that holds them.',
    details: missing.slice(0, 50).map(({ id, name }) => `${name} (${id})`),
  });
}
