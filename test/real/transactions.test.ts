import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { slotReport, type SlotReport } from '../../src/graph/transactions/slot-report.ts';
import { commitSlot } from '../../src/model/commit-slot.ts';
import { formatInstant, instantOf, type Micros, micros, microsOf } from '../../src/model/instant.ts';
import { knownSchema } from '../../src/runbooks/catalog/schema-catalog.ts';
import { waitUntilShipped } from '../../src/runbooks/recovery/wait-until-shipped.ts';
import { currentTimeline } from '../../src/runbooks/catalog/timeline-record.ts';
import { searchTransactions } from '../../src/runbooks/recovery/transaction-search.ts';
import { runBadJob } from '../../src/sample/bad-job.ts';
import { bankOf } from '../../src/sample/bank.ts';
import { BankState } from '../../src/sample/bank-state.ts';
import { collectCommitTimes } from '../../src/sample/commit-times.ts';
import { loadBank } from '../../src/sample/loader.ts';
import { readElements } from '../../src/sample/observation.ts';
import { acknowledged, difference, expectedState, observedState } from '../../src/sample/oracle.ts';
import { createSchema } from '../../src/sample/schema.ts';
import { type Transaction, transactionsOf } from '../../src/sample/transaction.ts';
import { openTransactionLog, type TransactionLog } from '../../src/sample/transaction-log.ts';
import { startWriter, type Writer } from '../../src/sample/writer.ts';
import { sandboxUp, type TestSandbox } from '../support/sandbox.ts';

const bank = bankOf({ seed: 'transactions', branches: 9, customersPerBranch: 8 });
const victimCount = 20;

let sandbox: TestSandbox;
let log: TransactionLog;
let writer: Writer;
let dropped: readonly string[];
let begun: Micros;
let ended: Micros;
/** Ids of elements by business key, of all that were seen at the beginning and at the end. */
const ids = new Map<string, string>();

const found = z.object({
  count: z.number(),
  transactions: z.array(slotReport),
  largestRemoval: z.string().nullable(),
  schema: z.string(),
});
const done = z.object({ run: z.string(), ok: z.literal(true), commit: z.string(), met: z.array(z.string()) });

beforeAll(async () => {
  sandbox = await sandboxUp(1);
  const { graph, indexBackend } = sandbox.platform;
  await createSchema(graph, indexBackend);
  await loadBank(graph, bank);
  await sandbox.answer(z.looseObject({}), 'backup', 'local');
  await learnIds();
  log = openTransactionLog(join(sandbox.home, 'writer.jsonl'));
  begun = microsOf(new Date());
  writer = await startWriter({ bank, graph, log, clock: systemClock, threads: 3, perSecond: 40 });
  await written(70);
  dropped = await runBadJob(graph, bank, victimCount);
  await written(50);
  await writer.pause();
  await learnIds();
  await collectCommitTimes(sandbox.platform, log);
  ended = microsOf(new Date());
  await shipped(ended);
}, 900_000);

afterAll(async () => {
  await writer?.stop();
  log?.close();
  await sandbox?.down();
});

test('every transaction of the writer is found in the shipped log at its commit time, with what it did by label and id', async () => {
  const reports = await allReports();
  const expected = await expectedSlots();
  expect(expected.size).toBeGreaterThan(110);
  for (const [slot, want] of expected) {
    const report = reports.get(slot);
    if (report === undefined) throw new TypeError(`nothing was found at ${formatInstant(slot)}`);
    expect.soft({ slot, ...factsOf(report) }).toEqual({ slot, ...want.facts });
    expect.soft(report.whole, report.findings.join('; ')).toBe(true);
    for (const [kind, keys] of Object.entries(want.keys)) {
      const known = keys.flatMap((key) => ids.get(key) ?? []);
      const listed = kind === 'removed' ? report.vertices.removed.ids : report.vertices.added.ids;
      expect.soft(listed).toEqual(expect.arrayContaining(known));
    }
  }
});

test('the bad job stands out: its accounts by id, and nothing else was found in that time but it and the writer', async () => {
  const reports = await allReports();
  const slots = new Set((await expectedSlots()).keys());
  const others = [...reports].filter(([slot]) => !slots.has(slot)).map(([, report]) => report);
  expect(others).toHaveLength(1);
  const answer = await sandbox.answer(found, ...around(), '--removing', '--limit', '5');
  expect(answer).toMatchObject({ largestRemoval: others[0]?.id, schema: 'database' });
  expect(answer.transactions.length).toBeLessThanOrEqual(5);
  const bad = others[0];
  expect(bad?.vertices.removed).toMatchObject({ count: victimCount, by: { account: victimCount } });
  expect(bad?.vertices.removed.ids.toSorted((a, b) => Number(a) - Number(b))).toEqual(
    dropped.map((key) => ids.get(key) ?? '').toSorted((a, b) => Number(a) - Number(b)),
  );
  const atDropped = Array.from({ length: bank.branches }, (_, index) => bank.branch(index).edges)
    .flat()
    .filter(({ from, to }) => dropped.includes(from) || dropped.includes(to));
  expect(bad?.edges.removed.count).toBe(atDropped.length);
  expect(bad?.edges.removed.by).toEqual(countBy(atDropped.map(({ label }) => label)));
  expect(bad?.whole).toBe(true);
  // One vertex of it leads to it as well.
  const one = await sandbox.answer(found, ...around(), '--element', ids.get(dropped[0] ?? '') ?? '');
  expect(one.transactions.map(({ id }) => id)).toContain(bad?.id);
});

