import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { MemoryStore } from '../../test/support/memory-store.ts';
import { FailedProblem, RetryableProblem } from '../model/problem.ts';
import { patiently } from './patience.ts';
import { patientStore } from './patient-store.ts';

const text = { happened: 'no', state: 's', next: 'n' };
const away = (code = 'away') => new RetryableProblem({ code, ...text });

/** Fails as given for so many seconds of the clock, and counts. */
function failing(clock: FakeClock, seconds: number, problem: Error = away()) {
  const counted = { attempts: 0 };
  const work = async () => {
    counted.attempts += 1;
    if (clock.monotonic() < seconds) throw problem;
    return 'done';
  };
  return { counted, work };
}

test('what comes back in time costs time only; the pauses grow', async () => {
  const clock = new FakeClock();
  const { counted, work } = failing(clock, 60);
  const done = patiently(clock, { forMs: 120_000 }, work);
  await clock.advance(70_000);
  expect(await done).toBe('done');
  expect(counted.attempts).toBeLessThan(25);
});

test('what stays away is let through as it was told', async () => {
  const clock = new FakeClock();
  const { work } = failing(clock, 1000);
  const done = patiently(clock, { forMs: 120_000 }, work).catch((thrown: unknown) => thrown);
  await clock.advance(125_000);
  expect(await done).toMatchObject({ code: 'away' });
  expect(clock.sleeping).toBe(0);
});

test('a long attempt is made as often as was said, though the time is over', async () => {
  const clock = new FakeClock();
  let attempts = 0;
  const done = patiently(clock, { forMs: 1000, attempts: 3 }, async () => {
    attempts += 1;
    await clock.sleep(3_600_000);
    throw away();
  }).catch((thrown: unknown) => thrown);
  await clock.advance(4 * 3_600_000);
  expect(await done).toMatchObject({ code: 'away' });
  expect(attempts).toBe(3);
});

test('what is no fault of the moment, or is none of those waited for, is let through at once', async () => {
  const clock = new FakeClock();
  const final = failing(clock, 60, new FailedProblem({ code: 'broken', ...text }));
  await expect(patiently(clock, { forMs: 120_000 }, final.work)).rejects.toMatchObject({ code: 'broken' });
  const other = failing(clock, 60);
  const only = ({ code }: RetryableProblem) => code === 'agent-unreachable';
  await expect(patiently(clock, { forMs: 120_000, only }, other.work)).rejects.toMatchObject({ code: 'away' });
  expect([final.counted.attempts, other.counted.attempts]).toEqual([1, 1]);
});

test('the signal ends a pause with its reason', async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  const { work } = failing(clock, 60);
  const done = patiently(clock, { forMs: 120_000, signal: stop.signal }, work).catch((thrown: unknown) => thrown);
  await clock.advance(3000);
  stop.abort(new FailedProblem({ code: 'fenced', ...text }));
  expect(await done).toMatchObject({ code: 'fenced' });
});

test('a bucket away for a minute costs each call time; a listing goes on where it broke off', async () => {
  const clock = new FakeClock();
  const bucket = new MemoryStore();
  for (const key of ['a', 'b', 'c']) bucket.set(key, key);
  const patient = patientStore(bucket, clock);
  const listed: string[] = [];
  bucket.unreachable = true;
  const calls = (async () => {
    expect(await patient.get('a')).toMatchObject({ key: 'a' });
    expect(await patient.head('none')).toBeUndefined();
    await patient.put('d', 'd');
    await patient.delete('b');
    for await (const { key } of patient.list('')) listed.push(key);
    return Array.fromAsync(patient.children('', { after: 'c' }));
  })();
  await clock.advance(60_000);
  bucket.unreachable = false;
  await clock.advance(5000);
  expect(await calls).toEqual(['d']);
  expect(listed).toEqual(['a', 'c', 'd']);
});

test('a listing that breaks off in the middle names every key once', async () => {
  const clock = new FakeClock();
  const bucket = new MemoryStore();
  for (const key of ['a', 'b', 'c']) bucket.set(key, key);
  let broken = false;
  const list = bucket.list.bind(bucket);
  bucket.list = async function* (prefix, options) {
    for await (const found of list(prefix, options)) {
      if (found.key === 'b' && !broken) {
        broken = true;
        throw away();
      }
      yield found;
    }
  };
  const keys = Array.fromAsync(patientStore(bucket, clock).list(''), ({ key }) => key);
  await clock.advance(1000);
  expect(await keys).toEqual(['a', 'b', 'c']);
});

test('a conditional put is made once: its lost answer would look like a lost race', async () => {
  const clock = new FakeClock();
  const bucket = new MemoryStore();
  bucket.unreachable = true;
  await expect(patientStore(bucket, clock).put('a', 'x', { ifAbsent: true })).rejects.toMatchObject({
    code: 'store-unreachable',
  });
});
