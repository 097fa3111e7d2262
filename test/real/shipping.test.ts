import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { instantOf } from '../../src/model/instant.ts';
import { logSchemaDocument, logSchemaPrefix, type LogSchema } from '../../src/model/log-schema.ts';
import type { Database } from '../../src/ports/database.ts';
import type { JobKind, JobParams } from '../../src/ports/node-agent.ts';
import { expectLostByCassandra, type LoggedWrites, startWrites, writesIn } from '../support/logged-writes.ts';
import { killNow, sandboxUp, type TestSandbox } from '../support/sandbox.ts';
import { expectWhole, type ShippedLog, shippedLog } from '../support/shipped-log.ts';
import { storeThatGoesAway } from '../support/store-away.ts';

/** The log of one real node on its way to a bucket. */
const timeline = 't0001';
const store = storeThatGoesAway();
let sandbox: TestSandbox;
let database: Database;
let hostId: string;
let node: string;
let address: string;
let writes: LoggedWrites | undefined;

beforeAll(async () => {
  sandbox = await sandboxUp(1, store.path);
  ({ database } = sandbox.platform);
  const [member] = await database.ring();
  const [first] = (await sandbox.status()).nodes;
  if (member === undefined || first === undefined) throw new TypeError('there is no node');
  hostId = member.hostId;
  node = first.name;
  address = member.address;
});

afterAll(async () => {
  await writes?.stop();
  await sandbox?.down();
  store.remove();
});

const shipped = async () => shippedLog(sandbox.platform.bucket, timeline, hostId);
const watermark = async () => instantOf((await shipped()).watermark?.at ?? '2000-01-01T00:00:00.000000Z');
const agent = () => sandbox.platform.agent(node);
const up = async () => sandbox.answer(z.unknown(), 'sandbox', 'up', 'local');

let jobs = 0;
async function job<K extends JobKind>(kind: K, params: JobParams[K]) {
  jobs += 1;
  const key = { run: `shipping-${jobs}`, step: kind, epoch: 1 };
  return agent().run(key, kind, params, { signal: AbortSignal.timeout(90_000), progress: () => undefined });
}

/** Waits until the bucket promises everything up to the instant. */
async function reached(at: number): Promise<ShippedLog> {
  await vi.waitFor(async () => expect(await watermark()).toBeGreaterThanOrEqual(at), { timeout: 60_000, interval: 50 });
  return shipped();
}

const kills: number[] = [];

/** Nothing that was acknowledged up to the instant is missing, but what Cassandra itself lost when it was killed. */
async function expectAll(log: ShippedLog, until: number): Promise<void> {
  const found = writesIn(log);
  const missing = (writes?.acknowledged ?? []).filter(
    (each) => each.acknowledgedAt <= until && !found.has(each.number),
  );
  await expectLostByCassandra(database, missing, kills);
}

async function written(more: number): Promise<number> {
  const from = writes?.acknowledged.length ?? 0;
  await expect.poll(() => writes?.acknowledged.length, { timeout: 60_000, interval: 20 }).toBeGreaterThan(from + more);
  return writes?.acknowledged.at(-1)?.acknowledgedAt ?? 0;
}

test('what is acknowledged is in the bucket seconds later, in pieces of one chain that are the bytes of the segments', async () => {
  writes = await startWrites(address, 9042);
  const until = await written(2000);
  const log = await reached(until);
  expectWhole(log, timeline, hostId);
  await expectAll(log, until);
  expect(log.marks.filter(({ what }) => what === 'gap')).toEqual([]);
  const folder = join(sandbox.directory, 'nodes', node, 'commitlog');
  const last = log.objects.at(-1);
  const file = readFileSync(join(folder, last?.header.segment.file ?? ''));
  expect(Buffer.compare(last?.plain ?? new Uint8Array(), file.subarray(last?.header.from, last?.header.to))).toBe(0);
  const { shipping } = await agent().health();
  expect(shipping).toMatchObject({ state: 'shipping', timeline, newest: expect.any(String) });
});

test('an agent that is killed leaves no hole, and neither does a Cassandra', async () => {
  await written(200);
  killNow((await sandbox.status()).nodes[0]?.agentPid);
  await written(200);
  await up();
  const until = await written(200);
  await expectAll(await reached(until), until);
  const promised = await watermark();
  killNow((await sandbox.status()).nodes[0]?.pid);
  kills.push(Date.now() * 1000);
  const left = await shipped();
  await up();
  await writes?.reconnect();
  await expectAll(left, promised);
  const end = await written(200);
  const log = await reached(end);
  expectWhole(log, timeline, hostId);
  await expectAll(log, end);
  expect(log.marks.filter(({ what }) => what === 'gap')).toEqual([]);
});

