import { expect, test } from 'vitest';
import { writtenAt } from '../../../test/support/graph-changes.ts';
import { GraphLog } from '../../../test/support/graph-log.ts';
import { hosts, second, secondText, ShippedBucket } from '../../../test/support/shipped-bucket.ts';
import { noDatabase } from '../../../test/support/no-database.ts';
import { TableRows } from '../../../test/support/table-rows.ts';
import { graphSchemaDocument, graphSchemaKey, toSchemaDocument } from '../../graph/schema-document.ts';
import { readSchema } from '../../graph/schema.ts';
import { commitSlot } from '../../model/commit-slot.ts';
import type { EnvironmentConfig } from '../../model/config.ts';
import { timelineId } from '../../model/identifiers.ts';
import { formatInstant } from '../../model/instant.ts';
import type { Platform } from '../../ports/platform.ts';
import { makeLogPlan } from './make-log-plan.ts';

const [a] = hosts;

function planOf(
  bucket: ShippedBucket,
  point: string,
  to: { instant: number; timeline: string; margin: string },
  database: TableRows | typeof noDatabase = noDatabase,
) {
  return makeLogPlan(
    {
      platform: { bucket: bucket.store, environment: 'local', keyspace: 'janusgraph', database } as unknown as Platform,
      config: { backup: { log: { settleMargin: to.margin } } } as unknown as EnvironmentConfig,
      clock: { now: () => new Date(second(to.instant + 60) / 1000), monotonic: () => 0, sleep: async () => {} },
    },
    {
      point,
      run: 'restore-20260219-020300-k3f9',
      signal: new AbortController().signal,
      replay: true,
      toEnd: false,
      logs: { instant: secondText(to.instant), timeline: timelineId.parse(to.timeline), exclusions: [] },
    },
    { idsKnown: true },
  );
}

/**
 * t0001 is left at second 4; at 6 a backup of it recorded a schema with indexes that were made after the fork. On t0002, from second 8 on, they
 * do not exist.
 */
async function incompleteOn(recordedOnLeft: boolean, damage = false): Promise<readonly string[]> {
  const rows = new TableRows();
  const schema = await readSchema(rows, 'janusgraph');
  const plain = {
    ...schema,
    compositeIndexes: schema.compositeIndexes.filter(({ id }) => schema.types.get(id)?.system),
  };
  const edges = writtenAt(rows, schema, 1).filter(({ table }) => table === 'edgestore');
  const bucket = new ShippedBucket();
  const log = new GraphLog(bucket.store);
  await log.open('t0001', second(0));
  await log.ship({ timeline: 't0001', host: a, from: second(0), to: second(7) }, []);
  const id = await bucket.point(1, 2, { nodeCount: 1, replicationFactor: 1, proof: 'checked', schemaVersion: 'one' });
  const document = toSchemaDocument(plain, { keyspace: 'janusgraph', at: secondText(2), shapes: [] });
  await bucket.store.put(graphSchemaKey(id), graphSchemaDocument.write(document));
  if (recordedOnLeft) {
    const more = { nodeCount: 1, replicationFactor: 1, proof: 'checked', schemaVersion: 'one' } as const;
    const left = await bucket.point(5, 6, more);
    const later = toSchemaDocument(schema, { keyspace: 'janusgraph', at: secondText(6), shapes: [] });
    const text = graphSchemaDocument.write(later);
    await bucket.store.put(graphSchemaKey(left), damage ? text.replace('janusgraph', 'janusgrapj') : text);
  }
  await log.open('t0002', second(8), { parent: { id: 't0001', forkedAt: secondText(4) } });
  await log.ship(
    { timeline: 't0002', host: a, from: second(8), to: second(25) },
    edges.map((change) => ({ ...change, at: commitSlot(second(20)) })),
  );
  const { plan } = await planOf(bucket, id, { instant: 24, timeline: 't0002', margin: '10s' });
  return plan.incomplete;
}

test('a transaction of the last seconds is not left out because of an index that only a history that was left has had', async () => {
  expect(await incompleteOn(false)).toEqual([]);
  expect(await incompleteOn(true)).toEqual([]);
});

