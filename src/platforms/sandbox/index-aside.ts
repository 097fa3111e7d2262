import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { displacedName } from '../../model/displaced-name.ts';
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
 * The present index is kept under its `displacedName`. Where the run kept nothing although it should have, an empty one comes into its place and
 * `lost` is true: an index is made anew from the graph.
 */
export async function revertIndexAside(
  { index, aside }: GraphFolders,
  run: string,
  { mayBeAbsent }: { readonly mayBeAbsent: boolean },
): Promise<{ readonly lost: boolean }> {
  const kept = join(aside, run);
  const replaced = join(aside, displacedName(run));
  if (!existsSync(kept)) {
    if (mayBeAbsent) return { lost: false };
    // What lies in its place after the exchange is the old one, unless it was lost: then it is empty.
    if (existsSync(replaced) && existsSync(index)) return { lost: (await readdir(index)).length === 0 };
    await mkdir(aside, { recursive: true });
    if (existsSync(index) && !existsSync(replaced)) await rename(index, replaced);
    await mkdir(index, { recursive: true });
    return { lost: true };
  }
  if (existsSync(index) && !existsSync(replaced)) await rename(index, replaced);
  await rm(index, { recursive: true, force: true });
  await rename(kept, index);
  return { lost: false };
}
