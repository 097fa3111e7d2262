import { beforeEach, expect, test } from 'vitest';
import { removedAt, writtenAt } from '../../../test/support/graph-changes.ts';
import { GraphLog } from '../../../test/support/graph-log.ts';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { hosts, second, secondText } from '../../../test/support/shipped-bucket.ts';
import { TableRows } from '../../../test/support/table-rows.ts';
import { readSchema } from '../../graph/schema.ts';
import type { StoredChange } from '../../graph/transactions/stored-change.ts';
import { commitSlot } from '../../model/commit-slot.ts';
import { formatInstant, type Micros } from '../../model/instant.ts';
import { logSchemaDocument } from '../../model/log-schema.ts';
import type { KnownSchema } from '../catalog/schema-catalog.ts';
import { type Search, searchTransactions } from './transaction-search.ts';
import { analyseUndo } from '../undo/undo-analysis.ts';

const rows = new TableRows();
const schema = await readSchema(rows, 'janusgraph');
const known: KnownSchema = { schema, shapes: [], from: 'bucket', says: 'a test' };
const [a, b] = hosts;

/** The slot of the second. */
const slot = (count: number): Micros => commitSlot(second(count));
const all = writtenAt(rows, schema, 1);
/** Vertex 4316 with its label and property: a group of its own. */
const lone = all.filter(({ table, key }) => table === 'edgestore' && schema.ids.fromKey(key) === 4316);
/** Vertex 4296 and the edge from it to itself. */
const loop = all.filter(({ table, key }) => table === 'edgestore' && schema.ids.fromKey(key) === 4296);
const at = (changes: readonly StoredChange[], count: number): StoredChange[] =>
  changes.map((change) => ({ ...change, at: slot(count) }));
const gone = (changes: readonly StoredChange[], count: number): StoredChange[] => removedAt(changes, slot(count) - 1);

let bucket: MemoryStore;
let log: GraphLog;

beforeEach(async () => {
  bucket = new MemoryStore();
  log = new GraphLog(bucket);
  await log.open('t0001', second(0));
});

async function ship(host: string, from: number, to: number, changes: readonly StoredChange[], timeline = 't0001') {
  await log.ship({ timeline, host, from: second(from), to: second(to) }, changes);
}

async function search(from: number, to: number, more: Partial<Search> = {}) {
  const wanted = {
    around: second((from + to) / 2),
    from: second(from),
    to: second(to),
    removing: false,
    limit: 0,
    ...more,
  };
  return searchTransactions({ bucket, keyspace: 'janusgraph' }, known, wanted);
}

const idsOf = ({ transactions }: Awaited<ReturnType<typeof search>>) => transactions.map(({ id }) => id);
const id = (count: number) => formatInstant(slot(count));

test('transactions are found once each, whichever nodes have them, however late and mixed they arrive', async () => {
  await ship(a, 0, 15, at(lone, 10));
  // A node that was away: read repair brings it an old transaction together with a later one.
  await ship(b, 0, 5, []);
  await ship(b, 5, 40, [...at(lone, 10), ...gone(lone.slice(0, 1), 20), ...at(loop, 30)]);
  await ship(a, 15, 40, [...gone(lone, 20), ...at(loop, 30)]);
  const found = await search(0, 60);
  expect(idsOf(found)).toEqual([id(10), id(20), id(30)]);
  expect(found.transactions.map(({ hosts }) => hosts.length)).toEqual([2, 2, 2]);
  expect(found.transactions[0]?.tables).toEqual({ edgestore: lone.length });
  expect(found).toMatchObject({
    count: 3,
    largestRemoval: { id: id(20), vertices: { removed: { by: { frozen: 1 } } } },
  });
});

test('the range, the element and the removal narrow it; the limit keeps the nearest, and the largest removal is told all the same', async () => {
  await ship(a, 0, 15, at(lone, 10));
  await ship(a, 15, 40, [...gone(lone, 20), ...at(loop, 30)]);
  expect(idsOf(await search(15, 25))).toEqual([id(20)]);
  expect(idsOf(await search(0, 60, { element: { vertex: 4316 } }))).toEqual([id(10), id(20)]);
  expect(idsOf(await search(0, 60, { removing: true }))).toEqual([id(20)]);
  const nearest = await search(0, 60, { around: second(29), limit: 1 });
  expect(idsOf(nearest)).toEqual([id(30)]);
  expect(nearest).toMatchObject({ count: 3, largestRemoval: { id: id(20) } });
});

