import { expect, test } from 'vitest';
import { killedWhen, restoring } from '../../test/support/killed-when.ts';
import {
  accept,
  backup,
  environment,
  type Environment,
  halfRestored,
  keysOf,
  namesAside,
  nextOf,
  nodeOf,
  type Process,
  replaceDisk,
  restore,
  revert,
  runOf,
  startedByHand,
  wordOf,
} from '../../test/support/told-sequences.ts';
import { listOpenRestores } from './catalog/restore-catalog.ts';

/* When a given-up environment counts as restored again. */

async function givenUp(world: Environment): Promise<string> {
  const half = await halfRestored(world);
  replaceDisk(nodeOf(world, 1));
  expect(wordOf(await accept(world, half, ['node-1']))).toBe('succeeded');
  return half;
}

test('data that a revert of a revert has brought back whole need not be restored, whatever was given up before', async () => {
  const { world, run } = await killedWhen(
    async () => {
      const world = await environment();
      return { world, work: restoring(world) };
    },
    80,
    async (_run, steps) => steps['set-aside']?.status === 'succeeded' && steps['restore-files'] === undefined,
  );
  replaceDisk(nodeOf(world, 1));
  // On the new disk lies what makes the node itself, too.
  const { played } = world;
  await killedWhen(
    async () => ({ world, work: async (process: Process) => played.resume(process, run, { confirmed: true }) }),
    12,
    async (_run, steps) => steps['restore-files']?.status === 'succeeded' && steps['start-graph'] === undefined,
  );
  const story = [wordOf(await accept(world, run, ['node-1']))];
  const made = runOf(await restore(world));
  await played.write();
  const whole = keysOf(world);
  const back = await revert(world, made);
  story.push(`revert: ${wordOf(back)} ${nextOf(back)}`);
  const forth = await revert(world, runOf(back));
  story.push(`revert of the revert: ${wordOf(forth)} ${nextOf(forth)}`);
  expect(keysOf(world), story.join('\n')).toEqual(whole);
  expect(wordOf(await accept(world, runOf(forth)))).toBe('succeeded');
  const base = await backup(world);
  story.push(nextOf(base));
  expect([wordOf(base), await startedByHand(world)], story.join('\n')).toEqual(['succeeded', undefined]);
});

test('a restore that broke off before it moved anything does not open an environment that was given up to servers', async () => {
  const { world } = await killedWhen(
    async () => {
      const world = await environment();
      await givenUp(world);
      return { world, work: restoring(world) };
    },
    50,
    async (run, _steps, { played }) => (await listOpenRestores(played.bucket)).some((each) => each.run === run),
  );
  expect([...namesAside(world)]).toEqual([]);
  expect((await startedByHand(world))?.code).toBe('restore-unfinished');
});
