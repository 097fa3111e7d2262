import { expect, test } from 'vitest';
import {
  accept,
  environment,
  type Environment,
  killed,
  nodeOf,
  type Process,
  replaceDisk,
  restore,
  startedByHand,
  wordOf,
} from '../../test/support/told-sequences.ts';
import { listOpenRestores } from './catalog/restore-catalog.ts';
import { restoreRunbook } from './index.ts';

/* A restore that was given up with --lost: what is in place is no whole environment until another restore. */

async function givenUp(world: Environment): Promise<string> {
  const { played } = world;
  const work = async (process: Process) =>
    played.begin(process, restoreRunbook, { point: world.point, newBase: false }, true);
  expect(await killed(world, 90, work, true)).toBe(true);
  const [record] = await listOpenRestores(played.bucket);
  const half = record?.run ?? 'none';
  replaceDisk(nodeOf(world, 1));
  expect(wordOf(await accept(world, half, ['node-1']))).toBe('succeeded');
  return half;
}

test('while a restore that was given up was followed by none, who starts servers by hand is told to restore first', async () => {
  const world = await environment();
  await givenUp(world);
  const refused = await startedByHand(world);
  expect(refused?.code).toBe('restore-unfinished');
  expect(refused?.next).toContain('cardea points local');
  expect(wordOf(await restore(world))).toBe('succeeded');
  expect(await startedByHand(world)).toBeUndefined();
});
