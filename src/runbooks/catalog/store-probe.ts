import { randomUUID } from 'node:crypto';
import { type Problem, RefusedProblem, RetryableProblem } from '../../model/problem.ts';
import type { Clock } from '../../ports/clock.ts';
import { ConflictProblem, type ObjectStore, type PutCondition } from '../../ports/object-store.ts';

const deadlineMs = 9500;

/**
 * Checks that a store works before anything relies on it: it writes an object of its own under `probe/`, reads it back,
 * writes it under conditions that do not hold, and deletes it. Takes a few requests. Throws RefusedProblem
 * `store-without-conditions` for a store that ignores conditions, FailedProblem or RefusedProblem of the store itself,
 * RetryableProblem `store-unreachable` within ten seconds.
 */
export async function probeStore(store: ObjectStore, clock: Clock): Promise<{ readonly seconds: number }> {
  const started = clock.monotonic();
  const done = new AbortController();
  try {
    await Promise.race([exercise(store, `probe/${randomUUID()}`), tooSlow(store, clock, done.signal)]);
  } finally {
    done.abort();
  }
  return { seconds: clock.monotonic() - started };
}

async function exercise(store: ObjectStore, key: string): Promise<void> {
  try {
    const first = await store.put(key, 'first', { ifAbsent: true });
    await expectRead(store, key, 'first');
    await expectConflict(store, key, 'a create-only write over an object', { ifAbsent: true });
    const second = await store.put(key, 'second', { ifMatch: first.etag });
    await expectConflict(store, key, 'a write with the etag of earlier content', { ifMatch: first.etag });
    if (second.etag === first.etag) throw withoutConditions(store, 'it gives the same etag to different contents');
    await expectRead(store, key, 'second');
  } finally {
    await store.delete(key);
  }
  if ((await store.head(key)) !== undefined) throw forgetful(store, 'it still shows an object that was deleted');
}

async function expectConflict(store: ObjectStore, key: string, what: string, condition: PutCondition): Promise<void> {
  try {
    await store.put(key, 'must not be written', condition);
  } catch (thrown) {
    if (thrown instanceof ConflictProblem) return;
    throw thrown;
  }
  throw withoutConditions(store, `it accepted ${what}`);
}

async function expectRead(store: ObjectStore, key: string, expected: string): Promise<void> {
  const found = await store.get(key);
  const read = found === undefined ? undefined : new TextDecoder().decode(found.body);
  if (read !== expected) throw forgetful(store, 'it does not return what was just written');
}

async function tooSlow(store: ObjectStore, clock: Clock, done: AbortSignal): Promise<void> {
  try {
    await clock.sleep(deadlineMs, done);
  } catch {
    // The probe ended first.
    return;
  }
  throw new RetryableProblem({
    code: 'store-unreachable',
    happened: `${store.description} did not finish six small requests within ${deadlineMs / 1000} seconds.`,
    state: 'Nothing was started. A small object may remain under probe/; you can delete it.',
    next: 'Check the store and the network to it, then run the command again.',
  });
}

function withoutConditions(store: ObjectStore, why: string): Problem {
  return new RefusedProblem({
    code: 'store-without-conditions',
    happened: `${store.description} ignores write conditions: ${why}.`,
    state: 'Nothing was started, because with this store two writers could both believe that they succeeded.',
    next: 'Use a directory, or an S3 server that honours If-None-Match and If-Match on PutObject.',
  });
}

function forgetful(store: ObjectStore, why: string): Problem {
  return new RefusedProblem({
    code: 'store-inconsistent',
    happened: `${store.description} is not reliable: ${why}.`,
    state: 'Nothing was started.',
    next: 'Use a store with read-after-write consistency, without a cache or a lagging replica in front of it.',
  });
}
