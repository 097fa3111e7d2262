import { expect, test } from 'vitest';
import { directories } from '../../test/support/simulated-ring.ts';
import {
  accept,
  environment,
  type Environment,
  nodeOf,
  restore,
  revert,
  runOf,
  wordOf,
} from '../../test/support/told-sequences.ts';

/* A snapshot of the volume from before a restore was decided, or a disk that was away meanwhile. */

/** A restore, and what makes the disk of one node hold again what it had moved aside there. */
async function restored(): Promise<{ world: Environment; made: string; comeBack: () => void; lies: () => boolean }> {
  const world = await environment();
  const made = runOf(await restore(world));
  const { disk } = nodeOf(world, 1);
  const kept = [...disk.below(directories.aside)].filter(([path]) => path.startsWith(`${made}/`));
  expect(kept.length).toBeGreaterThan(0);
  return {
    world,
    made,
    comeBack: () => {
      for (const [path, text] of kept) disk.write(`${directories.aside}/${path}`, text);
    },
    lies: () => disk.names(directories.aside).includes(made),
  };
}

test('a disk that comes back with what an accepted restore had moved aside on it keeps nobody from a restore, which deletes that', async () => {
  const { world, made, comeBack, lies } = await restored();
  expect(wordOf(await accept(world, made))).toBe('succeeded');
  comeBack();
  expect(lies()).toBe(true);
  expect(wordOf(await restore(world))).toBe('succeeded');
  expect(lies()).toBe(false);
});

test('what a reverted restore had moved aside and a disk brings back keeps nobody from a restore either, and is left alone', async () => {
  const { world, made, comeBack, lies } = await restored();
  const back = runOf(await revert(world, made));
  expect(wordOf(await accept(world, back))).toBe('succeeded');
  comeBack();
  expect(wordOf(await restore(world))).toBe('succeeded');
  expect(lies()).toBe(true);
});
