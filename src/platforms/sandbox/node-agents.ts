import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { agentConfig } from '../../model/agent-config.ts';
import { FailedProblem } from '../../model/problem.ts';
import { waitFor } from '../../host/wait-for.ts';
import { logTail, startDetached, stopDetached } from '../../host/detached-process.ts';
import { writeWhole } from '../../host/write-whole.ts';
import { type NodeRecord } from './environment-record.ts';
import { folders as sandboxFolders } from '../../host/folders.ts';
import type { LocalEnvironment } from './local-environment.ts';
import { accepts } from '../../host/port-probe.ts';
import { runningProcess } from '../../host/local-process.ts';
import { nodeFolders, port, tokenFile } from './topology.ts';

/** Starts the agent beside each node unless it runs, and waits until each listens. */
export async function startNodeAgents(environment: LocalEnvironment, signal: AbortSignal): Promise<void> {
  const { directory, record } = environment;
  if (!existsSync(tokenFile(directory))) {
    mkdirSync(join(directory, 'secrets'), { recursive: true, mode: 0o700 });
    writeWhole(tokenFile(directory), `${randomBytes(32).toString('hex')}\n`, 0o600);
  }
  await Promise.all(record.nodes.map((node) => startAgent(environment, node, signal)));
}

/** Idempotent. The running job of an agent is lost with it, and runs again when it is asked for again. */
export async function stopNodeAgents({ directory, record }: LocalEnvironment): Promise<void> {
  await Promise.all(record.nodes.map((node) => stopDetached(nodeFolders(directory, node.name).agentPidFile, 10_000)));
}

/** Names of the nodes whose agents run. */
export function runningAgents({
  directory,
  record,
}: Pick<LocalEnvironment, 'directory' | 'record'>): readonly string[] {
  const names = record.nodes.map(({ name }) => name);
  return names.filter((name) => runningProcess(nodeFolders(directory, name).agentPidFile) !== undefined);
}

async function startAgent(
  { directory, record, toolchain }: LocalEnvironment,
  node: NodeRecord,
  signal: AbortSignal,
): Promise<void> {
  const folders = nodeFolders(directory, node.name);
  const config = agentConfig.parse({
    node: node.name,
    environment: record.name,
    ...(record.copy === undefined ? {} : { bucketOf: record.copy.of }),
    ...(record.project === undefined ? {} : { project: record.project }),
    listen: { host: node.address, port: port.agent },
    tokenFile: tokenFile(directory),
    stateDirectory: folders.agent,
    cassandra: {
      yaml: join(folders.conf, 'cassandra.yaml'),
      dataDirectories: [folders.data],
      commitlogDirectory: folders.commitlog,
      hintsDirectory: folders.hints,
      savedCachesDirectory: folders.savedCaches,
      asideDirectory: folders.aside,
      cqlAddress: node.address,
      cqlPort: port.cql,
      nodetool: [folders.nodetool, '-h', node.address, '-p', String(port.jmx)],
      pidFile: folders.pidFile,
      lockFile: folders.lockFile,
    },
    medusa: { executable: toolchain.medusa, nodetoolDirectory: folders.bin, bandwidth: record.bandwidth },
    store: record.store,
    ...(record.shipping === undefined ? {} : { shipping: { linkDirectory: folders.keptLog, ...record.shipping } }),
  });
  writeWhole(folders.agentConfig, `${JSON.stringify(config, null, 2)}\n`);
  mkdirSync(folders.agent, { recursive: true });
  const { checkout } = sandboxFolders();
  await startDetached({
    title: `the agent of ${node.name}`,
    command: [
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      // An agent is there all the time beside a database that wants the memory; its work is small and steady.
      '--max-semi-space-size=2',
      join(checkout, 'src', 'cli', 'main.ts'),
      'agent',
      '--config',
      folders.agentConfig,
    ],
    directory: folders.root,
    // Of the C library: one heap per thread would keep what each once needed.
    variables: { MALLOC_ARENA_MAX: '2' },
    pidFile: folders.agentPidFile,
    logFile: folders.agentLog,
    owner: directory,
  });
  const listening = await waitFor(
    async () => {
      if (await accepts(node.address, port.agent)) return true;
      return runningProcess(folders.agentPidFile) === undefined ? false : undefined;
    },
    { withinMs: 30_000, everyMs: 50, signal },
  );
  if (listening) return;
  throw new FailedProblem({
    code: 'agent-not-started',
    happened: `The agent of ${node.name} ${listening === false ? 'ended while it started' : 'did not listen within 30 s'}.`,
    state: 'The database was not changed.',
    next: `Read ${folders.agentLog}, then run the command again.`,
    details: logTail(folders.agentLog),
  });
}
