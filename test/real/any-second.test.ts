import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { difference, observedState } from '../../src/sample/oracle.ts';
import { bankOf } from '../../src/sample/bank.ts';
import { type History, leaveEnvironment, writeHistory } from '../support/any-second/history.ts';
import { commitsOf, chooseInstants } from '../support/any-second/instants.ts';
import { openLocal } from '../support/any-second/local.ts';
import { type LogReturn, type ReplayRing, replayRing } from '../support/any-second/replay-ring.ts';
import { shippedReturn } from '../support/any-second/shipped-return.ts';
import { stockReturn } from '../support/any-second/stock-return.ts';
import { readStoredGraph } from '../support/any-second/stored-graph.ts';
import { judge, shownVerdict } from '../support/any-second/verdict.ts';
import { inFull } from '../support/in-full.ts';
import { sandboxUp, type TestSandbox } from '../support/sandbox.ts';

/**
 * A node under load is backed up and ships its log. Then base and log are brought back to many instants, each on a Cassandra of its own, by
 * the plan and the job of `cardea restore`; the graph is compared, element by element, with what the writer's log says was committed by then.
 */
const bank = bankOf({ seed: 'any-second', branches: 15, customersPerBranch: 20 });
const count = inFull ? 17 : 5;

let sandbox: TestSandbox;
let history: History;
let ring: ReplayRing;

beforeAll(async () => {
  sandbox = await sandboxUp(1);
  const environment = openLocal(sandbox.home);
  const folder = join(sandbox.directory, 'any-second');
  history = await writeHistory(sandbox.platform, environment, { bank, before: 200, after: 1000, folder });
  ring = replayRing(environment, join(folder, 'replay'));
}, 900_000);

afterAll(async () => {
  await sandbox?.down();
});

test('the rows tell the same graph as a JanusGraph server does', async () => {
  const [served, stored] = [
    await observedState(sandbox.platform.graph),
    await readStoredGraph(sandbox.platform.database, sandbox.platform.keyspace),
  ];
  expect(difference(served.elements, stored.elements)).toBeUndefined();
  expect(stored.transactions).toEqual(served.transactions);
  expect(stored.unsound).toEqual([]);
  expect(stored.transactions.size).toBe(history.transactions.length);
});

test(`H: at each of ${count} instants the graph is what was committed by then: nothing missing, nothing more, no transaction in part`, async () => {
  await leaveEnvironment(sandbox.platform, history);
  for (const instant of chooseInstants(bank.seed, count, { ...history, commits: commitsOf(history.transactions) })) {
    const log = await shippedReturn(sandbox.platform, history, instant);
    const verdict = await restored(instant, log);
    expect(`${verdict.instant}: ${shownVerdict(verdict)}`).toBe(`${verdict.instant}: right`);
    expect(log.placed.at(-1)?.mutations).toBeGreaterThan(0);
    expect(verdict.committed).toBeGreaterThan(0);
  }
}, 900_000);

test('the same comparison finds what Cassandra’s own restore to an instant repeats: removals that came after it', async () => {
  // At the end of the log nothing comes after, and it is right as well: what the comparison finds is not of its own making.
  expect(shownVerdict(await restored(history.to, stockReturn(history.to)))).toBe('right');
  const verdict = await restored(history.from, stockReturn(history.from));
  expect(verdict.missing.length).toBeGreaterThan(0);
  expect(verdict.split.length).toBeGreaterThan(0);
});

const restored = async (instant: History['from'], log: LogReturn) =>
  ring.during(history.nodes, log, async (database) =>
    judge(history, instant, await readStoredGraph(database, sandbox.platform.keyspace)),
  );
