import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { openDatabase } from '../../src/adapters/cassandra/database.ts';
import { openGraphService } from '../../src/adapters/janusgraph/graph-service.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import type { Database } from '../../src/ports/database.ts';
import type { GraphService } from '../../src/ports/graph-service.ts';
import { runBadJob } from '../../src/sample/bad-job.ts';
import { bankOf } from '../../src/sample/bank.ts';
import { collectCommitTimes } from '../../src/sample/commit-times.ts';
import { loadBank } from '../../src/sample/loader.ts';
import { acknowledged, difference, expectedState, foundIn, observedState, upTo } from '../../src/sample/oracle.ts';
import { createSchema } from '../../src/sample/schema.ts';
import { transactionsOf } from '../../src/sample/transaction.ts';
import { openTransactionLog, type TransactionLog } from '../../src/sample/transaction-log.ts';
import { startWriter, type Writer } from '../../src/sample/writer.ts';

/** The oracle of all later proofs, held against a real JanusGraph on a real Cassandra: one node, in a home of its own. */
const checkout = join(import.meta.dirname, '../..');
const home = mkdtempSync(join(tmpdir(), 'cardea-writer-'));
const cardea = (...args: string[]) =>
  execa(join(checkout, 'cardea'), args, { cwd: checkout, env: { CARDEA_HOME: home } });

const up = z.object({
  gremlin: z.string(),
  cassandra: z.array(z.string()),
  keyspace: z.string(),
  datacenter: z.string(),
});

const bank = bankOf({ seed: 'writer-oracle', branches: 9, customersPerBranch: 12 });
let graph: GraphService;
let database: Database;
let keyspace: string;
let log: TransactionLog;
let writer: Writer;
let startedAt: number;

beforeAll(async () => {
  const { stdout } = await cardea('sandbox', 'up', 'local', '--nodes', '1', '--json');
  const report = up.parse(JSON.parse(stdout));
  keyspace = report.keyspace;
  graph = openGraphService({ urls: [report.gremlin] });
  database = openDatabase({ contactPoints: report.cassandra, localDatacenter: report.datacenter });
  log = openTransactionLog(join(home, 'writer.jsonl'));
});

afterAll(async () => {
  await writer?.stop();
  await Promise.all([graph?.close(), database?.close()]);
  log?.close();
  await cardea('sandbox', 'down', 'local', '--confirm', 'local', '--json');
  rmSync(home, { recursive: true, force: true });
});

test('the schema is created once, and creating it again changes nothing', async () => {
  expect(await createSchema(graph, 'search')).toContain('accountByNumber');
  expect(await createSchema(graph, 'search')).toEqual([]);
});

test('a loaded bank is in the graph element by element, and loading it again adds nothing', async () => {
  expect(await loadBank(graph, bank)).toEqual(bank.counts);
  expect(await loadBank(graph, bank)).toEqual({ vertices: 0, edges: 0 });
  const observed = await observedState(graph);
  expect(difference(expectedState(bank, [], acknowledged), observed.elements)).toBeUndefined();
  expect(observed.elements.size).toBe(bank.counts.vertices + bank.counts.edges);
});

test('after hundreds of transactions on four threads the graph holds what the log says', async () => {
  startedAt = Date.now();
  writer = await startWriter({ bank, graph, log, clock: systemClock });
  await acknowledgedBy(writer, 300);
  await writer.pause();
  const observed = await observedState(graph);
  const transactions = await transactionsOf(log.records());
  expect(writer.counters().inDoubt).toBe(0);
  expect(new Set(transactions.map(({ thread }) => thread))).toEqual(new Set([0, 1, 2, 3]));
  expect(difference(expectedState(bank, transactions, acknowledged), observed.elements)).toBeUndefined();
  expect(transactions.filter((transaction) => !foundIn(observed)(transaction))).toEqual([]);
});

test('the oracle sees a single transaction that is missing from its expectation', async () => {
  const transactions = await transactionsOf(log.records());
  const last = [-1, -1, -1, -1];
  for (const { thread, sequence } of transactions) last[thread] = sequence;
  last[2] = (last[2] ?? 0) - 1;
  const { elements } = await observedState(graph);
  expect(difference(expectedState(bank, transactions, upTo(last)), elements)).toBeDefined();
});

test('the commit time of every transaction is read back from the database, between its submission and its acknowledgement', async () => {
  const count = (await transactionsOf(log.records())).length;
  expect(await collectCommitTimes({ graph, database, keyspace }, log)).toBe(count);
  expect(await collectCommitTimes({ graph, database, keyspace }, log)).toBe(0);
  const transactions = await transactionsOf(log.records());
  const micros = (milliseconds: number) => BigInt(milliseconds) * 1000n;
  const previous = new Map<number, bigint>();
  for (const { thread, commitTime = 0n, acknowledgedAt = '' } of transactions) {
    // Additions are written at odd microseconds, after what the same thread saw acknowledged before and not after its own acknowledgement.
    expect(commitTime % 2n).toBe(1n);
    expect(commitTime).toBeGreaterThan(previous.get(thread) ?? micros(startedAt));
    expect(commitTime).toBeLessThan(micros(Date.parse(acknowledgedAt) + 1));
    previous.set(thread, micros(Date.parse(acknowledgedAt)));
  }
});

test('all that a transaction added carries its one commit time', async () => {
  const transactions = await transactionsOf(log.records());
  const times = new Set(transactions.map(({ commitTime }) => commitTime));
  // The entries of the index on business keys were written by the load and by the transactions that added vertices, at no other time.
  const [loaded, written] = [new Set<bigint>(), new Set<bigint>()];
  for await (const { time } of database.rows(`SELECT WRITETIME(value) AS time FROM ${keyspace}.graphindex`)) {
    if (typeof time === 'bigint') (time < BigInt(startedAt) * 1000n ? loaded : written).add(time);
  }
  expect(loaded.size).toBeGreaterThan(0);
  expect(written.size).toBeGreaterThan(0);
  expect([...written].filter((time) => !times.has(time))).toEqual([]);
});

test('after a bad job the difference names exactly the dropped accounts and the edges that went with them', async () => {
  const transactions = await transactionsOf(log.records());
  const expected = expectedState(bank, transactions, acknowledged);
  const dropped = await runBadJob(graph, bank, 20);
  const found = difference(expected, (await observedState(graph)).elements);
  expect(found?.missing.filter((name) => name.startsWith('account-'))).toEqual(dropped);
  const atDropped = Array.from({ length: bank.branches }, (_, index) => bank.branch(index).edges)
    .flat()
    .filter(({ from, to }) => dropped.includes(from) || dropped.includes(to));
  expect(found?.missing.filter((name) => !name.startsWith('account-'))).toEqual(atDropped.map(({ key }) => key).sort());
  expect(found?.unexpected).toEqual([]);
  expect(found?.changed).toEqual([]);
});

test('the writer goes on beside a bad job, because it never meets it', async () => {
  writer.resume();
  const before = writer.counters().acknowledged;
  await acknowledgedBy(writer, before + 40);
  await writer.stop();
  expect(writer.counters()).toMatchObject({ inDoubt: 0 });
});

async function acknowledgedBy(at: Writer, count: number): Promise<void> {
  await expect.poll(() => at.counters().acknowledged, { timeout: 60_000, interval: 50 }).toBeGreaterThanOrEqual(count);
}
