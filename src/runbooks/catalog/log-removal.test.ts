import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { indexLog } from '../../../test/support/indexed-log.ts';
import { factsAt } from '../../../test/support/facts-of.ts';
import { ShippedBucket, hosts, secondText } from '../../../test/support/shipped-bucket.ts';
import { chooseBase } from '../recovery/choose-base.ts';
import { planLogs } from '../recovery/plan-logs.ts';
import { logHorizon, removeOldLogs } from './log-removal.ts';
import { listPoints } from './point-catalog.ts';
import { computeWindow } from '../recovery/window.ts';

const [a, b] = hosts;
const quiet = { signal: new AbortController().signal, log: () => {}, clock: { monotonic: () => 0 } };

/** A segment every thousand seconds, three pieces each. */
async function shipped(segments: number, points: readonly number[]): Promise<ShippedBucket> {
  const bucket = new ShippedBucket();
  await bucket.timeline('t0001');
  for (const host of [a, b]) {
    await bucket.begin('t0001', host, 0);
    for (let segment = 1; segment <= segments; segment += 1) {
      for (const part of [300, 600, 1000])
        await bucket.ship('t0001', host, { segment, covered: (segment - 1) * 1000 + part });
    }
    await bucket.watermark('t0001', host, segments * 1000);
  }
  for (const from of points) await bucket.point(from, from + 5);
  return bucket;
}

function pieces({ store }: ShippedBucket): readonly string[] {
  return [...store.objects.keys()].filter((key) => /\/\d{19}\//.test(key));
}

test('without a point nothing goes', async () => {
  const bucket = await shipped(3, []);
  expect(logHorizon([])).toBeUndefined();
  expect(await removeOldLogs(bucket.store, quiet)).toEqual({ objects: 0, bytes: 0, before: null });
  expect(pieces(bucket)).toHaveLength(18);
});

test('B5: whole segments go that end well before the oldest point; the window stays as it is', async () => {
  const bucket = await shipped(6, [4700, 5500]);
  const before = computeWindow(await factsAt(bucket.store, 6000));
  const removed = await removeOldLogs(bucket.store, quiet);
  // Second 4700 less ten minutes lies in the fifth segment.
  expect(removed).toMatchObject({ objects: 24, before: secondText(4100) });
  expect(pieces(bucket)).toHaveLength(12);
  expect(computeWindow(await factsAt(bucket.store, 6000))).toEqual(before);
  expect(await removeOldLogs(bucket.store, quiet)).toMatchObject({ objects: 0 });
});

test('an index goes with the last object that it tells of, and the window of what is left stays as it is', async () => {
  const bucket = await shipped(14, [10_000, 12_000]);
  for (const host of [a, b]) await indexLog(bucket, host, { open: 14, now: 14_000 });
  const indexes = () => [...bucket.store.objects.keys()].filter((key) => key.includes('/index/'));
  // Of the first three hours, for each node. The log before second 9400 goes, which lies in the third.
  expect(indexes()).toHaveLength(6);
  const before = computeWindow(await factsAt(bucket.store, 14_000));
  await removeOldLogs(bucket.store, quiet);
  expect(indexes()).toHaveLength(2);
  expect(computeWindow(await factsAt(bucket.store, 14_000))).toEqual(before);
});

test('a mark goes with the log that it tells of, and one that goes on stays', async () => {
  const bucket = await shipped(6, [4700, 5500]);
  await bucket.mark('t0001', a, 'bypass', 100, 200);
  await bucket.mark('t0001', a, 'gap', 300, 4099);
  await bucket.mark('t0001', a, 'schema', 400, 4100);
  await bucket.mark('t0001', b, 'bypass', 500, 5900);
  const before = computeWindow(await factsAt(bucket.store, 6000));
  await removeOldLogs(bucket.store, quiet);
  const left = [...bucket.store.objects.keys()].filter((key) => key.includes('/marks/'));
  expect(left.map((key) => key.slice(key.lastIndexOf('-') + 1)).sort()).toEqual(['bypass.json', 'schema.json']);
  const after = computeWindow(await factsAt(bucket.store, 6000));
  expect({ ...after, streams: [] }).toEqual({ ...before, streams: [] });
});

test('a point that failed its check keeps nothing', async () => {
  const bucket = await shipped(6, [5500]);
  await bucket.point(100, 105, { proof: 'failed' });
  expect(await removeOldLogs(bucket.store, quiet)).toMatchObject({ objects: 24 });
});

test('a stream whose log cannot be read keeps everything', async () => {
  const bucket = await shipped(6, [5500]);
  for (const key of pieces(bucket).filter((each) => each.includes(a))) bucket.store.set(key, 'no piece');
  expect(await removeOldLogs(bucket.store, quiet)).toMatchObject({ objects: 12 });
});

test('whatever is kept: no plan of a kept base loses an object, on its own timeline or over a fork', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.integer({ min: 1, max: 5900 }), { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 1, max: 5999 }),
      async (points, fork) => {
        const bucket = await shipped(6, points);
        await bucket.timeline('t0002', { id: 't0001', fork }, { opened: 6100 });
        for (const host of [a, b]) {
          await bucket.begin('t0002', host, 6101);
          for (const segment of [11, 12, 13]) await bucket.ship('t0002', host, { segment, covered: segment * 1000 });
          await bucket.watermark('t0002', host, 13_000);
        }
        const plans = async () => {
          const facts = await factsAt(bucket.store, 13_000);
          return ['t0001', 't0002'].flatMap((timeline) =>
            computeWindow(facts, timeline).stretches.map(({ to }) =>
              planLogs(facts, chooseBase(facts, { instant: (Date.parse(to) * 1000) as never, timeline })),
            ),
          );
        };
        const before = await plans();
        await removeOldLogs(bucket.store, quiet);
        expect(await plans()).toEqual(before);
      },
    ),
    { numRuns: 40 },
  );
});

test('the log that a point with a damaged document needs stays: the document may be repaired from a copy', async () => {
  const bucket = await shipped(6, [700, 5500]);
  const [, oldest] = await listPoints(bucket.store);
  const key = `${oldest?.id ?? ''}.json`;
  await bucket.store.put(
    key,
    Buffer.from((await bucket.store.get(key))?.body ?? [])
      .toString()
      .replace('"local"', '"locam"'),
  );
  expect(await listPoints(bucket.store)).toHaveLength(1);
  expect(await removeOldLogs(bucket.store, quiet)).toMatchObject({ objects: 0 });
});

test('what is left after an hour stays for the next time, without a hole', async () => {
  const bucket = await shipped(9, [8500]);
  let seconds = 0;
  const slow = {
    monotonic: () => {
      seconds += 2500;
      return seconds;
    },
  };
  const said: string[] = [];
  const all = pieces(bucket);
  const first = await removeOldLogs(bucket.store, { ...quiet, clock: slow, log: (line) => void said.push(line) });
  expect(first.objects).toBeGreaterThan(0);
  expect(said).toContain('there is more to remove than an hour allows: the next backup goes on with it');
  expect(pieces(bucket)).toHaveLength(all.length - first.objects);
  const second = await removeOldLogs(bucket.store, quiet);
  expect(second.objects).toBeGreaterThan(0);
  expect(await removeOldLogs(bucket.store, quiet)).toMatchObject({ objects: 0 });
});