test('undo by compensation brings the accounts back while the writer goes on; a killed run is resumed; nothing else changes', async () => {
  const { largestRemoval } = await sandbox.answer(found, ...around(), '--removing');
  const group = largestRemoval ?? '';
  const plan = await sandbox.cardea('undo', 'local', '--group', group, '--plan');
  expect(plan).toMatchObject({
    exitCode: 0,
    json: {
      conflictCount: 0,
      ways: [
        { way: 'compensate', refused: null, outage: false },
        { way: 'restore', refused: null, outage: true },
      ],
    },
  });
  expect(await sandbox.cardea('undo', 'local', '--group', group)).toMatchObject({ exitCode: 3 });
  writer.resume();
  // About when the step that writes begins.
  const variables = { CARDEA_FAULT: 'kill-after-event:20' };
  const killed = await sandbox.begin(['undo', 'local', '--group', group, '--confirm', 'local'], { variables }).ended;
  expect(killed.signal).toBe('SIGKILL');
  const runs = await sandbox.answer(z.array(z.looseObject({ run: z.string() })), 'runs', 'local');
  const run = runs.find((each) => each.run.startsWith('undo-compensate'))?.run ?? '';
  await sandbox.answer(z.looseObject({ ok: z.literal(true) }), 'run', 'resume', run);
  await writer.pause();
  const transactions = await transactionsOf(log.records());
  expect(transactions.length).toBeGreaterThan(125);
  expect(writer.counters().inDoubt).toBe(0);
  const { elements } = await observedState(sandbox.platform.graph);
  expect(difference(expectedState(bank, transactions, acknowledged), elements)).toBeUndefined();
  expect((await sandbox.cardea('check', 'local')).exitCode).toBe(0);
  expect((await sandbox.status()).copies).toEqual([]);
});

test('a transaction that later ones build on is not undone; both are, when both are named', async () => {
  const { graph, keyspace, bucket } = sandbox.platform;
  const before = microsOf(new Date());
  const [first] = await graph.submit<string>(changeScript, { account: dropped[0], balance: 41 });
  const [second] = await graph.submit<string>(changeScript, { account: dropped[0], balance: 42 });
  expect([first, second]).toEqual(['41', '42']);
  await shipped(microsOf(new Date()));
  const known = await knownSchema(sandbox.platform, before);
  const search = { around: before, from: before, to: micros(before + 60_000_000), removing: false, limit: 0 };
  const { transactions } = await searchTransactions({ bucket, keyspace }, known, search);
  const [one, two] = transactions.map(({ id }) => id);
  expect(transactions).toHaveLength(2);
  const refused = await sandbox.cardea('undo', 'local', '--group', one ?? '', '--confirm', 'local');
  expect(refused).toMatchObject({
    exitCode: 3,
    json: { problem: { code: 'undo-conflicts', details: [expect.stringContaining(two ?? '')] } },
  });
  const both = await sandbox.answer(done, 'undo', 'local', '--group', one ?? '', two ?? '', '--confirm', 'local');
  expect(both.met).toEqual([]);
  const { elements } = await observedState(graph);
  expect(difference(expectedState(bank, await transactionsOf(log.records()), acknowledged), elements)).toBeUndefined();
});

test('with Cassandra and JanusGraph down the same transactions are found by name, from the bucket alone', async () => {
  const [up] = [await sandbox.answer(found, ...around(), '--limit', '0')];
  const { graphLifecycle, databaseLifecycle } = sandbox.platform;
  const { signal } = new AbortController();
  await graphLifecycle.stopAll(signal);
  await databaseLifecycle.stopAll(signal);
  const down = await sandbox.answer(found, ...around(), '--limit', '0');
  expect(down.schema).toBe('bucket');
  expect(down.transactions).toEqual(up?.transactions);
  expect(await sandbox.cardea('transactions', 'local', '--around', '2020-01-01T00:00:00Z')).toMatchObject({
    exitCode: 3,
    json: { problem: { code: 'no-log-there' } },
  });
  expect(await sandbox.cardea('transactions', 'local', '--around', 'yesterday')).toMatchObject({ exitCode: 2 });
  expect(await sandbox.cardea('transactions', 'local', '--around', 'now-10s', '--timeline', 't0042')).toMatchObject({
    exitCode: 2,
    json: { problem: { code: 'unknown-timeline' } },
  });
});

