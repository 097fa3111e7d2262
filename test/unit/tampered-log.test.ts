import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EnvironmentConfig } from '../../src/model/config.ts';
import { type Micros, instantOf } from '../../src/model/instant.ts';
import type { LogPlan } from '../../src/model/log-plan.ts';
import { RefusedProblem } from '../../src/model/problem.ts';
import type { Platform } from '../../src/ports/platform.ts';
import { chooseBase } from '../../src/runbooks/recovery/choose-base.ts';
import { planLogs } from '../../src/runbooks/recovery/plan-logs.ts';
import { readRecoveryFacts, withPieces } from '../../src/runbooks/recovery/recovery-facts.ts';
import { verifyLogs } from '../../src/runbooks/recovery/verify-logs.ts';
import { computeWindow } from '../../src/runbooks/recovery/window.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { ShippedBucket, hosts, second, secondText } from '../support/shipped-bucket.ts';

const [a, b] = hosts;
const signal = new AbortController().signal;
const base = 'backup-20260219-020010';

/**
 * Two nodes with one replica of everything, so that nothing damaged on one is made good by the other. Each has a
 * closed segment in one object, a merged part of the next and single pieces after it; the base is of before all but the first seconds.
 */
async function build(): Promise<ShippedBucket> {
  const bucket = new ShippedBucket();
  await bucket.timeline('t0001');
  for (const host of [a, b]) {
    await bucket.begin('t0001', host, 0);
    for (const covered of [5, 20, 30, 40]) await bucket.ship('t0001', host, { segment: 100, covered });
    for (const covered of [50, 60, 70, 80, 90]) await bucket.ship('t0001', host, { segment: 101, covered });
    await bucket.merge('t0001', host, 100, 1, 4);
    await bucket.merge('t0001', host, 101, 5, 6);
    await bucket.watermark('t0001', host, 100);
  }
  await bucket.point(10, 12, { replicationFactor: 1 });
  return bucket;
}

const untouched = (await build()).store;

function healthy(): { readonly store: MemoryStore } {
  const store = new MemoryStore();
  for (const [key, body] of untouched.objects) store.set(key, body);
  return { store };
}

function services(store: MemoryStore) {
  const platform = { bucket: store, environment: 'local' } as unknown as Platform;
  const config = { backup: { log: { settleMargin: '10s' } } } as unknown as EnvironmentConfig;
  const clock = { now: () => new Date(second(100) / 1000), monotonic: () => 0, sleep: async () => {} };
  return { platform, config, clock };
}

interface Judged {
  /** What is wrong, one line each; empty when nothing is. */
  readonly found: readonly string[];
  readonly oldest: Micros | undefined;
  /** The last instant that comes back, every byte looked at. */
  readonly newest: Micros | undefined;
}

