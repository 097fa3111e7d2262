import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { FailedProblem } from '../../model/problem.ts';
import { waitFor } from '../../host/wait-for.ts';
import { logTail, startDetached, stopDetached } from '../../host/detached-process.ts';
import { askGraph, type GraphAnswer } from './graph-probe.ts';
import { janusgraphFiles } from './janusgraph-settings.ts';
import { type LocalEnvironment, writeFiles } from './local-environment.ts';
import { accepts } from '../../host/port-probe.ts';
import { runningProcess } from '../../host/local-process.ts';
import { graphFolders, gremlinUrl, port } from './topology.ts';

/** A server that started without its graph, because the ring was not ready, never opens the graph by itself. */
const attempts = 3;

/** Starts the JanusGraph server unless it runs, and waits until a Gremlin query answers. */
export async function startGraphServer(
  environment: LocalEnvironment,
  options: { readonly signal: AbortSignal; readonly archive?: { readonly make: string } },
): Promise<void> {
  const { record, directory, toolchain } = environment;
  const folders = graphFolders(directory);
  mkdirSync(folders.index, { recursive: true });
  writeFiles(janusgraphFiles(record, folders, toolchain, options.archive));
  let answer: GraphAnswer | 'gone' = 'silent';
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    await startDetached({
      title: `JanusGraph of ${record.name}`,
      command: [toolchain.java, `@${join(folders.conf, 'jvm.options')}`],
      directory,
      variables: {},
      pidFile: folders.pidFile,
      logFile: folders.log,
      owner: directory,
    });
    answer =
      (await waitFor(() => look(environment), { withinMs: 120_000, everyMs: 100, signal: options.signal })) ?? 'silent';
    if (answer === 'open') return;
    await stopDetached(folders.pidFile, 5000);
  }
  throw new FailedProblem({
    code: 'graph-not-started',
    happened: `JanusGraph of ${record.name} did not open its graph: ${typeof answer === 'object' ? answer.broken : answer}.`,
    state: 'The server was stopped again; the database is still running.',
    next: `Read ${folders.log}, then run the command again.`,
    details: causes(folders.log),
  });
}

/** Idempotent. Gremlin Server waits two seconds for its threads and has nothing to save: what a transaction did not commit is lost either way. */
export async function stopGraphServer({ directory }: LocalEnvironment): Promise<void> {
  await stopDetached(graphFolders(directory).pidFile, 15_000);
}

export function graphRuns({ directory }: LocalEnvironment): boolean {
  return runningProcess(graphFolders(directory).pidFile) !== undefined;
}

async function look({
  directory,
  record,
}: LocalEnvironment): Promise<Exclude<GraphAnswer, 'silent'> | 'gone' | undefined> {
  if (runningProcess(graphFolders(directory).pidFile) === undefined) return 'gone';
  if (!(await accepts(record.graph.address, port.gremlin))) return undefined;
  const answer = await askGraph(gremlinUrl(record));
  return answer === 'silent' ? undefined : answer;
}

/** The stack traces of a failed start fill the log; why the graph did not open stands in the causes after this line. */
function causes(log: string): readonly string[] {
  const lines = logTail(log, 1000);
  const from = lines.findLastIndex((line) => line.includes('could not be instantiated'));
  return lines
    .slice(Math.max(0, from))
    .filter((line) => line.startsWith('Caused by'))
    .slice(0, 6);
}
