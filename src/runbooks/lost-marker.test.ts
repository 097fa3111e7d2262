import { expect, test } from 'vitest';
import { directories } from '../../test/support/simulated-ring.ts';
import {
  accept,
  environment,
  type Environment,
  isUp,
  keysOf,
  killed,
  nextOf,
  nodeOf,
  type Process,
  restore,
  resume,
  revert,
  run,
  runOf,
  wordOf,
} from '../../test/support/told-sequences.ts';
import { listOpenRestores } from './catalog/restore-catalog.ts';
import { restoreRunbook } from './index.ts';

/* One node's disk does not say any more what was moved aside there; the others do. */

/** What a person does after a revert that did not succeed: everything that is named, and then what is left. */
async function ways(world: Environment, made: string, story: string[]): Promise<void> {
  const back = await revert(world, made);
  story.push(`revert: ${wordOf(back)}: ${nextOf(back)}`);
  if (wordOf(back) === 'succeeded') return;
  story.push(`told: ${await world.played.told()}`);
  const given = await accept(world, made, ['node-1']);
  story.push(`accept --lost node-1: ${wordOf(given)}: ${nextOf(given)}`);
  const kept = await accept(world, made);
  story.push(`accept: ${wordOf(kept)}: ${nextOf(kept)}`);
  const on = await resume(world, made);
  story.push(`resume: ${wordOf(on)}: ${nextOf(on)}`);
  const again = await revert(world, made);
  story.push(`revert again: ${wordOf(again)}`);
  const anew = await restore(world);
  story.push(`restore: ${wordOf(anew)}: ${nextOf(anew)}`);
}

test('the marker of what lies aside is lost on one node, and its folders are there: a revert of a restore that serves brings them back, or stops nothing', async () => {
  const world = await environment();
  const made = runOf(await restore(world));
  nodeOf(world, 1).disk.remove(`${directories.aside}/${made}/aside.json`);
  const story: string[] = [];
  await ways(world, made, story);
  expect(isUp(world), story.join('\n')).toBe(true);
});

test('the volume of one node is rolled back to right before its data was moved: a revert stops nothing, and what the others keep can be given up', async () => {
  const world = await environment();
  const { played } = world;
  const node = nodeOf(world, 1);
  let before: ReadonlyArray<readonly [string, string]> = [];
  const made = runOf(
    await run(world, async (process) => {
      const platformOf = played.ring.platformFor.bind(played.ring);
      played.ring.platformFor = (of, name) => {
        const platform = platformOf(of, name);
        const { databaseLifecycle } = platform;
        return {
          ...platform,
          databaseLifecycle: {
            ...databaseLifecycle,
            stopAll: async (signal) => {
              await databaseLifecycle.stopAll(signal);
              before = [...node.disk.below('/var')].map(([path, text]) => [`/var/${path}`, text] as const);
            },
          },
        };
      };
      const outcome = await played.begin(process, restoreRunbook, { point: world.point, newBase: false }, true);
      played.ring.platformFor = platformOf;
      return outcome;
    }),
  );
  const old = keysOf(world);
  expect(before.some(([path]) => path.includes('/aside/mark.'))).toBe(true);
  node.stop();
  for (const folder of Object.values(directories)) {
    node.disk.remove(folder);
    node.disk.makeFolder(folder);
  }
  for (const [path, text] of before) node.disk.write(path, text);
  node.start();
  const story: string[] = [`${old.length} cells`];
  await ways(world, made, story);
  expect(isUp(world), story.join('\n')).toBe(true);
  expect(story[3], story.join('\n')).toMatch(/^accept --lost node-1: succeeded/);
});

test('a restore is killed with its files in place, and the volume of one node is rolled back to right before its data was moved: one of the named commands works', async () => {
  const files = async (at: number) => {
    const world = await environment();
    const { played } = world;
    const work = async (process: Process) =>
      played.begin(process, restoreRunbook, { point: world.point, newBase: false }, true);
    await killed(world, at, work, true);
    const disk = nodeOf(world, 1).disk.below('/var');
    return { world, disk: [...disk].map(([path, text]) => [`/var/${path}`, text] as const) };
  };
  // As the same run had it before the first move.
  const before = (await files(70)).disk;
  const { world } = await files(100);
  const [record] = await listOpenRestores(world.played.bucket);
  const made = record?.run ?? 'none';
  const node = nodeOf(world, 1);
  for (const folder of Object.values(directories)) {
    node.disk.remove(folder);
    node.disk.makeFolder(folder);
  }
  for (const [path, text] of before) node.disk.write(path, text);
  const on = await resume(world, made);
  const back = await revert(world, made);
  const given = await accept(world, made, ['node-1']);
  const story = [
    `resume: ${wordOf(on)}: ${nextOf(on)}`,
    `revert: ${wordOf(back)}: ${nextOf(back)}`,
    `accept --lost node-1: ${wordOf(given)}: ${nextOf(given)}`,
  ];
  expect([on, back, given].map(wordOf), story.join('\n')).toContain('succeeded');
});