/** As a restore does: by the window first, then by every byte of the plan for the newest instant that still works. */
async function judge(store: MemoryStore): Promise<Judged> {
  const facts = await readRecoveryFacts(services(store));
  const report = computeWindow(facts);
  const lines = [...report.warnings, ...report.streams.flatMap(({ problems }) => problems)];
  const oldest = report.oldest === null ? undefined : instantOf(report.oldest);
  if (report.newest === null) {
    return { found: [...lines, ...report.bases.flatMap(({ why }) => why ?? [])], oldest, newest: undefined };
  }
  const choice = chooseBase(facts, { instant: instantOf(report.newest), timeline: 't0001' });
  const plan: LogPlan = {
    run: 'restore-20260219-020000-abcd' as LogPlan['run'],
    ...planLogs(await withPieces(facts, choice.point), choice),
  };
  try {
    const { left } = await verifyLogs(services(store), plan, base, { signal });
    return { found: [...lines, ...left.map(({ reason }) => reason)], oldest, newest: instantOf(report.newest) };
  } catch (error) {
    if (!(error instanceof RefusedProblem)) throw error;
    const nearest = /The nearest instant that can be restored: (\S+) \(before/.exec(error.next)?.[1];
    return {
      found: [...lines, error.happened, ...error.details],
      oldest,
      newest: nearest === undefined ? undefined : instantOf(nearest),
    };
  }
}

/** What each object of the log says that it covers. */
function piecesOf(store: MemoryStore): ReadonlyArray<{ key: string; from: Micros; to: Micros }> {
  return [...store.objects].flatMap(([key, body]) => {
    if (!/\/\d{19}\//.test(key)) return [];
    const [line = ''] = new TextDecoder().decode(body).split('\n', 1);
    const { pieces } = JSON.parse(line) as { pieces: ReadonlyArray<{ coveredFrom: string; coveredTo: string }> };
    return [{ key, from: instantOf(pieces[0]?.coveredFrom ?? ''), to: instantOf(pieces.at(-1)?.coveredTo ?? '') }];
  });
}

const keys = piecesOf(untouched).map(({ key }) => key);
const anyKey = fc.constantFrom(...keys);
const runs = { numRuns: 150 };

/** The most that can be said when nothing of this object can be believed: up to where it begins. */
function provable(store: MemoryStore, ...lost: readonly string[]): Micros | undefined {
  const starts = piecesOf(store)
    .filter(({ key }) => lost.includes(key))
    .map(({ from }) => from);
  const end = Math.min(...starts);
  return end < second(12) ? undefined : (end as Micros);
}

test('an untouched log is believed whole', async () => {
  const { store } = healthy();
  expect(keys).toHaveLength(10);
  expect(await judge(store)).toEqual({ found: [], oldest: second(12), newest: second(100) });
});

describe('one thing done to one object of the log is found, and the window shrinks to what is provable', () => {
  test('a flipped bit, wherever it is', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyKey,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.nat(7),
        async (key, where, bit) => {
          const { store } = healthy();
          const expected = provable(store, key);
          const body = Uint8Array.from(store.objects.get(key) ?? []);
          const at = Math.floor(where * body.length);
          body[at] = (body[at] ?? 0) ^ (1 << bit);
          store.set(key, body);
          const { found, newest } = await judge(store);
          expect(found.join('\n')).not.toBe('');
          expect(newest).toBe(expected);
        },
      ),
      runs,
    );
  });

  test('removed', async () => {
    for (const key of keys) {
      const { store } = healthy();
      const expected = provable(store, key);
      await store.delete(key);
      const { found, newest } = await judge(store);
      expect(found.join('\n'), key).toMatch(/missing|not there/);
      expect(newest, key).toBe(expected);
    }
  });

  test('cut off, at whatever length', async () => {
    await fc.assert(
      fc.asyncProperty(anyKey, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), async (key, share) => {
        const { store } = healthy();
        const expected = provable(store, key);
        const body = store.objects.get(key) ?? new Uint8Array();
        store.set(key, body.slice(0, Math.floor(share * body.length)));
        const { found, newest } = await judge(store);
        expect(found.join('\n')).not.toBe('');
        expect(newest).toBe(expected);
      }),
      runs,
    );
  });

  test('longer than it was', async () => {
    for (const key of keys) {
      const { store } = healthy();
      const expected = provable(store, key);
      store.set(key, Buffer.concat([store.objects.get(key) ?? new Uint8Array(), Buffer.from('more')]));
      const { found, newest } = await judge(store);
      expect(found.join('\n'), key).toContain('there are more bytes after its content');
      expect(newest, key).toBe(expected);
    }
  });

  test('swapped with another one, of the same node or of the other', async () => {
    await fc.assert(
      fc.asyncProperty(anyKey, anyKey, async (one, other) => {
        fc.pre(one !== other);
        const { store } = healthy();
        const expected = provable(store, one, other);
        const [left, right] = [store.objects.get(one), store.objects.get(other)];
        store.set(one, right ?? '');
        store.set(other, left ?? '');
        const { found, newest } = await judge(store);
        expect(found.join('\n')).toMatch(/is a copy of|is a piece of the node/);
        expect(newest).toBe(expected);
      }),
      runs,
    );
  });

  test('doubled under another name: it is found, and nothing is lost by it', async () => {
    await fc.assert(
      fc.asyncProperty(anyKey, anyKey, fc.nat(9), async (key, near, shift) => {
        const { store } = healthy();
        const copy = near.replace(/\d-\d+$/, `${shift}-${String(9_000_000_000 + shift)}`);
        fc.pre(!store.objects.has(copy));
        store.set(copy, store.objects.get(key) ?? '');
        const { found, oldest, newest } = await judge(store);
        expect(found.join('\n')).toMatch(/is a copy of|is a piece of the node/);
        expect([oldest, newest]).toEqual([second(12), second(100)]);
      }),
      runs,
    );
  });

  test('put in the place of another one', async () => {
    await fc.assert(
      fc.asyncProperty(anyKey, anyKey, async (key, victim) => {
        fc.pre(key !== victim);
        const { store } = healthy();
        const expected = provable(store, victim);
        store.set(victim, store.objects.get(key) ?? '');
        const { found, newest } = await judge(store);
        expect(found.join('\n')).toMatch(/is a copy of|is a piece of the node/);
        expect(newest).toBe(expected);
      }),
      runs,
    );
  });
});

