import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FailedProblem } from '../../model/problem.ts';
import type { GraphFolders } from './topology.ts';

/**
 * The way back of a restore for the mixed index: its folder is moved away whole and may be moved back. The servers must be stopped.
 * Every function may be called again after a kill at any moment.
 */
export async function setIndexAside({ index, aside }: GraphFolders, run: string): Promise<void> {
  const kept = join(aside, run);
  if (existsSync(kept)) {
    // It was moved already: what lies in its place now is a dead attempt's.
    await rm(index, { recursive: true, force: true });
  } else {
    await mkdir(index, { recursive: true });
    await mkdir(aside, { recursive: true });
    await rename(index, kept);
  }
  await mkdir(index, { recursive: true });
}

export async function acceptIndexAside({ aside }: GraphFolders, run: string): Promise<void> {
  await rm(join(aside, run), { recursive: true, force: true });
}

/**
 * The present index is kept as `revert-<run>`. Throws FailedProblem `nothing-aside` when the run kept nothing although it
 * should have.
 */
export async function revertIndexAside(
  { index, aside }: GraphFolders,
  run: string,
  { mayBeAbsent }: { readonly mayBeAbsent: boolean },
): Promise<void> {
  const kept = join(aside, run);
  const replaced = join(aside, `revert-${run}`);
  if (!existsSync(kept)) {
    if (mayBeAbsent || (existsSync(replaced) && existsSync(index))) return;
    throw new FailedProblem({
      code: 'nothing-aside',
      happened: `There is no old mixed index of run ${run} to bring back.`,
      state: 'The index was not changed.',
      next: 'Rebuild the index from the graph instead; `cardea check ENV` shows where it differs.',
    });
  }
  if (existsSync(index) && !existsSync(replaced)) await rename(index, replaced);
  await rm(index, { recursive: true, force: true });
  await rename(kept, index);
}
