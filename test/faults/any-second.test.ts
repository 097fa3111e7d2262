import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { cutBefore } from '../../src/model/commit-slot.ts';
import { formatInstant, type Micros, micros } from '../../src/model/instant.ts';
import { waitFor } from '../../src/platforms/sandbox/condition.ts';
import { nodeFolders } from '../../src/platforms/sandbox/topology.ts';
import { runBadJob } from '../../src/sample/bad-job.ts';
import { bankOf } from '../../src/sample/bank.ts';
import { collectCommitTimes } from '../../src/sample/commit-times.ts';
import { type Choice, committedBy, foundIn } from '../../src/sample/oracle.ts';
import { type Transaction, transactionId, transactionsOf } from '../../src/sample/transaction.ts';
import { openTransactionLog } from '../../src/sample/transaction-log.ts';
import { startWriter } from '../../src/sample/writer.ts';
import { type GraphMutation, graphMutations, mergedMutations } from '../support/any-second/graph-mutations.ts';
import { acknowledged, type History, writeHistory, writerLog } from '../support/any-second/history.ts';
import { commitsOf, chooseInstants } from '../support/any-second/instants.ts';
import { openLocal } from '../support/any-second/local.ts';
import { nodeAway } from '../support/any-second/node-away.ts';
import { graphOfReplica } from '../support/any-second/one-replica.ts';
import { readStoredGraph } from '../support/any-second/stored-graph.ts';
import { judgeChoice, shownVerdict } from '../support/any-second/verdict.ts';
import { loggedTables } from '../support/logged-tables.ts';
import { sandboxUp, type TestSandbox } from '../support/sandbox.ts';

/**
 * A ring of three under load, one node of which misses a part and is brought up to date by read repair and by hints, goes back to instants by
 * the whole path of the command line, is written on, and goes back again across the forks. Each time every replica is asked alone, and then
 * all at QUORUM; each answer is compared with the writer's log of that timeline. The tests run in the order of the file.
 */
const bank = bankOf({ seed: 'any-second-ring', branches: 15, customersPerBranch: 20 });
const restored = z.looseObject({ run: z.string(), ok: z.literal(true), timeline: z.string() });

let sandbox: TestSandbox;
let history: History;
let merged: readonly GraphMutation[];
let folder: string;
/** Transactions so far, of every timeline. */
let transactions: readonly Transaction[];
/** Those that the current timeline holds. */
let current: Choice;

beforeAll(async () => {
  sandbox = await sandboxUp(3);
  const environment = openLocal(sandbox.home);
  const { platform } = sandbox;
  folder = join(sandbox.directory, 'any-second');
  history = await writeHistory(platform, environment, {
    bank,
    before: 100,
    after: 400,
    folder,
    meanwhile: async (writer) => nodeAway(platform, environment, writer, 150),
  });
  ({ transactions } = history);
  merged = mergedMutations(history.nodes, await loggedTables(platform.database)).filter(
    ({ slots: [first = 0] }) => first > history.from,
  );
  await shipped(history.to);
}, 900_000);

afterAll(async () => {
  await sandbox?.down();
});

test('while the node was brought up to date, read repair merged transactions into one mutation', () => {
  expect(merged.length).toBeGreaterThan(0);
});

test('H: at instants within merged mutations and at any others, each replica alone and all at QUORUM hold what was committed by then', async () => {
  const anywhere = chooseInstants('ring', 2, { ...history, commits: commitsOf(transactions) });
  const inside = merged[Math.floor(merged.length / 2)]?.slots[0] ?? history.from;
  for (const instant of [...anywhere, inside].sort((a, b) => b - a)) {
    await restore('restore', 'local', '--to', formatInstant(instant), '--timeline', 't0001', '--without-base');
    current = committedBy(BigInt(instant));
    await expectCurrent();
  }
}, 1_200_000);

test('after it was written on, an instant of the new timeline holds what was before the fork and nothing of what followed it on the old one', async () => {
  const before = current;
  const written = await writeOn(120);
  const instant = cutBefore(slotOf(written, 80));
  await restore('restore', 'local', '--to', formatInstant(instant));
  const kept = isOf(written.slice(0, 80));
  current = (each) => before(each) || kept(each);
  await expectCurrent();
}, 900_000);

