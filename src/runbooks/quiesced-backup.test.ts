import { expect, test } from 'vitest';
import { killedWhen, type Left } from '../../test/support/killed-when.ts';
import {
  environment,
  type Environment,
  nextOf,
  nodeOf,
  type Process,
  resume,
  wordOf,
} from '../../test/support/told-sequences.ts';
import { listPoints } from './catalog/point-catalog.ts';
import { backupRunbook } from './index.ts';

/* The promise that nothing is written is about the process that was started with it. */

type Steps = Parameters<Parameters<typeof killedWhen>[2]>[1];

async function killedBackup(
  isThere: (steps: Steps, world: Environment) => boolean,
  prepare: (world: Environment) => void = () => {},
): Promise<Left> {
  const make = async () => {
    const world = await environment();
    prepare(world);
    const work = async (process: Process) =>
      world.played.begin(process, backupRunbook, { mode: 'full', cut: 'quiesced', retention: false });
    return { world, work };
  };
  return killedWhen(make, 4, (_run, steps, world) => isThere(steps, world));
}

/** An hour later the quiet is over. */
async function carriedOn({ world, run }: Left) {
  const { played } = world;
  await played.clock.sleep(3_600_000);
  await played.write();
  await played.clock.sleep(60_000);
  const ended = await resume(world, run);
  const [point] = (await listPoints(played.bucket)).filter((each) => each.run === run);
  return { word: wordOf(ended), point, next: nextOf(ended) };
}

const isUnfinished = (steps: Steps, step: string) => steps[step] !== undefined && steps[step].status !== 'succeeded';

test('a quiesced backup that was left while its snapshots were taken, and carried on after applications wrote, makes a fuzzy point', async () => {
  const left = await killedBackup(
    (steps, { played }) =>
      isUnfinished(steps, 'snapshot') && played.ring.nodes.some(({ begun }) => begun.has('snapshot')),
  );
  const { word, point, next } = await carriedOn(left);
  expect({ word, cut: point?.cut, print: point?.fingerprint }, next).toEqual({
    word: 'succeeded',
    cut: 'fuzzy',
    print: undefined,
  });
});

test('one that was left with its snapshots and its fingerprint taken stays quiesced', async () => {
  const left = await killedBackup(
    (steps) =>
      ['snapshot', 'fingerprint'].every((step) => steps[step]?.status === 'succeeded') &&
      steps['record-taken'] === undefined,
  );
  const { word, point, next } = await carriedOn(left);
  expect({ word, cut: point?.cut, print: point?.fingerprint }, next).toMatchObject({
    word: 'succeeded',
    cut: 'quiesced',
    print: { vertices: expect.any(Number) },
  });
});

test('one of which a node was away, carried on after applications wrote, does not make one instant of two', async () => {
  const left = await killedBackup(
    (steps, { played }) =>
      isUnfinished(steps, 'snapshot') && played.ring.nodes.every(({ begun }) => begun.has('snapshot')),
    (world) => {
      const away = Array.from({ length: 9 }, () => 'refused' as const);
      nodeOf(world, 2).faults.set('snapshot', away);
    },
  );
  nodeOf(left.world, 2).faults.clear();
  const { word, point } = await carriedOn(left);
  expect([word, point?.cut]).toEqual(['succeeded', 'fuzzy']);
});
