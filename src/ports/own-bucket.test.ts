import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { FakeClock, countingIds } from '../../test/support/fake-clock.ts';
import { MemoryStore } from '../../test/support/memory-store.ts';
import { pointTakenAt } from '../../test/support/example-point.ts';
import { ownBucketContract } from '../../test/unit/own-bucket.contract.ts';
import { DirectoryStore } from '../adapters/directory/directory-store.ts';
import { bucketIdentityKey } from '../model/bucket-identity.ts';
import { restorePointDocument } from '../model/restore-point.ts';
import { timelineDocument } from '../model/timeline.ts';
import { type BucketPin, ownBucket } from './own-bucket.ts';

const folders: string[] = [];
afterAll(async () => Promise.all(folders.map(async (folder) => rm(folder, { recursive: true }))));

ownBucketContract('memory', async () => new MemoryStore());
ownBucketContract('a directory', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cardea-own-'));
  folders.push(folder);
  return new DirectoryStore(folder);
});

const ids = countingIds();

function pinned(id?: string): BucketPin & { id: string | undefined } {
  return {
    id,
    who: 'The agent of n1 remembers',
    async load() {
      return this.id;
    },
    async save(next) {
      this.id = next;
    },
  };
}

function owned(store: MemoryStore, more: { environment?: string; pin?: BucketPin; clock?: FakeClock } = {}) {
  const { environment = 'prod', pin, clock = new FakeClock() } = more;
  return ownBucket(store, { owner: { environment, project: 'bank' }, clock, ids, ...(pin && { pin }) });
}

const lease = (environment: string) => JSON.stringify({ kind: 'lease', version: 1, environment });
const started = (environment: string) =>
  JSON.stringify({ kind: 'run-event', version: 1, event: { type: 'run-started', environment } });
const timeline = (environment: string) =>
  timelineDocument.write(
    timelineDocument.body.parse({ id: 't0001', environment, openedAt: '2026-02-19T02:00:00.000000Z', why: 'a test' }),
  );
const pointOf = (environment: string) =>
  restorePointDocument.write(pointTakenAt(new Date('2026-02-19T02:00:00Z'), { environment }));

test.each([
  ['a restore point', 'backup-20260219-020000.json', pointOf],
  ['a timeline', 'timelines/t0001.json', timeline],
  ['a lease', 'leases/00000007.json', lease],
  ['a run', 'runs/backup-20260219-020000-k3f9/000001.json', started],
] as const)('a bucket of before there were identities is adopted by what %s names', async (_, key, text) => {
  const store = new MemoryStore();
  store.set(key, text('prod'));
  // Folders beside the leases name nobody.
  store.set('leases/copies/staging/00000001.json', '{}');
  await expect(owned(store, { environment: 'staging' }).get('x')).rejects.toMatchObject({
    code: 'bucket-of-another-environment',
    happened: expect.stringContaining('its documents are of prod'),
  });
  expect([...store.objects.keys()]).toEqual([key, 'leases/copies/staging/00000001.json']);
  await owned(store).put('x', '');
  expect(await owned(store).look()).toMatchObject({ environment: 'prod', project: 'bank' });
});

test('one that two environments had shared is nobody’s until a person claims it, and only for one of the two', async () => {
  const store = new MemoryStore();
  store.set('leases/00000007.json', lease('prod'));
  store.set('leases/00000008.json', lease('staging'));
  await expect(owned(store).put('x', '')).rejects.toMatchObject({
    code: 'bucket-of-another-environment',
    next: expect.stringContaining('cardea agents bind prod --confirm prod'),
  });
  await expect(owned(store, { environment: 'dev' }).claim()).rejects.toMatchObject({
    code: 'bucket-of-another-environment',
  });
  expect(await owned(store).claim()).toMatchObject({ environment: 'prod' });
  await owned(store).put('x', '');
  await expect(owned(store, { environment: 'staging' }).claim()).rejects.toMatchObject({
    happened: expect.stringContaining('belongs to prod of the project bank'),
  });
});

test('who remembers a bucket writes and reads nothing once another stands in its place, whenever that happens', async () => {
  const store = new MemoryStore();
  const clock = new FakeClock();
  const pin = pinned();
  const agent = owned(store, { pin, clock });
  await agent.put('log/a', '');
  const remembered = pin.id;
  expect(remembered).toBe((await agent.look())?.id);

  store.objects.clear();
  clock.leap(10_000);
  await expect(agent.put('log/b', '')).rejects.toMatchObject({
    code: 'bucket-changed',
    happened: expect.stringContaining('is empty or without an identity'),
    next: expect.stringContaining('cardea agents bind prod --confirm prod'),
  });
  expect([...store.objects.keys()]).toEqual([]);

  const anew = new MemoryStore();
  await owned(anew).put('log/a', '');
  await expect(owned(anew, { pin }).get('log/a')).rejects.toMatchObject({ code: 'bucket-changed' });
  expect(pin.id).toBe(remembered);
});

test('a look is good for ten seconds, and calls side by side share one', async () => {
  const store = new MemoryStore();
  const clock = new FakeClock();
  const agent = owned(store, { pin: pinned(), clock });
  await agent.put('a', '');
  let looks = 0;
  const get = store.get.bind(store);
  store.get = async (key) => {
    if (key === bucketIdentityKey) looks += 1;
    return get(key);
  };
  for (let second = 0; second < 30; second += 1) {
    await Promise.all([agent.put('a', ''), agent.get('a'), agent.head('a')]);
    clock.leap(1000);
  }
  // The put before was the first; it is looked again at 10 and at 20.
  expect(looks).toBe(2);
});

test('a store that cannot be reached is a store that cannot be reached: nothing is concluded from it', async () => {
  const store = new MemoryStore();
  const bucket = owned(store, { pin: pinned('remembered1') });
  store.unreachable = true;
  await expect(bucket.put('a', '')).rejects.toMatchObject({ kind: 'retryable' });
  store.unreachable = false;
  expect([...store.objects.keys()]).toEqual([]);
});

test('an identity that is damaged stops everything until a person claims the bucket anew; of another’s bucket it cannot be claimed', async () => {
  const store = new MemoryStore();
  await owned(store).put('leases/00000001.json', lease('prod'));
  store.set(bucketIdentityKey, store.text(bucketIdentityKey).replace('"prod"', '"prof"'));
  await expect(owned(store).get('a')).rejects.toMatchObject({
    code: 'identity-damaged',
    kind: 'refused',
    next: expect.stringContaining('cardea agents bind prod --confirm prod'),
  });
  await expect(owned(store, { environment: 'prof' }).claim()).rejects.toMatchObject({
    code: 'bucket-of-another-environment',
  });
  const claimed = await owned(store).claim();
  expect(await owned(store).look()).toEqual(claimed);
});

test('an identity that a newer Cardea wrote is refused, and not replaced', async () => {
  const store = new MemoryStore();
  await owned(store).put('a', '');
  const newer = store.text(bucketIdentityKey).replace('"version": 1', '"version": 2');
  store.set(bucketIdentityKey, newer);
  await expect(owned(store).get('a')).rejects.toMatchObject({ code: 'identity-damaged' });
  await expect(owned(store).claim()).rejects.toMatchObject({ code: 'bad-document' });
  expect(store.text(bucketIdentityKey)).toBe(newer);
});
