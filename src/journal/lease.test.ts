import { expect, test } from 'vitest';
import { testWorld, type TestWorld } from '../../test/support/engine-world.ts';
import { MemoryStore } from '../../test/support/memory-store.ts';
import { FailedProblem } from '../model/problem.ts';
import { acquireLease, leaseTtl } from './lease.ts';
import { currentLease } from './lease-record.ts';

const request = (run: string) => ({ environment: 'local', run });

test('of many processes that want the environment at once, one gets it', async () => {
  const world = testWorld();
  const all = await Promise.allSettled(
    Array.from({ length: 8 }, (_, index) => acquireLease(world.another(), request(`run-${index}`))),
  );
  expect(all.filter(({ status }) => status === 'fulfilled').length).toBe(1);
  for (const each of all) {
    if (each.status === 'rejected') expect(each.reason).toMatchObject({ code: 'environment-busy', kind: 'refused' });
  }
});

test('epochs grow by one with every holder', async () => {
  const world = testWorld();
  for (const epoch of [1, 2, 3]) {
    const lease = await acquireLease(world, request('run'));
    expect(lease.epoch).toBe(epoch);
    await lease.release();
  }
});

test('a lease that is held is renewed as long as its process runs, and free once it is released', async () => {
  const world = testWorld();
  const lease = await acquireLease(world, request('a'));
  await world.clock.advance(10 * leaseTtl);
  await expect(acquireLease(world.another('elsewhere'), request('b'))).rejects.toMatchObject({
    code: 'environment-busy',
  });
  expect(lease.signal.aborted).toBe(false);
  await lease.release();
  expect((await acquireLease(world.another('elsewhere'), request('b'))).epoch).toBe(2);
});

test('an expired lease is taken over, and its holder learns it before it writes again', async () => {
  const world = testWorld();
  const asleep = await acquireLease(world, request('a'));
  world.clock.leap(leaseTtl + 1);
  const next = await acquireLease(world.another('elsewhere'), request('b'));
  expect(next.epoch).toBe(2);
  await expect(asleep.confirm()).rejects.toMatchObject({ code: 'fenced' });
  expect(asleep.signal.aborted).toBe(true);
  await asleep.release();
  expect(await currentLease(world.store)).toMatchObject({ epoch: 2, run: 'b' });
});

test('a holder that slept past its lease while nobody wanted it keeps it', async () => {
  const world = testWorld();
  const lease = await acquireLease(world, request('a'));
  world.clock.leap(10 * leaseTtl);
  await lease.confirm();
  expect(lease.signal.aborted).toBe(false);
  await expect(acquireLease(world.another('elsewhere'), request('b'))).rejects.toMatchObject({
    code: 'environment-busy',
  });
});

test('a holder that cannot reach the store until its lease expires stops', async () => {
  const world = testWorld();
  const lease = await acquireLease(world, request('a'));
  world.store.unreachable = true;
  await world.clock.advance(leaseTtl + 15_000);
  expect(lease.signal.aborted).toBe(true);
});

test('a short loss of the store does not cost the lease, nor does a lost answer', async () => {
  const world = testWorld();
  const lease = await acquireLease(world, request('a'));
  world.store.unreachable = true;
  await world.clock.advance(15_000);
  world.store.unreachable = false;
  world.store.loseAnswerOf = /leases/;
  await world.clock.advance(2000);
  expect(world.store.loseAnswerOf).toBeUndefined();
  world.store.unreachable = true;
  await world.clock.advance(8000);
  world.store.unreachable = false;
  await world.clock.advance(2 * leaseTtl);
  expect(lease.signal.aborted).toBe(false);
  await lease.release();
  expect((await currentLease(world.store))?.ended?.why).toBe('released');
});

test('a store that is full does not cost the lease before it expires, and its release fails nobody', async () => {
  let isFull = false;
  const world = testWorld();
  const store = new MemoryStore({
    calls: async (method) => {
      if (method === 'put' && isFull) throw storeFull();
    },
  });
  const lease = await acquireLease({ ...world, store }, request('a'));
  isFull = true;
  await world.clock.advance(leaseTtl - 5000);
  expect(lease.signal.aborted).toBe(false);
  isFull = false;
  await world.clock.advance(leaseTtl);
  expect(lease.signal.aborted).toBe(false);
  isFull = true;
  await lease.release();

  const other = await acquireLease({ ...world, store: storeThatFills() }, request('b'));
  await world.clock.advance(leaseTtl + 15_000);
  expect(other.signal.reason).toMatchObject({ code: 'fenced', happened: expect.stringContaining('no room left') });
});

const storeFull = () =>
  new FailedProblem({
    code: 'store-full',
    happened: 'There is no room left.',
    state: 'As before.',
    next: 'Make room.',
  });

/** Full once the lease is in it. */
function storeThatFills(): MemoryStore {
  let puts = 0;
  return new MemoryStore({
    calls: async (method) => {
      if (method === 'put') puts += 1;
      if (puts > 1) throw storeFull();
    },
  });
}

test('a dead process’s lease goes at once to its own run, and to another only when its run is not one to resume', async () => {
  const taken = async (world: TestWorld, run: string) => {
    await acquireLease(world, request('a'));
    world.processes.die();
    return acquireLease(world.another(), request(run));
  };
  expect((await taken(testWorld(), 'a')).epoch).toBe(2);
  expect((await taken(testWorld(), 'b')).epoch).toBe(2);
});

test('old leases are cleared away, the newest hundred stay', async () => {
  const world = testWorld();
  for (let count = 0; count < 105; count += 1) await (await acquireLease(world, request('a'))).release();
  const left = [...world.store.objects.keys()].toSorted();
  expect(left.length).toBeLessThanOrEqual(102);
  expect(left.at(-1)).toBe('leases/00000105.json');
});
