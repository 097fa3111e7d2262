import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FailedProblem } from '../model/problem.ts';
import { waitFor } from '../host/wait-for.ts';
import { isRunning, type LocalProcess, runningProcess } from '../host/local-process.ts';
import { graphFolders, nodeFolders } from '../platforms/sandbox/topology.ts';

/**
 * Kills every Cassandra, every agent and the JanusGraph server of a sandbox environment at once and without a warning. Resolves with the
 * number of processes, when none of them is left. `environment` is the environment's folder. Throws FailedProblem `not-running`, nothing
 * killed, when one of them does not run.
 */
export async function killEverything(environment: string, nodes: readonly string[]): Promise<number> {
  const files = [
    ...nodes.flatMap((node) => {
      const { pidFile, agentPidFile } = nodeFolders(environment, node);
      return [pidFile, agentPidFile];
    }),
    graphFolders(environment).pidFile,
  ];
  const victims = files.map(victimOf);
  for (const { pid } of victims) process.kill(pid, 'SIGKILL');
  await waitFor(() => (victims.some(isRunning) ? undefined : true), { withinMs: 10_000, everyMs: 10 });
  return victims.length;
}

/**
 * Empties the disk of a node: data, commit log, hints, caches, and whatever its agent kept. What stays is what a new machine of the same
 * name is given: its configuration and programs, and the folders as mount points. Resolves with the bytes that were wiped.
 */
export async function wipeDisk(environment: string, node: string): Promise<number> {
  const { root, conf, bin } = nodeFolders(environment, node);
  const folders = (await readdir(root, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(root, name))
    .filter((folder) => folder !== conf && folder !== bin);
  const bytes = await Promise.all(folders.map(bytesBelow));
  await Promise.all(folders.map(emptied));
  return bytes.reduce((sum, each) => sum + each, 0);
}

function victimOf(pidFile: string): LocalProcess {
  const victim = runningProcess(pidFile);
  if (victim !== undefined) return victim;
  throw new FailedProblem({
    code: 'not-running',
    happened: `The process of ${pidFile} is not running, so the demo cannot kill it.`,
    state: 'The environment was not changed.',
    next: 'Run `cardea demo` again; it first removes what this demo left.',
  });
}

async function bytesBelow(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(
    names.map(async (name) => {
      const found = await lstat(join(folder, name)).catch(() => undefined);
      return found?.isFile() === true ? found.size : 0;
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function emptied(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  await Promise.all(names.map((name) => rm(join(folder, name), { recursive: true, force: true })));
}
