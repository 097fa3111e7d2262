import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FailedProblem } from '../model/problem.ts';
import { waitFor } from '../platforms/sandbox/condition.ts';
import { isRunning, runningProcess } from '../platforms/sandbox/process-identity.ts';
import { nodeFolders } from '../platforms/sandbox/topology.ts';
import type { Bank } from '../sample/bank.ts';

/**
 * Takes one node of a sandbox environment down the hard way: its process is killed without a warning, then everything on its disk is
 * gone: data, commit log, hints, caches. Resolves with the bytes that were wiped. `environment` is the environment's folder.
 */
export async function destroyNode(environment: string, node: string): Promise<number> {
  const folders = nodeFolders(environment, node);
  const victim = runningProcess(folders.pidFile);
  if (victim === undefined) {
    throw new FailedProblem({
      code: 'node-not-running',
      happened: `${node} does not run, so it cannot be killed for the demo.`,
      state: 'The environment was left as it is.',
      next: 'Run the demo again; it begins by removing what this one left.',
    });
  }
  process.kill(victim.pid, 'SIGKILL');
  await waitFor(() => (isRunning(victim) ? undefined : true), { withinMs: 10_000, everyMs: 10 });
  const disk = [folders.data, folders.commitlog, folders.hints, folders.savedCaches];
  const bytes = await Promise.all(disk.map(bytesBelow));
  await Promise.all(disk.map(emptied));
  return bytes.reduce((sum, each) => sum + each, 0);
}

/** Edges that go with accounts when these are dropped. Pure: no writer touches the branches that the bad job strikes. */
export function edgesAt(bank: Bank, accounts: readonly string[]): number {
  const dropped = new Set(accounts);
  let edges = 0;
  for (let index = 0; index < bank.branches; index += 1) {
    edges += bank.branch(index).edges.filter(({ from, to }) => dropped.has(from) || dropped.has(to)).length;
  }
  return edges;
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

/** The folder itself stays, as the mount point of a new disk would. */
async function emptied(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  await Promise.all(names.map((name) => rm(join(folder, name), { recursive: true, force: true })));
}
