import { describe, expect, test } from 'vitest';
import { bucketIdentityKey } from '../../src/model/bucket-identity.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';
import { ownBucket } from '../../src/ports/own-bucket.ts';
import { FakeClock, countingIds } from '../support/fake-clock.ts';

/** What binds a bucket to an environment, on any store. `open` gives an empty one. */
export function ownBucketContract(name: string, open: () => Promise<ObjectStore>): void {
  describe(`a bucket of one environment in ${name}`, () => {
    const ids = countingIds();
    const owned = (store: ObjectStore, environment: string, project = 'bank') =>
      ownBucket(store, { owner: { environment, project }, clock: new FakeClock(), ids });
    const keysOf = async (store: ObjectStore) => (await Array.fromAsync(store.list(''))).map(({ key }) => key);

    test('the first write names it, and no other environment reads or writes there from then on', async () => {
      const store = await open();
      const prod = owned(store, 'prod');
      expect(await prod.get('timelines/t0001.json')).toBeUndefined();
      expect(await keysOf(store)).toEqual([]);
      await prod.put('a', 'of prod');
      expect(await keysOf(store)).toEqual(['a', bucketIdentityKey]);
      for (const stranger of [owned(store, 'staging'), owned(store, 'prod', 'shop')]) {
        const attempts = [
          async () => stranger.put('a', 'of another'),
          async () => stranger.delete('a'),
          async () => stranger.get('a'),
          async () => stranger.head('a'),
          async () => stranger.getStream('a'),
          async () => Array.fromAsync(stranger.list('')),
          async () => Array.fromAsync(stranger.children('')),
          async () => stranger.putStream('b', (async function* () {})()),
          async () => stranger.claim(),
        ];
        for (const attempt of attempts) {
          await expect(attempt()).rejects.toMatchObject({ code: 'bucket-of-another-environment', kind: 'refused' });
        }
      }
      expect(await keysOf(store)).toEqual(['a', bucketIdentityKey]);
      expect(Buffer.from((await owned(store, 'prod').get('a'))?.body ?? '').toString()).toBe('of prod');
      await store.close();
    });

    test('of many that come first at the same time, one names it and the others of its environment join', async () => {
      const store = await open();
      const all = await Promise.allSettled(
        Array.from({ length: 8 }, async (_, index) =>
          owned(store, index % 2 === 0 ? 'prod' : 'staging').put(`k${index}`, 'x'),
        ),
      );
      const identity = await owned(store, 'prod')
        .look()
        .catch(async () => owned(store, 'staging').look());
      const winner = identity?.environment === 'prod' ? 0 : 1;
      for (const [index, { status }] of all.entries()) {
        expect(status).toBe(index % 2 === winner ? 'fulfilled' : 'rejected');
      }
      await store.close();
    });
  });
}
