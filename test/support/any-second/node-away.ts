import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { waitFor } from '../../../src/host/wait-for.ts';
import type { LocalEnvironment } from '../../../src/platforms/sandbox/local-environment.ts';
import { runningProcess } from '../../../src/host/local-process.ts';
import { nodeFolders } from '../../../src/platforms/sandbox/topology.ts';
import type { Platform } from '../../../src/ports/platform.ts';
import type { Writer } from '../../../src/sample/writer.ts';
import { openAtConsistency } from './consistency.ts';
import { acknowledged } from './history.ts';
import { readStoredGraph } from './stored-graph.ts';

/**
 * The last node of a ring is killed while the writer works, misses `missed` transactions, and comes back. First only reads bring it
 * up to date, row by row, because the others hold their hints back; then the hints arrive too, and tell it much a second time.
 */
export async function nodeAway(
  platform: Platform,
  environment: LocalEnvironment,
  writer: Writer,
  missed: number,
): Promise<void> {
  const places = environment.record.nodes.map(({ name }) => nodeFolders(environment.directory, name));
  const [away, others] = [places.at(-1), places.slice(0, -1)];
  const running = away === undefined ? undefined : runningProcess(away.pidFile);
  if (running === undefined) throw new TypeError('the node that is to be killed does not run');
  const nodetool = async (command: string) =>
    Promise.all(others.map(async (place) => (await execa(place.nodetool, [command])).stdout));
  process.kill(running.pid, 'SIGKILL');
  // Until they hold it for dead they keep what it misses in their queues, and it misses nothing if it is back soon.
  const seen = async () => ((await nodetool('status')).every((ring) => /^DN /m.test(ring)) ? true : undefined);
  const dead = await waitFor(seen, { withinMs: 60_000 });
  if (dead === undefined) throw new TypeError('the others did not see that a node was gone');
  await acknowledged(writer, writer.counters().acknowledged + missed);
  await nodetool('pausehandoff');
  await platform.databaseLifecycle.startAll(new AbortController().signal);
  await readFromAll(platform, environment);
  await acknowledged(writer, writer.counters().acknowledged + missed / 4);
  await nodetool('resumehandoff');
  const told = await waitFor(() => (hintsTold(environment) > 0 ? true : undefined), { withinMs: 60_000 });
  if (told === undefined) throw new TypeError('no hint was delivered');
}

/**
 * Reads every row from all replicas: one that is behind is written to before the answer, and what it missed of a row comes as one mutation. At
 * QUORUM the two quickest answer, and a node that has just started is seldom one of them.
 */
async function readFromAll({ keyspace }: Platform, { record }: LocalEnvironment): Promise<void> {
  const addresses = record.nodes.slice(0, -1).map(({ address }) => address);
  const database = openAtConsistency({ addresses, localDataCenter: record.datacenter, consistency: 'all' });
  try {
    await readStoredGraph(database, keyspace);
  } finally {
    await database.close();
  }
}

/** Files of hints that nodes have delivered, by what they log. */
function hintsTold({ directory }: LocalEnvironment): number {
  return globSync(join(directory, 'logs', '*', 'cassandra*.log'))
    .flatMap((file) => readFileSync(file, 'utf8').split('\n'))
    .filter((line) => line.includes('Finished hinted handoff of file')).length;
}
