import { expect, test } from 'vitest';
import { elsewhere, testWorld, type TestWorld } from '../../test/support/engine-world.ts';
import { inTime } from '../../test/support/fake-clock.ts';
import { MemoryStore } from '../../test/support/memory-store.ts';
import { FailedProblem } from '../model/problem.ts';
import { acquireLease, leaseTtl } from './lease.ts';
import { currentLease, leasedCopies } from './lease-record.ts';

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

test('a lease that was not renewed is taken over after the time it is good for, and its holder learns it before it writes again', async () => {
  const world = testWorld();
  const asleep = await acquireLease(world, request('a'));
  const observer = elsewhere(world, leaseTtl + 1);
  const began = observer.clock.monotonic();
  const next = await inTime(acquireLease(observer, request('b')), observer.clock);
  expect(next.epoch).toBe(2);
  expect(observer.clock.monotonic() - began).toBeGreaterThanOrEqual(leaseTtl / 1000);
  world.clock.leap(leaseTtl + 1);
  await expect(asleep.confirm()).rejects.toMatchObject({ code: 'fenced' });
  expect(asleep.signal.aborted).toBe(true);
  await asleep.release();
  expect(await currentLease(world.store)).toMatchObject({ epoch: 2, run: 'b' });
});

test('a clock that is ahead or behind, by seconds or by a day, takes no lease from a holder that lives', async () => {
  for (const aheadMs of [31_000, 90_000, 86_400_000, -31_000, -90_000, -86_400_000]) {
    const world = testWorld();
    const lease = await acquireLease(world, request('a'));
    const observer = elsewhere(world, aheadMs);
    const taking = inTime(acquireLease(observer, request('b')), observer.clock, world.clock);
    await expect(taking).rejects.toMatchObject({ code: 'environment-busy' });
    expect(lease.signal.aborted).toBe(false);
    await lease.confirm();
    await lease.release();
  }
});

test('however the clocks differ, the lease of a holder that is gone is taken over within its time', async () => {
  for (const aheadMs of [31_000, 86_400_000, -86_400_000]) {
    const world = testWorld();
    await acquireLease(world, request('a'));
    const observer = elsewhere(world, aheadMs);
    const waits: string[] = [];
    const lease = await inTime(
      acquireLease({ ...observer, onWait: (why) => void waits.push(why) }, request('b')),
      observer.clock,
    );
    expect(lease.epoch).toBe(2);
    expect(observer.clock.monotonic()).toBeLessThan((2 * leaseTtl) / 1000);
    expect(waits).toEqual([expect.stringContaining('The lease of run a seems to have expired.')]);
  }
});

test('the wait for a holder that may be gone ends with Ctrl-C, and nothing is taken', async () => {
  const world = testWorld();
  await acquireLease(world, request('a'));
  const observer = elsewhere(world, leaseTtl + 1);
  const stop = new AbortController();
  const taking = acquireLease(observer, { ...request('b'), signal: stop.signal });
  await observer.clock.advance(5000);
  stop.abort(new DOMException('Ctrl-C', 'AbortError'));
  await expect(taking).rejects.toThrow('Ctrl-C');
  expect(await currentLease(world.store)).toMatchObject({ epoch: 1, run: 'a' });
});

test('an epoch is above the newest lease and above what is known from elsewhere', async () => {
  const world = testWorld();
  const lease = await acquireLease(world, { ...request('a'), above: 57 });
  expect(lease.epoch).toBe(58);
  await lease.release();
  expect((await acquireLease(world, { ...request('a'), above: 3 })).epoch).toBe(59);
});

test('a lease that leaps further than any run does, or that is none, is refused by name; objects of other names are no leases', async () => {
  const world = testWorld();
  await (await acquireLease(world, { ...request('a'), above: 57 })).release();
  // As one without a seal is: whoever can write to the bucket can make a seal, too.
  const genuine = world.store.text('leases/00000058.json').replace(/,\s*"check": "[0-9a-f]*"/, '');
  world.store.set('leases/9007199254740992.json', genuine.replace('"epoch": 58', '"epoch": 9007199254740992'));
  world.store.set('leases/000099.json', genuine);
  const next = await acquireLease(world, request('a'));
  expect(next.epoch).toBe(59);
  await next.release();

  for (const [key, body] of [
    ['leases/99999999.json', genuine.replace('"epoch": 58', '"epoch": 99999999')],
    ['leases/00000070.json', genuine],
    ['leases/00000070.json', genuine.slice(0, 40)],
  ] as const) {
    world.store.set(key, body);
    await expect(acquireLease(world, request('a'))).rejects.toMatchObject({
      code: 'lease-not-usable',
      kind: 'refused',
      next: expect.stringContaining('cardea agents bind local --confirm local'),
    });
    world.store.remove(key);
  }
  // What agents have seen is no leap.
  world.store.set('leases/02000000.json', genuine.replace('"epoch": 58', '"epoch": 2000000'));
  expect((await acquireLease(world, { ...request('a'), above: 1_999_990 })).epoch).toBe(2_000_001);
});

