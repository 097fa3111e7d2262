import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { commitSlot } from '../../src/model/commit-slot.ts';
import { type Micros, formatInstant, micros, microsOf } from '../../src/model/instant.ts';
import { lookAtRun } from '../../src/runbook/look-at-run.ts';
import { runBadJob } from '../../src/sample/bad-job.ts';
import { type Bank, bankOf } from '../../src/sample/bank.ts';
import { collectCommitTimes } from '../../src/sample/commit-times.ts';
import { loadBank } from '../../src/sample/loader.ts';
import {
  type TransactionChoice,
  committedBy,
  difference,
  expectedState,
  foundIn,
  observedState,
} from '../../src/sample/oracle.ts';
import { createSchema } from '../../src/sample/schema.ts';
import { type Transaction, transactionId, transactionsOf } from '../../src/sample/transaction.ts';
import { openTransactionLog, type TransactionLog } from '../../src/sample/transaction-log.ts';
import { type Writer, startWriter } from '../../src/sample/writer.ts';
import { testInFull } from '../support/in-full.ts';
import { sandboxUp, shippedUpTo, type TestSandbox } from '../support/sandbox.ts';

/**
 * To an instant and across instants: a graph that is written to all the time goes back between two of its transactions, is written on, goes
 * back again across the fork, and loses one transaction from its middle. Each time all of it equals the writer's own log of that history.
 * One node; the tests run in the order of the file, each from the state the last one left.
 */
const restored = z.looseObject({ run: z.string(), ok: z.literal(true), timeline: z.string() });
const found = z.object({ largestRemoval: z.string() });
const ran = z.object({ run: z.string(), ok: z.literal(true) });

let sandbox: TestSandbox;
let bank: Bank;
let log: TransactionLog;
/** Which transactions the current history holds, of those up to now. */
let history: TransactionChoice = () => true;
/** Transactions of writers that have finished. */
const earlier = new Set<string>();

beforeAll(async () => {
  sandbox = await sandboxUp(1);
  bank = bankOf({ seed: 'any-instant', branches: 4, customersPerBranch: 10 });
  const { graph, indexBackend } = sandbox.platform;
  await createSchema(graph, indexBackend);
  await loadBank(graph, bank);
  log = openTransactionLog(join(sandbox.home, 'writer.jsonl'));
});

afterAll(async () => {
  log?.close();
  await sandbox?.down();
});

test('C3 C4: a graph under writes comes back to the instant between two of its transactions, deletions after it included', async () => {
  const writer = await writeOn();
  await acknowledged(writer, 50);
  const due = z.object({ due: z.boolean(), why: z.string() });
  expect(await sandbox.answer(due, 'backup', 'local', '--when-due')).toMatchObject({ due: true });
  expect(await sandbox.answer(due, 'backup', 'local', '--when-due')).toMatchObject({ due: false });
  await acknowledged(writer, writer.counters().acknowledged + 50);
  await runBadJob(sandbox.platform.graph, bank, 8);
  await acknowledged(writer, writer.counters().acknowledged + 20);
  const transactions = await finished(writer);
  const instant = between(transactions, transactions.length - 50);
  const done = await restore('restore', 'local', '--to', formatInstant(instant), '--without-base');
  expect(done).toMatchObject({ timeline: 't0002', instant: formatInstant(instant) });
  history = committedBy(BigInt(instant));
  expect(transactions.filter((each) => !history(each)).length).toBeGreaterThanOrEqual(50);
  await expectHistory();
});

test('after it is written on, one transaction of the new timeline is undone across the fork, and what came after it stays', async () => {
  const writer = await writeOn();
  await acknowledged(writer, 20);
  const dropped = await runBadJob(sandbox.platform.graph, bank, 8);
  await acknowledged(writer, writer.counters().acknowledged + 20);
  const written = await finished(writer);
  await shippedUpTo(sandbox, formatInstant(microsOf(new Date())));
  const { largestRemoval } = await sandbox.answer(found, 'transactions', 'local', '--around', 'now', '--within', '5m');
  const done = await restore('undo', 'local', '--group', largestRemoval, '--way', 'restore');
  expect(done.timeline).toBe('t0003');
  const before = history;
  history = (each) => before(each) || isOf(written)(each);
  await expectHistory();
  expect(dropped).toHaveLength(8);
});