test('half an edge of the last seconds is left out also where only a backup of a history that was left has recorded the types', async () => {
  const rows = new TableRows();
  const schema = await readSchema(rows, 'janusgraph');
  const edges = writtenAt(rows, schema, 1).filter(({ table }) => table === 'edgestore');
  const half = edges.filter(({ key }) => schema.ids.fromKey(key) === 4296).slice(-1);
  const bucket = new ShippedBucket();
  const log = new GraphLog(bucket.store);
  await log.open('t0001', second(0));
  await log.ship({ timeline: 't0001', host: a, from: second(0), to: second(7) }, []);
  const more = { nodeCount: 1, replicationFactor: 1, proof: 'checked', schemaVersion: 'one' } as const;
  const id = await bucket.point(1, 2, more);
  const left = await bucket.point(5, 6, more);
  const document = toSchemaDocument(schema, { keyspace: 'janusgraph', at: secondText(6), shapes: [] });
  await bucket.store.put(graphSchemaKey(left), graphSchemaDocument.write(document));
  await log.open('t0002', second(8), { parent: { id: 't0001', forkedAt: secondText(4) } });
  await log.ship({ timeline: 't0002', host: a, from: second(8), to: second(25) }, [...at(edges, 20), ...at(half, 21)]);
  const { plan } = await planOf(bucket, id, { instant: 24, timeline: 't0002', margin: '10s' });
  expect(plan.incomplete).toEqual([formatInstant(commitSlot(second(21)))]);
});

test('with a margin of the longest commit, half a transaction that began a minute before the end is left out', async () => {
  const rows = new TableRows();
  const schema = await readSchema(rows, 'janusgraph');
  const all = writtenAt(rows, schema, 1);
  const half = all.filter(({ table, key }) => table === 'edgestore' && schema.ids.fromKey(key) === 4296).slice(-1);
  const bucket = new ShippedBucket();
  const log = new GraphLog(bucket.store);
  await log.open('t0001', second(0));
  await log.ship({ timeline: 't0001', host: a, from: second(0), to: second(90) }, [...at(all, 20), ...at(half, 25)]);
  const id = await bucket.point(1, 2, { nodeCount: 1, replicationFactor: 1, proof: 'checked', schemaVersion: 'one' });
  const document = toSchemaDocument(schema, { keyspace: 'janusgraph', at: secondText(2), shapes: [] });
  await bucket.store.put(graphSchemaKey(id), graphSchemaDocument.write(document));
  const { plan } = await planOf(bucket, id, { instant: 88, timeline: 't0001', margin: '2m' });
  expect(plan.incomplete).toEqual([formatInstant(commitSlot(second(25)))]);
});

test('one damaged schema of a backup does not keep the end of the log from being restored, where another one tells the same', async () => {
  expect(await incompleteOn(true, true)).toEqual([]);
});

/** The graph's indexes, and the rows in the edge store that define them. */
async function indexesOf(rows: TableRows) {
  const schema = await readSchema(rows, 'janusgraph');
  const indexes = schema.compositeIndexes.filter(({ id }) => schema.types.get(id)?.system !== true);
  const recorded = { ...schema, compositeIndexes: schema.compositeIndexes.filter((each) => !indexes.includes(each)) };
  const keys = new Set(indexes.map(({ id }) => schema.ids.toKey(id).toString('hex')));
  const all = writtenAt(rows, schema, 1);
  const bytes = (text: string) => Buffer.from(text, 'hex');
  const made = [...(rows.tables['edgestore']?.values() ?? [])].flatMap(([key, column, value]): typeof all =>
    keys.has(key)
      ? [{ table: 'edgestore', key: bytes(key), column: bytes(column), value: bytes(value), at: 1, host: a }]
      : [],
  );
  expect(made.length).toBeGreaterThanOrEqual(indexes.length);
  return { schema, recorded, all, edges: all.filter(({ table }) => table === 'edgestore'), made };
}

type Change = ReturnType<typeof writtenAt>[number];

