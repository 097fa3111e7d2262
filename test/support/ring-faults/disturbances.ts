import { existsSync, globSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isRunning, type LocalProcess, runningProcess } from '../../../src/host/local-process.ts';
import { waitFor } from '../../../src/host/wait-for.ts';
import { startNodeAgents } from '../../../src/platforms/sandbox/node-agents.ts';
import { nodeFolders } from '../../../src/platforms/sandbox/topology.ts';
import { openLocal } from '../any-second/local.ts';
import { aMoment } from '../disturbance.ts';
import type { Disturbance } from './drawn-fault.ts';
import type { FaultRing } from './fault-ring.ts';

/** What was done to a ring, and how a person mends it who does not know Cardea: what was taken is brought back, what was put there is removed. */
export interface Done {
  /** False when there was nothing that it could have been done to. */
  readonly played: boolean;
  mend(): Promise<void>;
}

const nothingToMend = async (): Promise<void> => {};
const notPlayed: Done = { played: false, mend: nothingToMend };

/** Carries out what goes wrong; resolves when it is over, but for what stays until it is mended. */
export async function disturb(ring: FaultRing, what: Disturbance): Promise<Done> {
  switch (what.kind) {
    case 'program killed':
      return notPlayed;
    case 'agents killed':
      return killAgents(ring, what);
    case 'agents paused':
      return pauseAgents(ring, what);
    case 'Cassandra killed':
      return killCassandra(ring, what.nodes);
    case 'store away':
      ring.store.take();
      await aMoment(what.forMs);
      ring.store.bring();
      return { played: true, mend: nothingToMend };
    case 'stored files of a node missing':
      return takeStoredFiles(ring, what.nodes);
    case 'a strange file among the data':
      return putStrangeFile(ring, what.nodes);
    case 'a staged file gone':
      return removeStagedFile(ring, what.nodes);
  }
}

async function killAgents(
  ring: FaultRing,
  { nodes, started, forMs }: Extract<Disturbance, { kind: 'agents killed' }>,
): Promise<Done> {
  if (!(await kill(processesOf(ring, nodes, 'agentPidFile')))) return notPlayed;
  if (started === 'late') await aMoment(forMs);
  if (started !== 'by Cardea') await startNodeAgents(openLocal(ring.sandbox.home), new AbortController().signal);
  return { played: true, mend: nothingToMend };
}

async function pauseAgents(
  ring: FaultRing,
  { nodes, forMs }: Extract<Disturbance, { kind: 'agents paused' }>,
): Promise<Done> {
  const agents = processesOf(ring, nodes, 'agentPidFile');
  if (agents.length === 0) return notPlayed;
  for (const { pid } of agents) process.kill(pid, 'SIGSTOP');
  await aMoment(forMs);
  for (const { pid } of agents) process.kill(pid, 'SIGCONT');
  return { played: true, mend: nothingToMend };
}

async function killCassandra(ring: FaultRing, nodes: readonly number[]): Promise<Done> {
  if (!(await kill(processesOf(ring, nodes, 'pidFile')))) return notPlayed;
  ring.serversKilled = true;
  return { played: true, mend: nothingToMend };
}

/** Everything that the store holds of a node's data, in one go and file by file: backups may bring others meanwhile. */
function takeStoredFiles(ring: FaultRing, nodes: readonly number[]): Done {
  const taken: string[] = [];
  const away = join(ring.sandbox.home, 'taken');
  for (const node of namesOf(ring, nodes)) {
    for (const file of globSync(`medusa/**/${node}/data/**/*.db`, { cwd: ring.store.path })) {
      mkdirSync(dirname(join(away, file)), { recursive: true });
      renameSync(join(ring.store.path, file), join(away, file));
      taken.push(file);
    }
  }
  return {
    played: taken.length > 0,
    async mend() {
      for (const file of taken) {
        if (existsSync(join(ring.store.path, file))) continue;
        mkdirSync(dirname(join(ring.store.path, file)), { recursive: true });
        renameSync(join(away, file), join(ring.store.path, file));
      }
      rmSync(away, { recursive: true, force: true });
    },
  };
}

function putStrangeFile(ring: FaultRing, nodes: readonly number[]): Done {
  const name = 'copy-of-somebody.txt';
  const put = foldersOf(ring, nodes).map(({ data }) => {
    const [table = join('janusgraph', 'edgestore-of-nobody')] = globSync('janusgraph/edgestore-*', { cwd: data });
    mkdirSync(join(data, table), { recursive: true });
    writeFileSync(join(data, table, name), 'nothing of Cassandra');
    return join(data, table, name);
  });
  return {
    played: true,
    async mend() {
      for (const file of put) rmSync(file, { force: true });
    },
  };
}

function removeStagedFile(ring: FaultRing, nodes: readonly number[]): Done {
  const staged = foldersOf(ring, nodes).flatMap(({ aside }) =>
    globSync('{staging,log-staging}/**/*.{db,log}', { cwd: aside }).map((file) => join(aside, file)),
  );
  const [first] = staged.sort();
  if (first === undefined) return notPlayed;
  rmSync(first, { force: true });
  return { played: true, mend: nothingToMend };
}

function namesOf({ sandbox }: FaultRing, nodes: readonly number[]): readonly string[] {
  return nodes.flatMap((node) => sandbox.platform.nodes[node]?.name ?? []);
}

function foldersOf(ring: FaultRing, nodes: readonly number[]) {
  return namesOf(ring, nodes).map((name) => nodeFolders(ring.sandbox.directory, name));
}

function processesOf(
  ring: FaultRing,
  nodes: readonly number[],
  file: 'agentPidFile' | 'pidFile',
): readonly LocalProcess[] {
  return foldersOf(ring, nodes).flatMap((folders) => runningProcess(folders[file]) ?? []);
}

/** To their end: others may be started in their place meanwhile. False when there are none. */
async function kill(processes: readonly LocalProcess[]): Promise<boolean> {
  for (const { pid } of processes) process.kill(pid, 'SIGKILL');
  const gone = await waitFor(() => (processes.some(isRunning) ? undefined : true), { withinMs: 30_000 });
  if (gone === undefined) throw new TypeError('a process that was killed does not end');
  return processes.length > 0;
}