test('a quiet range has no transactions; one that was never shipped is refused with what there is', async () => {
  await ship(a, 0, 15, at(lone, 10));
  await ship(a, 15, 400, []);
  expect(await search(200, 300)).toMatchObject({ count: 0, facts: { newest: second(400) } });
  await expect(search(500, 600)).rejects.toMatchObject({
    code: 'no-log-there',
    next: expect.stringContaining(secondText(400)),
  });
  await expect(search(0, 60, { timeline: 't0009' })).rejects.toMatchObject({ code: 'unknown-timeline' });
});

test('a later timeline has what its parent had up to the fork, without what was undone, and nothing of what followed there', async () => {
  await ship(a, 0, 60, [...at(lone, 10), ...gone(lone, 20), ...at(loop, 50)]);
  await log.open('t0002', second(70), {
    parent: { id: 't0001', forkedAt: formatInstant(slot(40)) },
    exclusions: [id(20)],
  });
  await ship(a, 70, 100, at(loop, 80), 't0002');
  expect(idsOf(await search(0, 100))).toEqual([id(10), id(80)]);
  expect(idsOf(await search(0, 100, { timeline: 't0001' }))).toEqual([id(10), id(20), id(50)]);
});

test('an undo is compared with everything up to the end of the log, and knows the last instant before it', async () => {
  await ship(a, 0, 15, at(lone, 10));
  await ship(a, 15, 40, gone(lone, 20));
  await ship(a, 40, 900, at(loop, 700));
  const analysis = await analyseUndo({ bucket, keyspace: 'janusgraph' }, known, { groups: [id(20)], settleMargin: 0 });
  expect(analysis).toMatchObject({ timeline: 't0001', before: slot(20) - 2, newest: second(900) });
  expect(analysis.report).toMatchObject({ conflictCount: 0, later: 0 });
  const first = await analyseUndo({ bucket, keyspace: 'janusgraph' }, known, { groups: [id(10)], settleMargin: 0 });
  expect(first.report.conflictCount).toBeGreaterThan(0);
  await expect(
    analyseUndo({ bucket, keyspace: 'janusgraph' }, known, { groups: [id(11)], settleMargin: 0 }),
  ).rejects.toMatchObject({
    code: 'unknown-group',
  });
});

test('a missing object of a stream is said, and what other replicas have of it is found', async () => {
  for (const host of [a, b]) {
    await ship(host, 0, 15, at(lone, 10));
    await ship(host, 15, 25, gone(lone, 20));
    await ship(host, 25, 40, at(loop, 30));
  }
  const keys: string[] = [];
  for await (const { key } of bucket.list(`log/t0001/${a}/0`)) keys.push(key);
  await bucket.delete(keys[1] ?? '');
  const found = await search(0, 60);
  expect(idsOf(found)).toEqual([id(10), id(20), id(30)]);
  expect(found.transactions.map(({ hosts }) => hosts)).toEqual([[a, b], [b], [a, b]]);
  expect(found.facts.holes).toEqual([`the log of node-a from ${secondText(15)} to ${secondText(25)} is missing`]);
});

test('a flipped bit in the log is named with its object, never read over', async () => {
  await ship(a, 0, 15, at(lone, 10));
  let damaged = '';
  for await (const { key } of bucket.list(`log/t0001/${a}/0`)) {
    const body = Buffer.from((await bucket.get(key))?.body ?? []);
    body.writeUInt8(body.readUInt8(body.length - 9) ^ 1, body.length - 9);
    await bucket.put(key, body);
    damaged = key;
  }
  const happened: unknown = expect.stringContaining(damaged);
  await expect(search(0, 60)).rejects.toMatchObject({ code: 'log-damaged', happened });
});

test('what was written after the range to a table of which no schema tells does not keep the range from being read', async () => {
  await ship(a, 0, 15, at(lone, 10));
  const index = all.filter(({ table }) => table === 'graphindex');
  await ship(a, 15, 40, at(index, 30));
  const key = [...bucket.objects.keys()].find((each) => each.startsWith('log/t0001/schema/')) ?? '';
  const told = logSchemaDocument.read(bucket.text(key), key);
  const tables = told.tables.filter(({ table }) => table !== 'graphindex');
  bucket.set(key, logSchemaDocument.write({ ...told, tables }));
  expect(idsOf(await search(0, 20))).toEqual([id(10)]);
  await expect(search(0, 60)).rejects.toMatchObject({ code: 'log-table-unknown' });
});
