import { afterAll, beforeAll, test } from 'vitest';
import { z } from 'zod';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { cutBefore } from '../../src/model/commit-slot.ts';
import { formatInstant, type Micros, micros } from '../../src/model/instant.ts';
import { runBadJob } from '../../src/sample/bad-job.ts';
import { bankOf } from '../../src/sample/bank.ts';
import { collectCommitTimes } from '../../src/sample/commit-times.ts';
import { type TransactionChoice, committedBy, foundIn } from '../../src/sample/oracle.ts';
import { type Transaction, transactionId, transactionsOf } from '../../src/sample/transaction.ts';
import { openTransactionLog } from '../../src/sample/transaction-log.ts';
import { startWriter } from '../../src/sample/writer.ts';
import { acknowledged, writerLog } from '../support/any-second/history.ts';
import { chooseInstants, commitsOf } from '../support/any-second/instants.ts';
import { type RingUnderLoad, ringUnderLoad } from '../support/any-second/ring-under-load.ts';
import { readStoredGraph } from '../support/any-second/stored-graph.ts';

/**
 * A ring of three under load goes back to an instant, is written on, and goes back again across the forks; each answer is compared with the
 * writer's log of that timeline. The tests run in the order of the file.
 */
const bank = bankOf({ seed: 'any-second-forks', branches: 15, customersPerBranch: 20 });

let ring: RingUnderLoad;
/** Transactions so far, of every timeline. */
let transactions: readonly Transaction[];
/** Those that the current timeline holds. */
let current: TransactionChoice;

beforeAll(async () => {
  ring = await ringUnderLoad(bank, { before: 100, after: 400, missed: 150 });
  ({ transactions } = ring.history);
}, 900_000);

afterAll(async () => {
  await ring?.sandbox.down();
});

test('after a restore it was written on, and an instant of the new timeline holds what was before the fork and nothing of what followed it on the old one', async () => {
  const [fork] = chooseInstants('fork', 1, { ...ring.history, commits: commitsOf(transactions) });
  if (fork === undefined) throw new TypeError('there is no instant to go back to');
  await ring.restore('restore', 'local', '--to', formatInstant(fork), '--without-base');
  const before = committedBy(BigInt(fork));
  const written = await writeOn(120);
  await ring.restore('restore', 'local', '--to', formatInstant(cutBefore(slotOf(written, 80))));
  const kept = isOf(written.slice(0, 80));
  current = (each) => before(each) || kept(each);
  await ring.expectHolds(transactions, current);
}, 1_200_000);

test('a bad job is undone, and what was written beside and after it stays', async () => {
  const before = current;
  const written = await writeOn(60, async () => {
    await runBadJob(ring.sandbox.platform.graph, bank, 30);
  });
  const found = z.object({ largestRemoval: z.string() });
  const { largestRemoval } = await ring.sandbox.answer(
    found,
    'transactions',
    'local',
    '--around',
    'now',
    '--within',
    '5m',
  );
  await ring.restore('undo', 'local', '--group', largestRemoval, '--way', 'restore');
  const kept = isOf(written);
  current = (each) => before(each) || kept(each);
  await ring.expectHolds(transactions, current);
}, 900_000);

test('an instant of after the undo is without the undone job too, and one of the first timeline is what it always was', async () => {
  const before = current;
  const written = await writeOn(60);
  await ring.restore('restore', 'local', '--to', formatInstant(cutBefore(slotOf(written, 30))), '--without-base');
  const kept = isOf(written.slice(0, 30));
  current = (each) => before(each) || kept(each);
  await ring.expectHolds(transactions, current);

  const { to } = ring.history;
  await ring.restore('restore', 'local', '--to', formatInstant(to), '--timeline', 't0001', '--without-base');
  current = isOf(ring.history.transactions);
  await ring.expectHolds(transactions, current);
}, 900_000);

/** Goes on from what the graph holds; gives what was committed now, in order. */
async function writeOn(
  count: number,
  meanwhile: () => Promise<void> = async () => {},
): Promise<readonly Transaction[]> {
  const { graph, database, keyspace } = ring.sandbox.platform;
  const earlier = isOf(transactions);
  const log = openTransactionLog(writerLog(ring.folder));
  try {
    const holds = foundIn(await readStoredGraph(database, keyspace));
    const writer = await startWriter({ bank, graph, log, clock: systemClock, history: holds });
    try {
      await acknowledged(writer, count / 2);
      await meanwhile();
      await acknowledged(writer, count);
    } finally {
      await writer.stop();
    }
    await collectCommitTimes({ graph, database, keyspace }, log);
    transactions = await transactionsOf(log.records());
  } finally {
    log.close();
  }
  await ring.shipped(micros(Date.now() * 1000));
  return transactions
    .filter((each) => !earlier(each))
    .toSorted((a, b) => Number((a.commitTime ?? 0n) - (b.commitTime ?? 0n)));
}

function slotOf(written: readonly Transaction[], index: number): Micros {
  return micros(Number(written[index]?.commitTime ?? 0n));
}

function isOf(some: readonly Transaction[]): TransactionChoice {
  const ids = new Set(some.map(transactionId));
  return (each) => ids.has(transactionId(each));
}
