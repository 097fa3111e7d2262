import { join } from 'node:path';
import { expect } from 'vitest';
import { z } from 'zod';
import { formatInstant, type Micros } from '../../../src/model/instant.ts';
import { waitFor } from '../../../src/host/wait-for.ts';
import { nodeFolders } from '../../../src/platforms/sandbox/topology.ts';
import type { Bank } from '../../../src/sample/bank.ts';
import type { TransactionChoice } from '../../../src/sample/oracle.ts';
import type { Transaction } from '../../../src/sample/transaction.ts';
import { loggedTables } from '../logged-tables.ts';
import { sandboxUp, type TestSandbox } from '../sandbox.ts';
import { type GraphMutation, graphMutations, mergedMutations } from './graph-mutations.ts';
import { type History, writeHistory } from './history.ts';
import { commitsOf } from './instants.ts';
import { openLocal } from './local.ts';
import { nodeAway } from './node-away.ts';
import { graphOfReplica } from './one-replica.ts';
import { readStoredGraph } from './stored-graph.ts';
import { judgeChoice, shownVerdict } from './verdict.ts';

/** A ring of three that a writer has worked on, one node of which missed a part and was brought up to date by read repair and by hints. */
export interface RingUnderLoad {
  readonly sandbox: TestSandbox;
  readonly history: History;
  readonly folder: string;
  /** What read repair made of several transactions. */
  readonly merged: readonly GraphMutation[];
  /** Until every node has shipped all that it acknowledged by then. */
  shipped(until: Micros): Promise<void>;
  /** Restores by the command line, and accepts it. */
  restore(...command: string[]): Promise<void>;
  /**
   * Every replica alone, then all at QUORUM, hold the chosen transactions and no others; and since the restore no read has found two replicas
   * that differ, so none had to be mended.
   */
  expectHolds(transactions: readonly Transaction[], chosen: TransactionChoice): Promise<void>;
}

/** `missed` transactions pass the node by that is killed. The caller takes the sandbox down. */
export async function ringUnderLoad(
  bank: Bank,
  { before, after, missed }: { readonly before: number; readonly after: number; readonly missed: number },
): Promise<RingUnderLoad> {
  const sandbox = await sandboxUp(3);
  try {
    const { platform } = sandbox;
    const environment = openLocal(sandbox.home);
    const folder = join(sandbox.directory, 'any-second');
    const meanwhile: Parameters<typeof writeHistory>[2]['meanwhile'] = async (writer) =>
      nodeAway(platform, environment, writer, missed);
    const history = await writeHistory(platform, environment, { bank, before, after, folder, meanwhile });
    const merged = mergedMutations(history.nodes, await loggedTables(platform.database)).filter(
      ({ slots: [first = 0] }) => first > history.from,
    );
    await shipped(sandbox, history.to);
    return {
      sandbox,
      history,
      folder,
      merged,
      shipped: async (until) => shipped(sandbox, until),
      restore: async (...command) => restore(sandbox, command),
      expectHolds: async (transactions, chosen) => expectHolds(sandbox, bank, transactions, chosen),
    };
  } catch (thrown) {
    await sandbox.down();
    throw thrown;
  }
}

async function shipped({ platform }: TestSandbox, until: Micros): Promise<void> {
  const newest = async () => {
    const healths = await Promise.all(platform.nodes.map(async ({ name }) => platform.agent(name).health()));
    return healths.every(({ shipping }) => (shipping?.newest ?? '') > formatInstant(until)) ? true : undefined;
  };
  const done = await waitFor(newest, { withinMs: 120_000, everyMs: 200 });
  if (done === undefined) throw new TypeError(`the log is not shipped up to ${formatInstant(until)}`);
}

const restored = z.looseObject({ run: z.string(), ok: z.literal(true), timeline: z.string() });

async function restore(sandbox: TestSandbox, command: readonly string[]): Promise<void> {
  const { run } = await sandbox.answer(restored, ...command, '--confirm', 'local');
  const accepted = z.looseObject({ ok: z.literal(true) });
  await sandbox.answer(accepted, 'restore', 'accept', run, '--env', 'local', '--confirm', 'local');
}

async function expectHolds(
  { platform, directory, home }: TestSandbox,
  bank: Bank,
  transactions: readonly Transaction[],
  chosen: TransactionChoice,
): Promise<void> {
  const { record } = openLocal(home);
  const found: string[] = [];
  for (const { name, address } of record.nodes) {
    const graph = await graphOfReplica(address, record.datacenter, platform.keyspace);
    found.push(`${name}: ${shownVerdict(judgeChoice(bank, transactions, chosen, graph))}`);
  }
  const whole = await readStoredGraph(platform.database, platform.keyspace);
  found.push(`QUORUM: ${shownVerdict(judgeChoice(bank, transactions, chosen, whole))}`);
  expect(found.filter((line) => !line.endsWith(': right'))).toEqual([]);
  const newest = Math.max(...commitsOf(transactions.filter(chosen)));
  const since = record.nodes.map(({ name }) => ({ name, segments: nodeFolders(directory, name).commitlog }));
  const mended = graphMutations(since, await loggedTables(platform.database)).filter(
    ({ slots: [first = 0] }) => first <= newest,
  );
  expect(mended).toEqual([]);
}
