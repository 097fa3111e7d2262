import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { formatSeconds } from '../../model/duration.ts';
import { FailedProblem, RetryableProblem } from '../../model/problem.ts';
import { cassandraFiles } from './cassandra-settings.ts';
import { waitFor } from '../../host/wait-for.ts';
import { logTail, startDetached, stopDetached } from '../../host/detached-process.ts';
import type { NodeRecord } from './environment-record.ts';
import { type LocalEnvironment, writeFiles } from './local-environment.ts';
import { accepts } from '../../host/port-probe.ts';
import { holdingLock, takeLock } from '../../host/file-lock.ts';
import { runningProcess } from '../../host/local-process.ts';
import { ringProblem } from './ring-readiness.ts';
import { nodeFolders, port } from './topology.ts';

/** How long a node may take that has no log to replay. */
const startWithinMs = 180_000;
/** The slowest replay that is waited for: a busy machine with several nodes replays some ten times as fast. */
const replayedPerMs = 2 * 1024;
/** How long a drain may take to flush what is in memory; the rest is replayed from the commit log at the next start. */
const drainWithinMs = 60_000;

/**
 * Starts every node that is not running, or those of `only`, all at once, and waits until each sees all others up and of one schema; of a
 * part of the ring, until each answers.
 */
export async function startRing(
  environment: LocalEnvironment,
  options: {
    readonly signal: AbortSignal;
    readonly only?: readonly string[];
    readonly archive?: { readonly make: string };
  },
): Promise<void> {
  const { record, directory, toolchain } = environment;
  const nodes = record.nodes.filter(({ name }) => options.only?.includes(name) !== false);
  for (const node of nodes) {
    const folders = nodeFolders(directory, node.name);
    for (const folder of [folders.data, folders.logs]) mkdirSync(folder, { recursive: true });
    writeFiles(cassandraFiles({ record, node, folders, toolchain, archive: options.archive }));
  }
  await Promise.all(nodes.map((node) => startNode(environment, node)));
  await Promise.all(nodes.map((node) => waitForPort(environment, node, options.signal)));
  if (nodes.length < record.nodes.length) return;
  let problem: string | undefined;
  const ready = await waitFor(
    async () => {
      problem = await ringProblem(record);
      return problem === undefined ? true : undefined;
    },
    { withinMs: 120_000, everyMs: 200, signal: options.signal },
  );
  if (ready) return;
  throw new FailedProblem({
    code: 'ring-not-ready',
    happened: `The nodes of ${record.name} are running, but the ring did not become ready: ${problem}.`,
    state: 'The nodes are still running.',
    next: `Read the logs in ${join(directory, 'logs')}, then run the command again.`,
  });
}

/** Drains and stops every node at once. Idempotent. */
export async function stopRing({ record, directory }: LocalEnvironment): Promise<void> {
  // SIGTERM makes Cassandra drain before it ends, as `nodetool drain` does, without a JVM started to say so.
  await Promise.all(record.nodes.map((node) => stopDetached(nodeFolders(directory, node.name).pidFile, drainWithinMs)));
}

/** Names of the nodes that run. */
export function runningNodes({ record, directory }: LocalEnvironment): readonly string[] {
  return record.nodes
    .map(({ name }) => name)
    .filter((name) => runningProcess(nodeFolders(directory, name).pidFile) !== undefined);
}

/** What a starting node has to replay. It removes segments meanwhile, and those count as nothing. */
function bytesIn(folder: string): number {
  if (!existsSync(folder)) return 0;
  const sizes = readdirSync(folder).map((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0);
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Throws RetryableProblem `node-locked` while an agent moves the node's files. */
async function startNode({ directory, toolchain }: LocalEnvironment, node: NodeRecord): Promise<void> {
  const folders = nodeFolders(directory, node.name);
  if (runningProcess(folders.pidFile) === undefined) await requireFreeLock(node, folders.lockFile);
  await startDetached({
    title: `Cassandra ${node.name}`,
    command: holdingLock(folders.lockFile, [toolchain.java, `@${join(folders.conf, 'cassandra-jvm.options')}`]),
    directory: folders.root,
    variables: {},
    pidFile: folders.pidFile,
    logFile: join(folders.logs, 'cassandra.out'),
    owner: directory,
  });
}

/** Only for a clear message: Cassandra takes the lock itself, and does not start without it. */
async function requireFreeLock({ name }: NodeRecord, lockFile: string): Promise<void> {
  // A process counts as ended while the last of its threads still give its memory back; only then is the lock free.
  const free = await waitFor(
    async () => {
      const lock = await takeLock(lockFile, { make: true });
      if (typeof lock === 'string') return undefined;
      await lock.release();
      return true;
    },
    { withinMs: 30_000, everyMs: 250 },
  );
  if (free) return;
  throw new RetryableProblem({
    code: 'node-locked',
    happened: `Cassandra ${name} cannot start: its lock ${lockFile} is held, so its agent is moving its files, or a Cassandra that lost its pid file still runs.`,
    state: 'It was not started.',
    next: 'Wait until the job of the agent has ended (cardea status ENV), then run the command again. Nothing has to be removed by hand: the lock ends with its holder.',
  });
}

async function waitForPort({ directory }: LocalEnvironment, node: NodeRecord, signal: AbortSignal): Promise<void> {
  const folders = nodeFolders(directory, node.name);
  const log = join(folders.logs, 'cassandra.log');
  const withinMs = startWithinMs + bytesIn(folders.commitlog) / replayedPerMs;
  const outcome = await waitFor(
    async () => {
      if (await accepts(node.address, port.cql)) return 'up';
      return runningProcess(folders.pidFile) === undefined ? 'gone' : undefined;
    },
    { withinMs, everyMs: 100, signal },
  );
  if (outcome === 'up') return;
  throw new FailedProblem({
    code: 'node-not-started',
    happened: `Cassandra ${node.name} ${outcome === 'gone' ? 'ended while it started' : `did not answer within ${formatSeconds(withinMs / 1000)}`}.`,
    state: 'The other nodes were not changed.',
    next: `Read ${log}, then run the command again.`,
    details: [...logTail(join(folders.logs, 'cassandra.out'), 4), ...(existsSync(log) ? logTail(log) : [])],
  });
}
