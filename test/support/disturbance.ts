import { setTimeout as delay } from 'node:timers/promises';
import { vi } from 'vitest';
import { isFinal } from '../../src/journal/event.ts';
import { type RunState, replay } from '../../src/journal/run-state.ts';
import { readJournal } from '../../src/journal/journal-reader.ts';
import { readRecord } from '../../src/platforms/sandbox/environment-record.ts';
import { startNodeAgents } from '../../src/platforms/sandbox/node-agents.ts';
import { installedSandboxToolchain } from '../../src/platforms/sandbox/sandbox-toolchain.ts';
import { pointOfRun } from '../../src/runbooks/backup.ts';
import { nameOf } from './killed-run.ts';
import { runsOf } from './run-list.ts';
import type { Running, TestSandbox } from './sandbox.ts';

/** A run that a process is carrying out, with its id. */
export interface LiveRun extends Running {
  readonly run: string;
}

/** Begins an operation and resolves once its run is in the journal. */
export async function beginRun(sandbox: TestSandbox, command: readonly string[]): Promise<LiveRun> {
  const before = await runsOf(sandbox);
  const running = sandbox.begin(command);
  const run = await vi.waitFor(
    async () => {
      const found = (await runsOf(sandbox)).find((each) => !before.includes(each));
      if (found === undefined) throw new TypeError(`cardea ${command.join(' ')} has not begun a run`);
      return found;
    },
    { timeout: 30_000, interval: 5 },
  );
  return { ...running, run };
}

/** Resolves once the run's journal holds the event, `step-started upload`. Throws when the run ends without it. */
export async function reached(sandbox: TestSandbox, { run }: LiveRun, event: string): Promise<void> {
  await vi.waitUntil(
    async () => {
      const { events } = await readJournal(sandbox.platform.bucket, run);
      if (events.some((each) => nameOf(each.event) === event)) return true;
      const last = events.at(-1)?.event;
      if (last !== undefined && isFinal(last)) throw new TypeError(`${run} had no ${event}: ${JSON.stringify(last)}`);
      return false;
    },
    { timeout: 300_000, interval: 5 },
  );
}

export async function stateOf(sandbox: TestSandbox, run: string): Promise<RunState> {
  const state = replay((await readJournal(sandbox.platform.bucket, run)).events);
  if (state === undefined) throw new TypeError(`${run} has no journal`);
  return state;
}

/** Keys of what a backup's run has stored under its point's name. */
export async function storedOf({ platform }: TestSandbox, run: string): Promise<readonly string[]> {
  const point = pointOfRun(run);
  const found: string[] = [];
  for await (const { key } of platform.bucket.list(''))
    if (key.includes(point) && !key.startsWith('runs/')) found.push(key);
  return found;
}

/** A kill has to fall anywhere within a step, so here, and only here, a test lets time pass. */
export async function aMoment(milliseconds: number): Promise<void> {
  await delay(milliseconds);
}

/** Starts the agents that do not run, as their supervisor would, and nothing else: `sandbox up` would start a stopped database, too. */
export async function restartAgents(sandbox: TestSandbox): Promise<void> {
  const { directory } = sandbox;
  await vi.waitUntil(async () => (await sandbox.status()).nodes.some(({ agentPid }) => agentPid === null), {
    timeout: 10_000,
    interval: 10,
  });
  const record = readRecord(directory);
  const toolchain = installedSandboxToolchain();
  if (record === undefined || toolchain === undefined) throw new TypeError(`${directory} is no environment`);
  await startNodeAgents({ directory, record, toolchain }, new AbortController().signal);
}
