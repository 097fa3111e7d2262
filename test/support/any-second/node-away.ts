import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { waitFor } from '../../../src/platforms/sandbox/condition.ts';
import type { LocalEnvironment } from '../../../src/platforms/sandbox/local-environment.ts';
import { runningProcess } from '../../../src/platforms/sandbox/process-identity.ts';
import { nodeFolders } from '../../../src/platforms/sandbox/topology.ts';
import type { Platform } from '../../../src/ports/platform.ts';
import type { Writer } from '../../../src/sample/writer.ts';
import { acknowledged } from './history.ts';
import { readStoredGraph } from './stored-graph.ts';

/**
 * The last node of a ring is killed while the writer works, misses `missed` transactions, and comes back. First only reads at QUORUM bring it
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
  const nodetool = async (command: string) => {
    await Promise.all(others.map(async (place) => execa(place.nodetool, [command])));
  };
  process.kill(running.pid, 'SIGKILL');
  await acknowledged(writer, writer.counters().acknowledged + missed);
  await nodetool('pausehandoff');
  await platform.databaseLifecycle.startAll(new AbortController().signal);
  // Every row is read from two of three replicas, and a replica that is behind is written to before the answer.
  for (let pass = 0; pass < 2; pass += 1) await readStoredGraph(platform.database, platform.keyspace);
  await acknowledged(writer, writer.counters().acknowledged + missed / 4);
  await nodetool('resumehandoff');
  const told = await waitFor(() => (hintsTold(environment) > 0 ? true : undefined), { withinMs: 60_000 });
  if (told === undefined) throw new TypeError('no hint was delivered');
}

/** Files of hints that nodes have delivered, by what they log. */
function hintsTold({ directory }: LocalEnvironment): number {
  return globSync(join(directory, 'logs', '*', 'cassandra*.log'))
    .flatMap((file) => readFileSync(file, 'utf8').split('\n'))
    .filter((line) => line.includes('Finished hinted handoff of file')).length;
}