describe('a flipped bit in what the window is read from', () => {
  test.each(['watermark.json', 'timelines/t0001.json'])(
    '%s: no instant is promised that was not there before',
    async (name) => {
      const key = [...untouched.objects.keys()].find((each) => each.endsWith(name)) ?? '';
      const length = untouched.objects.get(key)?.length ?? 0;
      expect(length).toBeGreaterThan(100);
      await fc.assert(
        fc.asyncProperty(fc.nat(length - 1), fc.nat(7), async (at, bit) => {
          const { store } = healthy();
          const body = Uint8Array.from(store.objects.get(key) ?? []);
          body[at] = (body[at] ?? 0) ^ (1 << bit);
          store.set(key, body);
          const judged = await judge(store).catch(() => undefined);
          if (judged?.newest === undefined) return;
          expect(judged.newest).toBeLessThanOrEqual(second(100));
          expect(judged.oldest).toBeGreaterThanOrEqual(second(12));
        }),
        runs,
      );
    },
  );
});

test('a merged object that is damaged costs nothing while its parts are still there', async () => {
  const bucket = new ShippedBucket();
  await bucket.timeline('t0001');
  for (const host of [a, b]) {
    await bucket.begin('t0001', host, 0);
    for (const covered of [30, 60, 90]) await bucket.ship('t0001', host, { segment: 100, covered });
    await bucket.watermark('t0001', host, 100);
  }
  await bucket.point(10, 12, { replicationFactor: 1 });
  const merged = await bucket.merge('t0001', a, 100, 1, 3, true);
  const body = Uint8Array.from(bucket.store.objects.get(merged) ?? []);
  body[body.length - 3] = (body[body.length - 3] ?? 0) ^ 1;
  bucket.store.set(merged, body);
  const { found, newest } = await judge(bucket.store);
  expect(found.join()).toContain('damaged');
  expect(newest).toBe(second(100));
});

test('a watermark of the other node is not believed', async () => {
  const { store } = healthy();
  const [one, other] = [a, b].map((host) => `log/t0001/${host}/watermark.json`);
  store.set(one ?? '', store.text(other ?? ''));
  const { found, newest } = await judge(store);
  expect(found.join()).toContain('is the watermark of');
  expect(newest).toBe(second(90));
});

test('an instant before the damage is restored to all the same, from the objects that are whole', async () => {
  const { store } = healthy();
  const [key = ''] = keys.filter((each) => each.includes(b)).slice(-1);
  const body = Uint8Array.from(store.objects.get(key) ?? []);
  body[body.length - 2] = (body[body.length - 2] ?? 0) ^ 4;
  store.set(key, body);
  const facts = await readRecoveryFacts(services(store));
  const choice = chooseBase(facts, { instant: second(35), timeline: 't0001' });
  const plan: LogPlan = {
    run: 'restore-20260219-020000-abcd' as LogPlan['run'],
    ...planLogs(await withPieces(facts, choice.point), choice),
  };
  const verified = await verifyLogs(services(store), plan, base, { signal });
  expect(verified.left.map((fault) => fault.key)).toEqual([key]);
  const read = verified.plan.strands.flatMap(({ streams }) =>
    streams.flatMap(({ objects }) => objects.map((each) => each.key)),
  );
  expect(read).not.toContain(key);
  expect(verified.plan.instant).toBe(secondText(35));
});