const changeScript = `
  def tx = graph.newTransaction()
  try {
    def vertex = tx.traversal().V().has('businessKey', account).next()
    vertex.property('balance', balance as long)
    tx.commit()
  } catch (Throwable problem) {
    if (tx.isOpen()) tx.rollback()
    throw problem
  }
  [String.valueOf(balance)]
`;

function around(): string[] {
  const middle = micros(Math.floor((begun + ended) / 2));
  const within = Math.ceil((ended - begun) / 2_000_000) + 1;
  return ['transactions', 'local', '--around', formatInstant(middle), '--within', `${within}s`];
}

async function allReports(): Promise<ReadonlyMap<Micros, SlotReport>> {
  const { bucket, keyspace } = sandbox.platform;
  const known = await knownSchema(sandbox.platform, begun);
  const search = { around: begun, from: begun, to: ended, removing: false, limit: 0 };
  const { transactions } = await searchTransactions({ bucket, keyspace }, known, search, { ids: 1000 });
  return new Map(transactions.map((report) => [commitSlot(instantOf(report.at)), report]));
}

interface Expected {
  facts: ReturnType<typeof factsOf>;
  keys: { added: string[]; removed: string[] };
}

/** What the writer's log says that each commit time did. An edge that is changed is written whole, as a new one is. */
async function expectedSlots(): Promise<ReadonlyMap<Micros, Expected>> {
  const transactions = (await transactionsOf(log.records())).filter(({ commitTime }) => commitTime !== undefined);
  const state = new BankState();
  for (let index = 0; index < bank.branches; index += 1) state.addBranch(bank.branch(index));
  const slots = new Map<Micros, Expected>();
  for (const transaction of transactions) {
    const slot = commitSlot(micros(Number(transaction.commitTime)));
    if (slot > ended) continue;
    const want = expectedOf(state, transaction);
    const known = slots.get(slot);
    slots.set(slot, known === undefined ? want : merged(known, want));
  }
  return slots;
}

function expectedOf(state: BankState, { operations }: Transaction): Expected {
  const added: string[] = [];
  const removed: string[] = [];
  const edgesRemoved = new Map<string, string>();
  const edgesWritten = new Map<string, string>();
  for (const operation of operations) {
    if (operation.type === 'add-vertex') added.push(operation.vertex.key);
    if (operation.type === 'drop-vertex') {
      removed.push(operation.key);
      for (const edge of state.edgesAt(operation.key)) edgesRemoved.set(edge.key, edge.label);
    }
    if (operation.type === 'drop-edge') edgesRemoved.set(operation.key, operation.label);
    if (operation.type === 'add-edge') edgesWritten.set(operation.edge.key, operation.edge.label);
    if (operation.type === 'set-edge-property') edgesWritten.set(operation.key, operation.label);
    state.apply(operation);
  }
  const labels = (keys: readonly string[]) => countBy(keys.map((key) => key.split('-')[0] ?? ''));
  return {
    facts: {
      added: labels(added),
      removed: labels(removed),
      edgesRemoved: countBy([...edgesRemoved.values()]),
      edgesWritten: countBy([...edgesWritten.values()]),
      sequences: 1,
    },
    keys: { added, removed },
  };
}

function factsOf({ vertices, edges, properties }: SlotReport) {
  const sequences = (properties.written.by['sequence'] ?? 0) + (properties.added.by['sequence'] ?? 0);
  return {
    added: vertices.added.by,
    removed: vertices.removed.by,
    edgesRemoved: edges.removed.by,
    edgesWritten: together(edges.added.by, edges.written.by),
    sequences,
  };
}

function merged(one: Expected, other: Expected): Expected {
  const { facts: a, keys } = one;
  const { facts: b } = other;
  return {
    facts: {
      added: together(a.added, b.added),
      removed: together(a.removed, b.removed),
      edgesRemoved: together(a.edgesRemoved, b.edgesRemoved),
      edgesWritten: together(a.edgesWritten, b.edgesWritten),
      sequences: a.sequences + b.sequences,
    },
    keys: {
      added: [...keys.added, ...other.keys.added],
      removed: [...keys.removed, ...other.keys.removed],
    },
  };
}

function together(one: Readonly<Record<string, number>>, other: Readonly<Record<string, number>>) {
  const sum: Record<string, number> = { ...one };
  for (const [name, count] of Object.entries(other)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

async function learnIds(): Promise<void> {
  for await (const { name, id } of readElements(sandbox.platform.graph)) ids.set(name, id);
}

async function written(count: number): Promise<void> {
  const until = writer.counters().acknowledged + count;
  await vi.waitUntil(() => writer.counters().acknowledged >= until, { timeout: 120_000, interval: 50 });
}

async function shipped(instant: Micros): Promise<void> {
  const { bucket } = sandbox.platform;
  const timeline = await currentTimeline(bucket);
  const { signal } = new AbortController();
  expect(
    await waitUntilShipped(
      bucket,
      { timeline, instant, ring: undefined },
      { clock: systemClock, patienceMs: 60_000, signal },
    ),
  ).toBe(true);
}
