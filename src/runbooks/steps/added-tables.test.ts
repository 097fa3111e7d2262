import { expect, test } from 'vitest';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import type { LogPlan } from '../../model/log-plan.ts';
import { logSchemaDocument, logSchemaKey } from '../../model/log-schema.ts';
import type { Platform } from '../../ports/platform.ts';
import { createTables, requireCreatable } from './added-tables.ts';

const id = '5a1c4d20-0f2b-11f1-8f3e-3b1c5d7e9a01';
const signal = new AbortController().signal;

/** A bucket whose schema has this text, a database that notes what it is told, and the plan that names the schema. */
function withSchema(cql: string, { keyspace = 'Aml', table = 'Late' } = {}) {
  const store = new MemoryStore();
  const schema = logSchemaDocument.body.parse({
    timeline: 't0001',
    at: '2026-02-19T02:00:00.000000Z',
    schemaVersion: 'v1',
    tables: [{ keyspace, table, id, columns: [] }],
    keyspaces: [],
    cql,
  });
  store.set(logSchemaKey(schema), logSchemaDocument.write(schema));
  const executed: string[] = [];
  const platform = {
    bucket: store,
    database: {
      async execute(statement: string) {
        executed.push(statement);
        return executed.some((each) => each.startsWith('CREATE TABLE')) ? [{ id }] : [];
      },
    },
    databaseLifecycle: {
      startAll: async () => void executed.push('start'),
      stopAll: async () => void executed.push('stop'),
    },
  } as unknown as Platform;
  const instant = '2026-02-19T02:30:00.000000Z';
  const plan = {
    instant,
    strands: [{ until: instant, schemas: [logSchemaKey(schema)] }],
    addedTables: [{ id, name: `${keyspace}.${table}` }],
  } as unknown as LogPlan;
  return { store, platform, executed, plan };
}

test('a table of a keyspace with capital letters is created under its id', async () => {
  const { platform, executed, plan } = withSchema(
    `CREATE KEYSPACE "Aml" WITH replication = {'class': 'SimpleStrategy', 'replication_factor': '1'} AND durable_writes = true;\n\nCREATE TABLE "Aml"."Late" (\n    k int PRIMARY KEY\n) WITH ID = ${id};`,
  );
  await requireCreatable(platform.bucket, plan);
  await createTables(platform, plan, signal);
  expect(executed.filter((each) => !each.startsWith('SELECT'))).toEqual([
    'start',
    `CREATE KEYSPACE IF NOT EXISTS "Aml" WITH replication = {'class': 'SimpleStrategy', 'replication_factor': '1'} AND durable_writes = true`,
    `CREATE TABLE "Aml"."Late" ("k" int PRIMARY KEY) WITH ID = ${id}`,
    'stop',
  ]);
});

test.each([
  ['other', `DROP KEYSPACE "Aml"; -- WITH ID = ${id}`],
  ['hidden', `CREATE TABLE "Aml"."Late" (k int PRIMARY KEY) WITH ID = ${id} DROP KEYSPACE "Aml";`],
])(
  'a schema with %s statements is refused while nothing is stopped, and nothing of it is executed',
  async (_what, cql) => {
    const { store, platform, executed, plan } = withSchema(cql);
    await expect(requireCreatable(store, plan)).rejects.toMatchObject({
      kind: 'refused',
      code: 'tables-not-understood',
      details: [expect.stringMatching(/^Aml\.Late \(5a1c4d20-.*\), by log\/t0001\/schema\//)],
    });
    // A schema that was changed after the plan was made is not executed either.
    await expect(createTables(platform, plan, signal)).rejects.toMatchObject({ code: 'tables-not-understood' });
    expect(executed).toEqual([]);
  },
);

test('a plan without new tables reads no schema', async () => {
  const { store, plan } = withSchema('');
  store.unreachable = true;
  await requireCreatable(store, { ...plan, addedTables: [] });
});

const cql = (lasting: number, factor: number) =>
  `CREATE KEYSPACE app WITH replication = {'class': 'SimpleStrategy', 'replication_factor': '${factor}'} AND durable_writes = true;\n\nCREATE TABLE app.late (\n    k int PRIMARY KEY\n) WITH ID = ${id}\n    AND default_time_to_live = ${lasting};`;

test('a table that is newer than the base is made as it was at the instant, not as somebody has altered it since', async () => {
  const store = new MemoryStore();
  const schema = (hour: string, text: string): string => {
    const body = logSchemaDocument.body.parse({
      timeline: 't0001',
      at: `2026-02-19T${hour}:00:00.000000Z`,
      schemaVersion: hour,
      tables: [{ keyspace: 'app', table: 'late', id, columns: [] }],
      keyspaces: [],
      cql: text,
    });
    store.set(logSchemaKey(body), logSchemaDocument.write(body));
    return logSchemaKey(body);
  };
  // Altered an hour after the instant: that is what is to be undone.
  const schemas = [schema('02', cql(0, 3)), schema('04', cql(60, 1))];
  const executed: string[] = [];
  const platform = {
    bucket: store,
    database: {
      async execute(statement: string) {
        executed.push(statement);
        return executed.some((each) => each.startsWith('CREATE TABLE')) ? [{ id }] : [];
      },
    },
    databaseLifecycle: { startAll: async () => {}, stopAll: async () => {} },
  } as unknown as Platform;
  const instant = '2026-02-19T03:00:00.000000Z';
  const plan = {
    instant,
    strands: [{ timeline: 't0001', until: instant, schemas }],
    addedTables: [{ id, name: 'app.late' }],
  } as unknown as LogPlan;
  await createTables(platform, plan, signal);
  const made = executed.filter((each) => each.startsWith('CREATE'));
  expect(made).toEqual([
    expect.stringContaining(`'replication_factor': '3'`),
    expect.not.stringContaining('default_time_to_live = 60'),
  ]);
});
