import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock, settle } from '../../test/support/fake-clock.ts';
import type { GraphService } from '../ports/graph-service.ts';
import { bankOf, isDormant } from './bank.ts';
import { acknowledged, stateAfter } from './oracle.ts';
import { branchOf } from './shard.ts';
import { transactionsOf, type Transaction } from './transaction.ts';
import { openTransactionLog, type TransactionLog } from './transaction-log.ts';
import { startWriter, type WriterOptions } from './writer.ts';

const bank = bankOf({ seed: 'writer', branches: 9, customersPerBranch: 3 });

let directory: string;
let log: TransactionLog;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'writer-'));
  log = openTransactionLog(join(directory, 'log.jsonl'));
});
afterEach(() => {
  log.close();
  rmSync(directory, { recursive: true });
});

test('a transaction is acknowledged in the log only after its commit returned', async () => {
  const graph = new ScriptedGraph();
  const writer = await start({ graph, threads: 1 });
  await settle();
  expect(await transactionsOf(log.records())).toMatchObject([{ sequence: 0, acknowledgedAt: undefined }]);
  graph.answer();
  await settle();
  expect(await transactionsOf(log.records())).toMatchObject([
    { sequence: 0, acknowledgedAt: '2026-02-19T02:00:00.000Z' },
    { sequence: 1, acknowledgedAt: undefined },
  ]);
  graph.answerAll();
  await writer.stop();
});

test('pause waits until nothing is in flight, and nothing is submitted before resume', async () => {
  const graph = new ScriptedGraph();
  const writer = await start({ graph });
  await settle();
  expect(graph.inFlight).toBe(4);
  const pausing = writer.pause();
  for (let left = 4; left > 0; left -= 1) {
    expect(await Promise.race([pausing, settled('still writing')])).toBe('still writing');
    graph.answer();
  }
  await pausing;
  await settle();
  expect(graph.inFlight).toBe(0);
  expect(writer.counters()).toEqual({ submitted: 4, acknowledged: 4, inDoubt: 0 });
  writer.resume();
  await settle();
  expect(graph.inFlight).toBe(4);
  graph.answerAll();
  await writer.stop();
});

test('a paused writer can be stopped', async () => {
  const graph = new ScriptedGraph();
  graph.answerAll();
  const writer = await start({ graph });
  await writer.pause();
  await writer.stop();
  expect(writer.counters().submitted).toBe(writer.counters().acknowledged);
});

test('a transaction that failed after it was sent is in doubt, and its branch is never touched again', async () => {
  const graph = new ScriptedGraph();
  const writer = await start({ graph, threads: 1 });
  await settle();
  graph.fail('connection lost');
  await settle();
  graph.answerAll();
  await waitForAcknowledged(writer, 40);
  await writer.stop();
  const [doubtful, ...later] = await transactionsOf(log.records());
  expect(doubtful?.acknowledgedAt).toBeUndefined();
  expect(writer.counters().inDoubt).toBe(1);
  expect(later.flatMap(branchesOf)).not.toContain(branchesOf(doubtful as Transaction)[0]);
  expect(new Set(later.map(({ block }) => block))).toEqual(new Set(['writer-0-1']));
});

test('while the server is down no further branch is given up, and writing goes on when it answers', async () => {
  const graph = new ScriptedGraph();
  const clock = new FakeClock();
  const writer = await start({ graph, clock, threads: 1 });
  await settle();
  graph.fail('server gone');
  for (let attempt = 0; attempt < 5; attempt += 1) {
    await settle();
    graph.fail('server gone');
    await clock.advance(500);
  }
  expect(writer.counters()).toEqual({ submitted: 1, acknowledged: 0, inDoubt: 1 });
  graph.answerAll();
  await clock.advance(500);
  await waitForAcknowledged(writer, 5);
  expect(writer.counters().inDoubt).toBe(1);
  await writer.stop();
});

test('dormant branches are never touched, and each thread keeps to its own branches', async () => {
  const graph = new ScriptedGraph();
  graph.answerAll();
  const writer = await start({ graph, threads: 3 });
  await waitForAcknowledged(writer, 200);
  await writer.stop();
  const owners = new Map<number, number>();
  for (const transaction of await transactionsOf(log.records())) {
    for (const branch of branchesOf(transaction)) {
      expect(isDormant(branch)).toBe(false);
      expect(owners.get(branch) ?? transaction.thread).toBe(transaction.thread);
      owners.set(branch, transaction.thread);
    }
  }
  expect(owners.size).toBe(6);
});