test('when the epochs are used up, the way on is named', async () => {
  const world = testWorld();
  await expect(acquireLease(world, { ...request('a'), above: 99_999_999 })).rejects.toMatchObject({
    code: 'epochs-used-up',
    next: expect.stringContaining('cardea agents bind local --confirm local'),
  });
  expect([...world.store.objects.keys()]).toEqual([]);
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

test('a store that leaves a renewal without an answer does not keep the holder from stopping when its lease is over', async () => {
  const world = testWorld();
  let hangs = false;
  const store = new MemoryStore({
    calls: async () => {
      if (hangs) await new Promise(() => {});
    },
  });
  const lease = await acquireLease({ ...world, store }, request('a'));
  hangs = true;
  await world.clock.advance(leaseTtl - 1000);
  expect(lease.signal.aborted).toBe(false);
  await world.clock.advance(3000);
  expect(lease.signal.reason).toMatchObject({ code: 'fenced' });
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

/** Its listings do not show what was written. */
class Lagging extends MemoryStore {
  listings = 0;
  override async *children() {
    this.listings += 1;
    yield* [];
  }
}

test('while a listing lags behind, the lease is tried for with pauses, a minute long, and then refused by name', async () => {
  const store = new Lagging();
  const world = { ...testWorld(), store };
  await (await acquireLease(world, request('a'))).release();
  store.listings = 0;
  const trying = acquireLease(world, request('b'));
  await expect(inTime(trying, world.clock)).rejects.toMatchObject({ kind: 'refused', code: 'lease-unsettled' });
  expect(store.listings).toBeLessThan(30);
  expect(world.clock.monotonic()).toBeGreaterThanOrEqual(60);
});

test('the tries for a lease end with Ctrl-C', async () => {
  const store = new Lagging();
  const world = { ...testWorld(), store };
  await (await acquireLease(world, request('a'))).release();
  const stop = new AbortController();
  const trying = acquireLease(world, { ...request('b'), signal: stop.signal });
  await world.clock.advance(1000);
  stop.abort(new DOMException('Ctrl-C', 'AbortError'));
  await expect(trying).rejects.toThrow('Ctrl-C');
});

test('old leases are cleared away, the newest hundred stay', async () => {
  const world = testWorld();
  for (let count = 0; count < 105; count += 1) await (await acquireLease(world, request('a'))).release();
  const left = [...world.store.objects.keys()].toSorted();
  expect(left.length).toBeLessThanOrEqual(102);
  expect(left.at(-1)).toBe('leases/00000105.json');
});

test('the environment and each copy beside it have leases of their own, each with its own epochs', async () => {
  const world = testWorld();
  await (await acquireLease(world, { ...request('a'), above: 57 })).release();
  const environment = await acquireLease(world, request('a'));
  const first = await acquireLease(world, { ...request('b'), copy: 'rehearsal-k3f9' });
  const second = await acquireLease(world, { ...request('c'), copy: 'staging' });
  expect([environment.epoch, first.epoch, second.epoch]).toEqual([59, 1, 1]);
  await world.clock.advance(10 * leaseTtl);
  for (const { signal } of [environment, first, second]) expect(signal.aborted).toBe(false);
  expect(await currentLease(world.store)).toMatchObject({ run: 'a', epoch: 59 });
  expect(await currentLease(world.store, 'staging')).toMatchObject({ run: 'c', copy: 'staging', epoch: 1 });
  expect(await leasedCopies(world.store)).toEqual(['rehearsal-k3f9', 'staging']);

  await expect(acquireLease(world.another(), { ...request('d'), copy: 'staging' })).rejects.toMatchObject({
    code: 'copy-busy',
    kind: 'refused',
    happened: expect.stringContaining('The copy staging of local is in use by run c: dana on here'),
  });
  await second.release();
  expect((await acquireLease(world.another(), { ...request('d'), copy: 'staging' })).epoch).toBe(2);
});

test('a holder of a copy that slept past its lease is fenced like one of the environment', async () => {
  const world = testWorld();
  const copy = 'staging';
  const asleep = await acquireLease(world, { ...request('a'), copy });
  const observer = elsewhere(world, leaseTtl + 1);
  const next = await inTime(acquireLease(observer, { ...request('b'), copy }), observer.clock);
  expect(next.epoch).toBe(2);
  world.clock.leap(leaseTtl + 1);
  await expect(asleep.confirm()).rejects.toMatchObject({
    code: 'fenced',
    happened: expect.stringContaining('lost the lease of the copy staging of local (epoch 1)'),
  });
});

test('a lease that was put into the folder of another copy, or of the environment, is none', async () => {
  const world = testWorld();
  await (await acquireLease(world, { ...request('a'), copy: 'staging' })).release();
  const lease = world.store.text('leases/copies/staging/00000001.json');
  world.store.set('leases/copies/other/00000001.json', lease);
  world.store.set('leases/00000001.json', lease);
  await expect(acquireLease(world, { ...request('b'), copy: 'other' })).rejects.toMatchObject({
    code: 'lease-not-usable',
    happened: expect.stringContaining('leases/copies/other/00000001.json'),
  });
  await expect(acquireLease(world, request('b'))).rejects.toMatchObject({ code: 'lease-not-usable' });
});