testInFull(
  'an instant of the timeline after the undo comes back without the undone transaction, over two forks',
  async () => {
    const writer = await writeOn();
    await acknowledged(writer, 40);
    const written = await finished(writer);
    const instant = between(written, 20);
    await shippedUpTo(sandbox, formatInstant(microsOf(new Date())));
    const done = await restore('restore', 'local', '--to', formatInstant(instant));
    expect(done).toMatchObject({ timeline: 't0004', newBase: { ok: true } });
    const before = history;
    const kept = isOf(written.slice(0, 20));
    history = (each) => before(each) || kept(each);
    await expectHistory();
  },
);

testInFull(
  'a table that is newer than the base is created before the log is placed, and what was written to it comes back',
  async () => {
    const { database, bucket } = sandbox.platform;
    await database.execute(
      "CREATE KEYSPACE notes WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    );
    await database.execute('CREATE TABLE notes.later (id int PRIMARY KEY, what text)');
    await database.execute("INSERT INTO notes.later (id, what) VALUES (1, 'kept')");
    await shippedUpTo(sandbox, formatInstant(microsOf(new Date())));
    const { run } = await restore('restore', 'local', '--to', 'newest', '--without-base');
    const steps = (await lookAtRun(bucket, run))?.steps;
    expect(steps?.['create-tables']).toMatchObject({
      status: 'succeeded',
      result: { tables: { first: ['notes.later'] } },
    });
    expect(await database.execute('SELECT id, what FROM notes.later')).toEqual([{ id: 1, what: 'kept' }]);
    await expectHistory();
  },
);

/** A writer that goes on from the current history. */
async function writeOn(): Promise<Writer> {
  const { graph } = sandbox.platform;
  return startWriter({ bank, graph, log, clock: systemClock, history });
}

async function acknowledged(writer: Writer, count: number): Promise<void> {
  await expect
    .poll(() => writer.counters().acknowledged, { timeout: 60_000, interval: 20 })
    .toBeGreaterThanOrEqual(count);
}

/** What this writer did, in order of commit, the commit times read back. */
async function finished(writer: Writer): Promise<readonly Transaction[]> {
  await writer.stop();
  const { submitted, acknowledged: count, inDoubt } = writer.counters();
  expect({ submitted, inDoubt }).toEqual({ submitted: count, inDoubt: 0 });
  const { graph, database, keyspace } = sandbox.platform;
  await collectCommitTimes({ graph, database, keyspace }, log);
  const transactions = (await transactionsOf(log.records())).filter((each) => !earlier.has(transactionId(each)));
  for (const each of transactions) earlier.add(transactionId(each));
  expect(transactions).toHaveLength(count);
  return transactions.toSorted((a, b) => Number((a.commitTime ?? 0n) - (b.commitTime ?? 0n)));
}

function isOf(transactions: readonly Transaction[]): TransactionChoice {
  const ids = new Set(transactions.map(transactionId));
  return (each) => ids.has(transactionId(each));
}

/** The last instant before the transaction at the index, which is after the one before it. */
function between(transactions: readonly Transaction[], index: number): Micros {
  const at = transactions[index]?.commitTime;
  if (at === undefined) throw new TypeError(`there is no transaction ${index}`);
  return micros(commitSlot(micros(Number(at))) - 2);
}

async function restore(...command: string[]) {
  const done = await sandbox.answer(restored, ...command, '--confirm', 'local');
  await sandbox.answer(ran, 'restore', 'accept', done.run, '--env', 'local', '--confirm', 'local');
  return done;
}

async function expectHistory(): Promise<void> {
  const transactions = await transactionsOf(log.records());
  const observed = await observedState(sandbox.platform.graph);
  expect(transactions.filter((each) => history(each) !== foundIn(observed)(each)).map(transactionId)).toEqual([]);
  expect(difference(expectedState(bank, transactions, history), observed.elements)).toBeUndefined();
}