test('the same bank gives every thread the same transactions', async () => {
  const run = async (file: string) => {
    const graph = new ScriptedGraph();
    graph.answerAll();
    const own = openTransactionLog(join(directory, file));
    const writer = await start({ graph, log: own, threads: 2 });
    await waitForAcknowledged(writer, 80);
    await writer.stop();
    const all = await transactionsOf(own.records());
    own.close();
    return [0, 1].map((thread) => all.filter((one) => one.thread === thread).map(({ operations }) => operations));
  };
  const [first, second] = [await run('a.jsonl'), await run('b.jsonl')];
  for (const thread of [0, 1]) {
    const length = Math.min(first[thread]?.length ?? 0, second[thread]?.length ?? 0);
    expect(length).toBeGreaterThan(20);
    expect(first[thread]?.slice(0, length)).toEqual(second[thread]?.slice(0, length));
  }
});

test('a writer that goes on from a log, also with other threads, repeats no number and fits the state', async () => {
  for (const threads of [4, 2, 3]) {
    const graph = new ScriptedGraph();
    graph.answerAll();
    const writer = await start({ graph, threads });
    await waitForAcknowledged(writer, 60);
    await writer.stop();
  }
  let submitted = 0;
  for await (const record of log.records()) if (record.type === 'submitted') submitted += 1;
  const transactions = await transactionsOf(log.records());
  expect(transactions).toHaveLength(submitted);
  expect(stateAfter(bank, transactions, acknowledged).vertices.size).toBeGreaterThan(0);
});

test('after a restore the writer goes on from what the graph holds, with numbers above all it ever used', async () => {
  const graph = new ScriptedGraph();
  graph.answerAll();
  const first = await start({ graph, threads: 1 });
  await waitForAcknowledged(first, 50);
  await first.stop();
  const lost = await transactionsOf(log.records());
  const second = await start({ graph, threads: 1, history: ({ sequence }) => sequence < 10 });
  await waitForAcknowledged(second, 50);
  await second.stop();
  const transactions = await transactionsOf(log.records());
  expect(transactions[lost.length]?.sequence).toBe(lost.length);
  const kept = stateAfter(bank, transactions, ({ sequence }) => sequence < 10 || sequence >= lost.length);
  expect(kept.vertices.size).toBeGreaterThan(0);
});

test('a rate limit holds for all threads together', async () => {
  const graph = new ScriptedGraph();
  graph.answerAll();
  const clock = new FakeClock();
  const writer = await start({ graph, clock, threads: 2, perSecond: 10 });
  await clock.advance(10_000);
  expect(writer.counters().acknowledged).toBeGreaterThanOrEqual(98);
  expect(writer.counters().acknowledged).toBeLessThanOrEqual(104);
  const stopping = writer.stop();
  await clock.advance(1000);
  await stopping;
});

function start(options: Partial<WriterOptions> & { readonly graph: GraphService }) {
  return startWriter({ bank, log, clock: new FakeClock(), ...options });
}

async function waitForAcknowledged(writer: { counters(): { acknowledged: number } }, count: number): Promise<void> {
  for (let turn = 0; writer.counters().acknowledged < count; turn += 1) {
    expect(turn, 'the writer makes no progress').toBeLessThan(10_000);
    await settle();
  }
}

async function settled<Value>(value: Value): Promise<Value> {
  await settle();
  return value;
}

function branchesOf(transaction: Transaction): number[] {
  return transaction.operations
    .map((operation) =>
      'key' in operation ? operation.key : 'vertex' in operation ? operation.vertex.key : operation.edge.key,
    )
    .filter((key) => !key.startsWith('writer-'))
    .map(branchOf);
}

/** A graph that answers when the test says so. */
class ScriptedGraph implements GraphService {
  readonly url = 'ws://scripted/gremlin';
  #waiting: PromiseWithResolvers<readonly never[]>[] = [];
  #always = false;

  get inFlight(): number {
    return this.#waiting.length;
  }

  submit<Row>(): Promise<readonly Row[]> {
    // A turn of the event loop, as a real request takes: else a writer would never let the test go on.
    if (this.#always) return new Promise((resolve) => setImmediate(() => resolve([])));
    const request = Promise.withResolvers<readonly never[]>();
    this.#waiting.push(request);
    return request.promise;
  }

  answer(): void {
    this.#waiting.shift()?.resolve([]);
  }

  fail(message: string): void {
    this.#waiting.shift()?.reject(new Error(message));
  }

  answerAll(): void {
    this.#always = true;
    for (const request of this.#waiting.splice(0)) request.resolve([]);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
