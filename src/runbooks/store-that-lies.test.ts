import { expect, test } from 'vitest';
import { backup, environment, nextOf, restore, run, wordOf } from '../../test/support/told-sequences.ts';
import type { ObjectInfo } from '../ports/object-store.ts';
import { getPoint, listPoints } from './catalog/point-catalog.ts';
import { logHorizon } from './catalog/log-removal.ts';
import { rehearseRunbook } from './index.ts';

/* The store says for a time that an object is not there, which it has all the while. */

interface Told {
  list: (prefix: string, options?: { readonly after?: string }) => AsyncIterable<ObjectInfo>;
  head: (key: string) => Promise<ObjectInfo | undefined>;
}

/** Listings lack the object until the answer is called, and so does whatever else is asked unless it is `listed` alone. */
function hidden(bucket: Told, key: RegExp, listed = false) {
  const honest = bucket.list.bind(bucket);
  const head = bucket.head.bind(bucket);
  if (!listed) bucket.head = async (each) => (key.test(each) ? undefined : head(each));
  bucket.list = async function* (prefix, options) {
    for await (const info of honest(prefix, options)) if (!key.test(info.key)) yield info;
  };
  return () => {
    bucket.list = honest;
    bucket.head = head;
  };
}

test('a file that only a listing lacks costs a restore nothing', async () => {
  const world = await environment();
  hidden(world.played.bucket, /^medusa\/node-1\/.*edgestore.*\.db$/, true);
  expect(wordOf(await restore(world))).toBe('succeeded');
});

test('a point whose file the store denied for a moment, while a restore checked it, can be restored when the store is well again', async () => {
  const world = await environment();
  const { played } = world;
  const well = hidden(played.bucket, /^medusa\/node-1\/.*edgestore.*\.db$/);
  const first = await restore(world);
  expect(wordOf(first)).not.toBe('succeeded');
  well();
  const story = [`${wordOf(first)}: ${nextOf(first)}`];
  const unasked = await restore(world);
  expect(nextOf(unasked)).toContain('--allow-failed');
  const again = await restore(world, true);
  story.push(`restore: ${wordOf(again)}: ${nextOf(again)}`);
  const rehearsed = await run(world, (process) => played.begin(process, rehearseRunbook, { point: world.point }));
  story.push(`rehearse: ${wordOf(rehearsed)}: ${nextOf(rehearsed)}`);
  expect(wordOf(again), story.join('\n')).toBe('succeeded');
});

test('an object that was brought back from a copy of the bucket makes its point good again', async () => {
  const world = await environment();
  const { played } = world;
  const key = [...played.bucket.objects.keys()].find((each) => /^medusa\/node-1\/.*edgestore.*\.db$/.test(each)) ?? '';
  const body = Uint8Array.from(played.bucket.objects.get(key) ?? []);
  played.bucket.remove(key);
  expect(wordOf(await restore(world))).not.toBe('succeeded');
  expect((await getPoint(played.bucket, world.point)).proof).toBe('failed');
  played.bucket.set(key, body);
  // A backup looks at the points that stay, a rehearsal at its own: whatever a person can do.
  await backup(world);
  await run(world, (process) => played.begin(process, rehearseRunbook, { point: world.point }));
  expect(wordOf(await restore(world))).toBe('succeeded');
});

test('the log of a point that was called damaged is kept while its files are: it may be brought back, or be whole', async () => {
  const world = await environment();
  const { played } = world;
  await backup(world);
  const horizon = logHorizon(await listPoints(played.bucket));
  const well = hidden(played.bucket, /^medusa\/node-1\/.*edgestore.*\.db$/);
  await restore(world);
  well();
  expect((await getPoint(played.bucket, world.point)).proof).toBe('failed');
  expect(logHorizon(await listPoints(played.bucket))).toBe(horizon);
});
