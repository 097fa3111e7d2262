import { z } from 'zod';
import type { AddedTable, LogPlan } from '../../model/log-plan.ts';
import { type LogSchema, logSchemaDocument } from '../../model/log-schema.ts';
import { FailedProblem } from '../../model/problem.ts';
import type { Platform } from '../../ports/platform.ts';
import { namesOf, someNames } from './some-names.ts';
import { standardRetry } from './standard-steps.ts';

export const createTablesStep = {
  id: 'create-tables',
  title: 'Start the nodes without logs, create the tables that are newer than the base, stop the nodes',
  effect: 'write',
  timeout: '1h',
  retry: standardRetry,
  result: z.object({ tables: someNames }),
} as const;

/**
 * Creates the plan's added tables with the ids that the log uses, on the nodes of `platform`, which are stopped before
 * and after.
 */
export async function createTables(
  platform: Platform,
  plan: LogPlan,
  signal: AbortSignal,
): Promise<z.infer<typeof createTablesStep.result>> {
  const { addedTables: tables } = plan;
  const statements = await statementsFor(platform, plan);
  await platform.databaseLifecycle.startAll(signal);
  const known = await tableIds(platform);
  for (const { id, statement, keyspace } of statements) {
    if (known.has(id)) continue;
    if (keyspace !== undefined) await platform.database.execute(keyspace);
    await platform.database.execute(statement);
  }
  const now = await tableIds(platform);
  const missing = tables.filter(({ id }) => !now.has(id));
  if (missing.length > 0) throw notCreated(missing);
  // After a drain the new tables are in files, and the log that they were written to is no longer needed.
  await platform.databaseLifecycle.stopAll(signal);
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

interface Creation {
  readonly id: string;
  readonly statement: string;
  /** Creates the keyspace, if it was also created later. */
  readonly keyspace: string | undefined;
}

async function statementsFor(
  { bucket }: Platform,
  { strands, addedTables: tables }: LogPlan,
): Promise<readonly Creation[]> {
  const schemas: LogSchema[] = [];
  for (const key of strands.flatMap((strand) => strand.schemas)) {
    const stored = await bucket.get(key);
    if (stored !== undefined) schemas.push(logSchemaDocument.read(stored.body, key));
  }
  return tables.map(({ id, name }) => {
    const schema = schemas.findLast((each) => each.tables.some((table) => table.id === id));
    const all = schema?.cql.split(/;\s*(?:\n\s*\n|$)/) ?? [];
    const statement = all.find((each) => each.includes(`WITH ID = ${id}`));
    if (statement === undefined) throw notCreated([{ id, name }]);
    const head = `CREATE KEYSPACE ${name.split('.')[0]} `;
    const keyspace = all.find((each) => each.trimStart().startsWith(head));
    return { id, statement, keyspace: keyspace?.replace('CREATE KEYSPACE', 'CREATE KEYSPACE IF NOT EXISTS') };
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