test('a bad job is undone, and what was written beside and after it stays', async () => {
  const before = current;
  const written = await writeOn(60, async () => {
    await runBadJob(sandbox.platform.graph, bank, 30);
  });
  const found = z.object({ largestRemoval: z.string() });
  const { largestRemoval } = await sandbox.answer(found, 'transactions', 'local', '--around', 'now', '--within', '5m');
  await restore('undo', 'local', '--group', largestRemoval, '--way', 'restore');
  const kept = isOf(written);
  current = (each) => before(each) || kept(each);
  await expectCurrent();
}, 900_000);

test('an instant of after the undo is without the undone job too, and one of the first timeline is what it always was', async () => {
  const before = current;
  const written = await writeOn(60);
  await restore('restore', 'local', '--to', formatInstant(cutBefore(slotOf(written, 30))), '--without-base');
  const kept = isOf(written.slice(0, 30));
  current = (each) => before(each) || kept(each);
  await expectCurrent();

  await restore('restore', 'local', '--to', formatInstant(history.to), '--timeline', 't0001', '--without-base');
  current = isOf(history.transactions);
  await expectCurrent();
}, 900_000);

/** Every replica alone, then all at QUORUM; and since the restore no read has found two replicas that differ, so none had to be mended. */
async function expectCurrent(): Promise<void> {
  const { platform } = sandbox;
  const { record } = openLocal(sandbox.home);
  const found: string[] = [];
  for (const { name, address } of record.nodes) {
    const graph = await graphOfReplica(address, record.datacenter, platform.keyspace);
    found.push(`${name}: ${shownVerdict(judgeChoice(bank, transactions, current, graph))}`);
  }
  const whole = await readStoredGraph(platform.database, platform.keyspace);
  found.push(`QUORUM: ${shownVerdict(judgeChoice(bank, transactions, current, whole))}`);
  expect(found.filter((line) => !line.endsWith(': right'))).toEqual([]);
  const newest = Math.max(...commitsOf(transactions.filter(current)));
  const since = record.nodes.map(({ name }) => ({
    name,
    segments: nodeFolders(sandbox.directory, name).commitlog,
  }));
  const mended = graphMutations(since, await loggedTables(platform.database)).filter(
    ({ slots: [first = 0] }) => first <= newest,
  );
  expect(mended).toEqual([]);
}

async function restore(...command: string[]): Promise<void> {
  const { run } = await sandbox.answer(restored, ...command, '--confirm', 'local');
  await sandbox.answer(
    z.looseObject({ ok: z.literal(true) }),
    'restore',
    'accept',
    run,
    '--env',
    'local',
    '--confirm',
    'local',
  );
}

/** Goes on from what the graph holds; gives what was committed now, in order. */
async function writeOn(
  count: number,
  meanwhile: () => Promise<void> = async () => {},
): Promise<readonly Transaction[]> {
  const { graph, database, keyspace } = sandbox.platform;
  const earlier = isOf(transactions);
  const log = openTransactionLog(writerLog(folder));
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
  await shipped(micros(Date.now() * 1000));
  return transactions
    .filter((each) => !earlier(each))
    .toSorted((a, b) => Number((a.commitTime ?? 0n) - (b.commitTime ?? 0n)));
}

/** Until every node has shipped all that it acknowledged by then. */
async function shipped(until: Micros): Promise<void> {
  const newest = async () => {
    const { platform } = sandbox;
    const healths = await Promise.all(platform.nodes.map(async ({ name }) => platform.agent(name).health()));
    return healths.every(({ shipping }) => (shipping?.newest ?? '') > formatInstant(until)) ? true : undefined;
  };
  const done = await waitFor(newest, { withinMs: 120_000, everyMs: 200 });
  if (done === undefined) throw new TypeError(`the log is not shipped up to ${formatInstant(until)}`);
}

function slotOf(written: readonly Transaction[], index: number): Micros {
  return micros(Number(written[index]?.commitTime ?? 0n));
}

function isOf(some: readonly Transaction[]): Choice {
  const ids = new Set(some.map(transactionId));
  return (each) => ids.has(transactionId(each));
}