test('a pause ships the log to its end, and nothing more until it is told to', async () => {
  await written(100);
  const until = writes?.acknowledged.at(-1)?.acknowledgedAt ?? 0;
  const paused = await job('pause-shipping', {});
  expect(instantOf(paused.newest ?? '')).toBeGreaterThanOrEqual(until - 1000);
  const log = await shipped();
  await expectAll(log, instantOf(paused.newest ?? ''));
  expect(log.links.at(-1)).toMatchObject({ sequence: paused.sequence, chain: paused.chain });
  await written(300);
  expect((await shipped()).links).toHaveLength(log.links.length);
  expect((await agent().health()).shipping).toMatchObject({ state: 'paused' });
  killNow((await sandbox.status()).nodes[0]?.agentPid);
  await up();
  expect((await agent().health()).shipping).toMatchObject({ state: 'paused' });
  await job('start-shipping', { timeline, after: null });
  const end = await written(100);
  const again = await reached(end);
  expectWhole(again, timeline, hostId);
  const began = (await shipped()).marks.filter(({ what }) => what === 'gap');
  expect(began).toEqual([]);
  await expectAll(again, until);
});

test('a store that is gone is caught up with when it is back, and the health says so meanwhile', async () => {
  store.take();
  try {
    await written(500);
    await vi.waitFor(async () => expect((await agent().health()).shipping?.problem).toBeDefined(), { timeout: 60_000 });
  } finally {
    store.bring();
  }
  const until = writes?.acknowledged.at(-1)?.acknowledgedAt ?? 0;
  const log = await reached(until);
  expectWhole(log, timeline, hostId);
  await expectAll(log, until);
  await vi.waitFor(async () => expect((await agent().health()).shipping?.problem).toBeUndefined(), { timeout: 30_000 });
});

test('a quiet node advances', async () => {
  expect(writes?.acknowledged.length).toBeGreaterThan(3000);
  await writes?.stop();
  await reached(Date.now() * 1000);
  for (let turn = 0; turn < 5; turn += 1) {
    const from = await watermark();
    await vi.waitFor(async () => expect(await watermark()).toBeGreaterThan(from), { timeout: 5000, interval: 100 });
  }
});

async function schemas(): Promise<readonly LogSchema[]> {
  const found: LogSchema[] = [];
  const { bucket } = sandbox.platform;
  for await (const { key } of bucket.list(logSchemaPrefix(timeline))) {
    const stored = await bucket.get(key);
    if (stored !== undefined) found.push(logSchemaDocument.read(stored.body, key));
  }
  return found;
}

test('a new table is in the schema with its id before its first write, and is no reason for a base', async () => {
  const before = (await shipped()).marks.filter(({ what }) => what === 'schema').length;
  await database.execute('CREATE TABLE shipping_test.late (key text PRIMARY KEY, value text)');
  const firstWrite = Date.now() * 1000;
  await database.execute("INSERT INTO shipping_test.late (key, value) VALUES ('a', 'b')");
  const newest = await vi.waitFor(
    async () => {
      const schema = (await schemas()).at(-1);
      const table = schema?.tables.find(({ table: name }) => name === 'late');
      if (schema === undefined || table === undefined) throw new TypeError('not yet');
      return { schema, table };
    },
    { timeout: 20_000, interval: 100 },
  );
  expect(instantOf(newest.schema.at)).toBeLessThanOrEqual(firstWrite);
  expect(newest.schema.cql).toContain(newest.table.id);
  expect((await shipped()).marks.filter(({ what }) => what === 'schema')).toHaveLength(before);
});

test('an altered table, a truncated one, one dropped and a keyspace without log are reasons for a base', async () => {
  const marked = async (what: string, text: string) =>
    vi.waitFor(
      async () =>
        expect((await shipped()).marks).toContainEqual(
          expect.objectContaining({ what, reason: expect.stringContaining(text) }),
        ),
      { timeout: 20_000, interval: 100 },
    );
  await database.execute('ALTER TABLE shipping_test.late ADD more int');
  await marked('schema', 'shipping_test.late was altered');
  const from = Date.now() * 1000;
  await database.execute('TRUNCATE shipping_test.late');
  await marked('truncate', 'shipping_test.late was truncated');
  const truncated = (await shipped()).marks.filter(({ what }) => what === 'truncate');
  expect(truncated).toHaveLength(1);
  // From the last look on: Cassandra tells only the last truncate, and there may have been one more since.
  expect(instantOf(truncated[0]?.at ?? '')).toBeGreaterThanOrEqual(from - 10e6);
  expect(instantOf(truncated[0]?.at ?? '')).toBeLessThanOrEqual(Date.now() * 1000);
  await database.execute('DROP TABLE shipping_test.late');
  await marked('schema', 'shipping_test.late was dropped');
  await database.execute(
    "CREATE KEYSPACE shipping_unlogged WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1} AND durable_writes = false",
  );
  await marked('bypass', 'shipping_unlogged');
});