function at(changes: readonly Change[], count: number): Change[] {
  return changes.map((change) => ({ ...change, at: commitSlot(second(count)) }));
}

test('a part of a transaction of the last seconds is left out also where its index was made since the backup that recorded the schema', async () => {
  const rows = new TableRows();
  const { recorded, all, edges, made } = await indexesOf(rows);
  const bucket = new ShippedBucket();
  const log = new GraphLog(bucket.store);
  await log.open('t0001', second(0));
  await log.ship({ timeline: 't0001', host: a, from: second(0), to: second(4) }, at(made, 3));
  // At 13 only a part of it is in the log; at 14 another one is whole, with the entries.
  await log.ship({ timeline: 't0001', host: a, from: second(4), to: second(15) }, [...at(edges, 13), ...at(all, 14)]);
  const id = await bucket.point(1, 2, { nodeCount: 1, replicationFactor: 1, proof: 'checked', schemaVersion: 'one' });
  const document = toSchemaDocument(recorded, { keyspace: 'janusgraph', at: secondText(2), shapes: [] });
  await bucket.store.put(graphSchemaKey(id), graphSchemaDocument.write(document));
  // The database answers, and knows the indexes.
  const { plan } = await planOf(bucket, id, { instant: 15, timeline: 't0001', margin: '10s' }, rows);
  expect(plan.incomplete).toEqual([formatInstant(commitSlot(second(13)))]);
});

test.each([
  ['before the last seconds, it must have entries', 3, [13]],
  ['after the instant, it has none', 17, []],
] as const)('of an index that the living database has, and no entry tells of: made %s', async (_when, madeAt, left) => {
  const rows = new TableRows();
  const { recorded, edges, made } = await indexesOf(rows);
  const bucket = new ShippedBucket();
  const log = new GraphLog(bucket.store);
  await log.open('t0001', second(0));
  const changes = [...at(made, madeAt), ...at(edges, 13)].sort((x, y) => x.at - y.at);
  await log.ship({ timeline: 't0001', host: a, from: second(0), to: second(20) }, changes);
  const id = await bucket.point(1, 2, { nodeCount: 1, replicationFactor: 1, proof: 'checked', schemaVersion: 'one' });
  const document = toSchemaDocument(recorded, { keyspace: 'janusgraph', at: secondText(2), shapes: [] });
  await bucket.store.put(graphSchemaKey(id), graphSchemaDocument.write(document));
  const { plan } = await planOf(bucket, id, { instant: 15, timeline: 't0001', margin: '10s' }, rows);
  expect(plan.incomplete).toEqual(left.map((count) => formatInstant(commitSlot(second(count)))));
});

test('where the newest schemas are damaged, of the graph and of the log, older ones tell what is left out of the last seconds', async () => {
  const rows = new TableRows();
  const { schema, edges } = await indexesOf(rows);
  const bucket = new ShippedBucket();
  const log = new GraphLog(bucket.store);
  await log.open('t0001', second(0));
  await log.ship({ timeline: 't0001', host: a, from: second(0), to: second(25) }, at(edges, 20));
  // From before the base: nothing that is replayed was written under it.
  await bucket.store.put('log/t0001/schema/2026-02-19T015950.000000Z-old.json', '{');
  const more = { nodeCount: 1, replicationFactor: 1, proof: 'checked', schemaVersion: 'one' } as const;
  const ids = [await bucket.point(1, 2, more), await bucket.point(5, 6, more), await bucket.point(8, 9, more)];
  for (const [number, id] of ids.entries()) {
    const document = toSchemaDocument(schema, { keyspace: 'janusgraph', at: secondText(2 + number), shapes: [] });
    const text = graphSchemaDocument.write(document);
    const body = number === 0 ? text : text.replace('janusgraph', 'janusgrapj');
    if (number < 2) await bucket.store.put(graphSchemaKey(id), body);
  }
  const { plan } = await planOf(bucket, ids[2] ?? '', { instant: 24, timeline: 't0001', margin: '10s' });
  expect(plan.incomplete).toEqual([formatInstant(commitSlot(second(20)))]);
});
