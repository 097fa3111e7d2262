import { expect, test } from 'vitest';
import { getRestore } from './catalog/restore-catalog.ts';
import {
  accept,
  emptied,
  environment,
  halfRestored,
  isUp,
  keysOf,
  nextOf,
  nodeOf,
  replaceDisk,
  restore,
  resume,
  revert,
  runOf,
  wordOf,
} from '../../test/support/told-sequences.ts';
import { environmentStatus } from '../cli/commands/status/signals.ts';
import { restoreDecisions } from '../cli/runs/undecided-restore.ts';
import { configSchema } from '../model/config.ts';

/* What the journals and the nodes say of a restore whose record, journal or point the store has lost. */

const [config] = Object.values(
  configSchema.parse({
    name: 'simulated',
    environments: { local: { platform: { kind: 'sandbox' }, janusgraph: { keyspace: 'bank' } } },
  }).environments,
);
if (config === undefined) throw new TypeError('the configuration lacks its environment');

test('a restore whose revert was accepted is not carried on, also where the store has lost its record', async () => {
  const world = await environment();
  const half = await halfRestored(world);
  const back = runOf(await revert(world, half));
  expect(wordOf(await accept(world, back))).toBe('succeeded');
  await world.played.write();
  const living = keysOf(world);
  expect(isUp(world)).toBe(true);
  world.played.bucket.remove(`restores/${half}.json`);
  const again = await resume(world, half);
  const story = [`resume: ${wordOf(again)}: ${nextOf(again)}`, `told: ${await world.played.told()}`];
  if (!isUp(world)) {
    const way = await revert(world, half);
    story.push(`revert: ${wordOf(way)}: ${nextOf(way)}`, `told: ${await world.played.told()}`);
    const more = await resume(world, half);
    story.push(`resume: ${wordOf(more)}: ${nextOf(more)}`);
    const anew = await restore(world);
    story.push(`restore: ${wordOf(anew)}: ${nextOf(anew)}`);
  }
  expect([wordOf(again), isUp(world), keysOf(world)], story.join('\n')).toEqual(['run-decided', true, living]);
});

test('the lost record of a revert of what had served unproven says that it was whole', async () => {
  const world = await environment();
  world.played.proofFails = true;
  const failed = await restore(world);
  await world.played.write();
  const served = keysOf(world);
  const back = runOf(await revert(world, runOf(failed)));
  world.played.bucket.remove(`restores/${back}.json`);
  const told = await world.played.told();
  const again = await revert(world, back);
  expect([wordOf(again), keysOf(world)], `${told}: ${nextOf(again)}`).toEqual(['succeeded', served]);
});

test('what a revert keeps of a broken-off restore has a way that works where the journal of the revert is damaged', async () => {
  const world = await environment();
  const half = await halfRestored(world);
  const back = runOf(await revert(world, half));
  for (const key of world.played.bucket.objects.keys())
    if (key.startsWith(`runs/${back}/`)) world.played.bucket.remove(key);
  const told = await world.played.told();
  expect(told).toBe(`cardea restore accept ${back} --confirm local`);
});

test('the lost record of a revert is told by its journal also where the bucket had lost the point before', async () => {
  const world = await environment();
  const { played } = world;
  const made = runOf(await restore(world));
  await played.write();
  const served = keysOf(world);
  await emptied(world);
  const back = runOf(await revert(world, made));
  const record = played.bucket.text(`restores/${back}.json`);
  const before = await played.told();
  played.bucket.remove(`restores/${back}.json`);
  const after = await played.told();
  const again = await revert(world, back);
  expect([after, wordOf(again), keysOf(world)], `${record} ${nextOf(again)}`).toEqual([before, 'succeeded', served]);
});

test('status says what a restore has moved aside also where nobody knows its point any more', async () => {
  const world = await environment();
  const made = runOf(await restore(world));
  await emptied(world);
  expect(wordOf(await revert(world, made))).toBe('succeeded');
  const { played } = world;
  const look = { ...played.worldOf(played.newProcess()), store: played.bucket };
  const facts = {
    environment: 'local',
    config,
    now: look.clock.now(),
    nodes: [],
    ring: [],
    store: { description: 'bucket' },
  };
  const { signals } = environmentStatus({
    ...facts,
    points: [],
    runs: [],
    ways: new Map(),
    window: undefined,
    ...(await restoreDecisions(look)),
  });
  const said = signals.filter(({ name }) => name === 'decisions').map(({ says }) => says);
  expect(said).toEqual([expect.not.stringContaining('undefined')]);
});

test('a lost record of a restore whose revert was given up says that it is being accepted', async () => {
  const world = await environment();
  const { played } = world;
  const made = runOf(await restore(world));
  await played.write();
  nodeOf(world, 1).faults.set('revert-aside', ['refused']);
  const back = await revert(world, made);
  expect(wordOf(back)).toBe('refused-by-fault');
  nodeOf(world, 1).faults.clear();
  replaceDisk(nodeOf(world, 1));
  const again = await resume(world, runOf(back));
  expect(nextOf(again)).toContain('--lost node-1');
  // The deletion comes half way.
  nodeOf(world, 2).faults.set('accept-aside', ['refused']);
  const given = await accept(world, made, ['node-1']);
  expect(wordOf(given)).toBe('refused-by-fault');
  nodeOf(world, 2).faults.clear();
  const told = await played.told();
  const before = await getRestore(played.bucket, made);
  played.bucket.remove(`restores/${made}.json`);
  played.oracle.blind = true;
  const after = await getRestore(played.bucket, made);
  const toldAfter = await played.told();
  const story = [
    `${before?.state} by ${before?.deciding}: ${told}`,
    `${after?.state} by ${after?.deciding}: ${toldAfter}`,
  ];
  const resumed = await resume(world, runOf(given));
  story.push(`resume of the accept: ${wordOf(resumed)}: ${nextOf(resumed)}`);
  const backOnce = await resume(world, runOf(back));
  story.push(`resume of the revert: ${wordOf(backOnce)}: ${nextOf(backOnce)}`);
  story.push(`then: ${await played.told()}`);
  expect([after?.state, after?.deciding, wordOf(resumed)], story.join('\n')).toEqual([
    before?.state,
    before?.deciding,
    'succeeded',
  ]);
});
