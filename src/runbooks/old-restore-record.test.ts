import { expect, test } from 'vitest';
import {
  accept,
  environment,
  keysOf,
  nextOf,
  restore,
  revert,
  runOf,
  wordOf,
} from '../../test/support/told-sequences.ts';
import { restoreDecisions } from '../cli/runs/undecided-restore.ts';

/* The store has fallen back to an old version of the record of a restore; everything else is whole. */

test('a restore that was accepted stays decided where its record is of before: nothing is named, and another restore begins', async () => {
  const world = await environment();
  const { played } = world;
  const made = runOf(await restore(world));
  const old = played.bucket.text(`restores/${made}.json`);
  expect(wordOf(await accept(world, made))).toBe('succeeded');
  played.bucket.set(`restores/${made}.json`, old);
  const story = [`told: ${await played.told()}`];
  const back = await revert(world, made);
  story.push(`revert: ${wordOf(back)}: ${nextOf(back)}`);
  const again = await accept(world, made);
  story.push(`accept: ${wordOf(again)}: ${nextOf(again)}`);
  const lost = await accept(world, made, ['node-0', 'node-1', 'node-2']);
  story.push(`accept --lost: ${wordOf(lost)}: ${nextOf(lost)}`);
  const anew = await restore(world);
  story.push(`restore: ${wordOf(anew)}: ${nextOf(anew)}`);
  expect([story[0], wordOf(anew)], story.join('\n')).toEqual(['told: undefined', 'succeeded']);
});

test('a restore that was reverted stays decided where its record is of before: nobody deletes or brings back anything by it', async () => {
  const world = await environment();
  const { played } = world;
  const made = runOf(await restore(world));
  await played.write();
  const old = played.bucket.text(`restores/${made}.json`);
  const back = runOf(await revert(world, made));
  await played.write();
  const living = keysOf(world);
  played.bucket.set(`restores/${made}.json`, old);
  const story = [`told: ${await played.told()}`];
  const again = await accept(world, made);
  story.push(`accept: ${wordOf(again)}: ${nextOf(again)}`);
  const once = await revert(world, made);
  story.push(`revert: ${wordOf(once)}: ${nextOf(once)}`);
  const kept = keysOf(world);
  story.push(`told: ${await played.told()}`);
  // What the revert has kept in its turn is still there to be decided.
  const other = await revert(world, back);
  story.push(`revert of the revert: ${wordOf(other)}: ${nextOf(other)}`);
  expect([wordOf(again), wordOf(once), wordOf(other)], story.join('\n')).toEqual([
    'restore-closed',
    'restore-closed',
    'succeeded',
  ]);
  expect(kept).toEqual(living);
});

test('a record that cannot be read is named, and what its journals say of it counts', async () => {
  const world = await environment();
  const { played } = world;
  const made = runOf(await restore(world));
  const key = `restores/${made}.json`;
  const look = { ...played.worldOf(played.newProcess()), store: played.bucket };
  const clean = await restoreDecisions(look);
  expect(clean.damagedRecords).toEqual([]);
  played.bucket.set(key, played.bucket.text(key).replace('"open"', '"opem"'));
  const damaged = await restoreDecisions(look);
  expect(damaged.damagedRecords).toEqual([expect.stringContaining(key)]);
  expect(damaged.undecided.map(({ record }) => [record.run, record.state])).toEqual(
    clean.undecided.map(({ record }) => [record.run, record.state]),
  );
});
