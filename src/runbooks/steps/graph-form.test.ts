import { expect, test } from 'vitest';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { TableRows } from '../../../test/support/table-rows.ts';
import { FailedProblem, RetryableProblem } from '../../model/problem.ts';
import { inventoryDocument, inventoryKey, type RestorePoint } from '../../model/restore-point.ts';
import { writePresent } from '../../graph/codec/attribute.ts';
import { checkForm, requireRestorableForm } from './graph-form.ts';

const point = {
  id: 'backup-20260219-020000',
  keyspace: 'janusgraph',
  nodes: [{ node: 'node-1' }, { node: 'node-2' }],
} as RestorePoint;

function platform(database: unknown, bucket = new MemoryStore()) {
  return { database, keyspace: 'janusgraph', bucket } as never;
}

function withTextIds(): TableRows {
  const database = new TableRows();
  const setting = Buffer.from('graph.allow-custom-vid-types').toString('hex');
  database.put('system_properties', Buffer.from('configuration').toString('hex'), setting, '8f01');
  return database;
}

const refused = { kind: 'refused', code: 'graph-form-unsupported' };

test('a backup of a graph with text ids is refused before anything is done', async () => {
  const services = (database: unknown) => ({ services: { platform: platform(database) } }) as never;
  await expect(checkForm.run(services(withTextIds()))).rejects.toMatchObject(refused);
  expect(await checkForm.run(services(new TableRows()))).toEqual({});
});

const backUp = async (database: unknown) => checkForm.run({ services: { platform: platform(database) } } as never);

test('tables in which JanusGraph was never started are stored all the same', async () => {
  const database = new TableRows();
  database.tables.system_properties?.clear();
  expect(await backUp(database)).toEqual({});
});

test('a keyspace without the tables of a graph is refused before anything is done', async () => {
  await expect(backUp(without('system_properties'))).rejects.toMatchObject({ kind: 'refused', code: 'graph-missing' });
});

/** Its ids are claimed elsewhere. */
function without(table: string): TableRows {
  const database = new TableRows();
  delete (database.tables as Record<string, unknown>)[table];
  return database;
}

function withIdStore(name: string): TableRows {
  const database = new TableRows();
  const setting = Buffer.from('ids.store-name').toString('hex');
  const value: number[] = [];
  writePresent(value, 'Object', { type: 'String', value: name });
  database.put(
    'system_properties',
    Buffer.from('configuration').toString('hex'),
    setting,
    Buffer.from(value).toString('hex'),
  );
  return database;
}

test.each([
  ['the table is not there', () => without('janusgraph_ids')],
  ['the settings say so', () => withIdStore('titan_ids')],
])('a backup of a graph whose ids are claimed in another table is refused: %s', async (_how, graph) => {
  await expect(backUp(graph())).rejects.toMatchObject({
    ...refused,
    happened: expect.stringContaining('ids.store-name'),
  });
});

test('a backup asks what a restore will ask with the old data aside', async () => {
  const database = new TableRows();
  const denied = new FailedProblem({ code: 'database-query-failed', happened: 'h', state: 's', next: 'n' });
  const asking = {
    execute: database.execute.bind(database),
    rows: async function* (query: string, params?: readonly unknown[]) {
      if (query.includes('janusgraph_ids')) throw denied;
      yield* database.rows(query, params);
    },
  };
  await expect(backUp(asking)).rejects.toBe(denied);
});

const tableNames = ['edgestore', 'graphindex', 'system_properties', 'janusgraph_ids'];

async function bucketOf(tables: readonly string[], node = 'node-1'): Promise<MemoryStore> {
  const bucket = new MemoryStore();
  const folders = tables.map((name) => ({ keyspace: 'janusgraph', table: `${name}-${'0'.repeat(32)}`, files: [] }));
  const other = { keyspace: 'another', table: `janusgraph_ids-${'0'.repeat(32)}`, files: [] };
  await bucket.put(
    inventoryKey(point.id, node),
    inventoryDocument.write({ point: point.id, node, tables: [...folders, other] }),
  );
  await bucket.put(`schemas/${point.id}.json`, '{}');
  return bucket;
}

test('a point of before whose graph claims its ids in another table is refused before anything stops', async () => {
  const away = { rows: () => expect.unreachable() };
  const good = await bucketOf(tableNames);
  await requireRestorableForm(platform(away, good), point, false);
  const titan = tableNames.filter((name) => name !== 'janusgraph_ids');
  for (const node of ['node-1', 'node-2']) {
    const bucket = await bucketOf(titan, node);
    await expect(requireRestorableForm(platform(away, bucket), point, false)).rejects.toMatchObject(refused);
  }
  // A damaged inventory is named when the files are checked.
  const damaged = await bucketOf(titan);
  await damaged.put(inventoryKey(point.id, 'node-1'), '{');
  await requireRestorableForm(platform(away, damaged), point, false);
});

test('with its log a point is restored only where the living graph claims its ids in the known table', async () => {
  const bucket = await bucketOf(tableNames);
  await expect(requireRestorableForm(platform(withIdStore('titan_ids'), bucket), point, true)).rejects.toMatchObject(
    refused,
  );
  await requireRestorableForm(platform(new TableRows(), bucket), point, true);
});

test('a restore is refused before anything stops when the graph has text ids', async () => {
  await expect(requireRestorableForm(platform(withTextIds()), point, false)).rejects.toMatchObject(refused);
  await requireRestorableForm(platform(new TableRows()), point, true);
});

test('a point whose types were stored is of a form that can be restored, whatever was switched on since', async () => {
  const bucket = new MemoryStore();
  await bucket.put(`schemas/${point.id}.json`, '{}');
  await requireRestorableForm(platform(withTextIds(), bucket), point, false);
  // With its log the switch comes back, too.
  await expect(requireRestorableForm(platform(withTextIds(), bucket), point, true)).rejects.toMatchObject(refused);
});

test('a database that is down or a graph that is gone keeps nobody from restoring', async () => {
  const away = new RetryableProblem({ code: 'database-unreachable', happened: 'h', state: 's', next: 'n' });
  const down = {
    rows: () => {
      throw away;
    },
  };
  await requireRestorableForm(platform(down), point, true);
  const empty = new TableRows();
  empty.tables.system_properties?.clear();
  await requireRestorableForm(platform(empty), point, true);
});
