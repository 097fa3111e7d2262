import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { indexLog } from '../../../test/support/indexed-log.ts';
import { factsAt } from '../../../test/support/facts-of.ts';
import { ShippedBucket, hosts, secondText } from '../../../test/support/shipped-bucket.ts';
import { chooseBase } from '../recovery/choose-base.ts';
import { planLogs } from '../recovery/plan-logs.ts';
import { logHorizon, removeOldLogs } from './log-removal.ts';
import { listPoints } from './point-catalog.ts';
import { removalOf } from '../../model/restore-point.ts';
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

test('B5: the log goes, however old a point is that is kept without it; the window is that of the others', async () => {
  const bucket = await shipped(6, [700, 4700, 5500]);
  const [old = ''] = (await listPoints(bucket.store)).map(({ id }) => id).toSorted();
  const others = computeWindow(await factsAt((await shipped(6, [4700, 5500])).store, 6000));
  const removed = await removeOldLogs(bucket.store, { ...quiet, without: new Set([old]) });
  expect(removed).toMatchObject({ objects: 24, before: secondText(4100) });
  const { oldest, newest, gaps } = computeWindow(await factsAt(bucket.store, 6000));
  expect({ oldest, newest, gaps }).toEqual({ oldest: others.oldest, newest: others.newest, gaps: others.gaps });
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
  await bucket.mark('t0001', a, 'gap', 300, 3999);
  await bucket.mark('t0001', a, 'schema', 400, 4100);
  await bucket.mark('t0001', b, 'bypass', 500, 5900);
  const before = computeWindow(await factsAt(bucket.store, 6000));
  await removeOldLogs(bucket.store, quiet);
  const left = [...bucket.store.objects.keys()].filter((key) => key.includes('/marks/'));
  expect(left.map((key) => key.slice(key.lastIndexOf('-') + 1)).sort()).toEqual(['bypass.json', 'schema.json']);
  const after = computeWindow(await factsAt(bucket.store, 6000));
  expect({ ...after, streams: [] }).toEqual({ ...before, streams: [] });
  const copies = [...bucket.store.objects.keys()].filter((key) => key.startsWith('log-marks/'));
  expect(copies.map((key) => `log/${key.slice('log-marks/'.length, 52)}/marks/${key.slice(53)}`)).toEqual(left);
});

test('a mark stays while a segment that is kept begins before its end: an older base may still have its log by that segment', async () => {
  const bucket = new ShippedBucket();
  await bucket.timeline('t0001');
  for (const host of [a, b]) {
    await bucket.begin('t0001', host, 0);
    for (const covered of [300, 1050, 2000, 6000]) await bucket.ship('t0001', host, { segment: 1, covered });
    await bucket.watermark('t0001', host, 6000);
  }
  await bucket.mark('t0001', a, 'bypass', 1000, 1100);
  await bucket.mark('t0001', b, 'gap', 1000, 1100);
  const old = await bucket.point(700, 705);
  await bucket.point(4700, 4705);
  const before = computeWindow(await factsAt(bucket.store, 6000));
  expect(await removeOldLogs(bucket.store, { ...quiet, without: new Set([old]) })).toMatchObject({ objects: 0 });
  expect(computeWindow(await factsAt(bucket.store, 6000))).toEqual(before);
});

test('after a kill at any moment, a mark of times whose log is gone does not seem to be lost', async () => {
  for (let kill = 0; kill < 60; kill += 1) {
    const bucket = await shipped(6, [4700, 5500]);
    for (const at of [100, 200, 300]) await bucket.mark('t0001', a, 'gap', at, at + 1);
    let left = kill;
    const store = Object.create(bucket.store, {
      delete: {
        value: async (key: string) => {
          left -= 1;
          if (left < 0) throw new Error('killed');
          await bucket.store.delete(key);
        },
      },
    }) as typeof bucket.store;
    await removeOldLogs(store, quiet).catch(() => undefined);
    const { streams } = computeWindow(await factsAt(bucket.store, 6000));
    expect(streams.flatMap(({ problems }) => problems).filter((line) => line.includes('lost'))).toEqual([]);
  }
});

test('of a mark and its copy both stay while one of them tells of times whose log is kept', async () => {
  for (const newer of ['/marks/', 'log-marks/']) {
    const bucket = await shipped(6, [4700, 5500]);
    await bucket.mark('t0001', a, 'bypass', 100, 5900);
    const keys = () => [...bucket.store.objects.keys()].filter((key) => key.includes('marks/'));
    const newest = bucket.store.text(keys()[0] ?? '');
    await bucket.mark('t0001', a, 'bypass', 100, 200);
    bucket.store.set(keys().find((key) => key.includes(newer)) ?? '', newest);
    await removeOldLogs(bucket.store, quiet);
    expect(keys()).toHaveLength(2);
  }
});

test('the copy of a mark that cannot be read goes with the mark, and a mark with its copy', async () => {
  const bucket = await shipped(6, [4700, 5500]);
  await bucket.mark('t0001', a, 'bypass', 100, 200);
  await bucket.mark('t0001', b, 'gap', 300, 400);
  const keys = () => [...bucket.store.objects.keys()].filter((key) => key.includes('marks/'));
  for (const key of keys()) {
    if (key.startsWith('log-marks/') === key.includes(a)) bucket.store.set(key, '{');
  }
  expect(keys()).toHaveLength(4);
  await removeOldLogs(bucket.store, quiet);
  expect(keys()).toEqual([]);
});

test('a point whose removal has begun keeps nothing, and one that failed its check keeps its log: it may be brought back', async () => {
  const bucket = await shipped(6, [5500]);
  const failure = removalOf('backup-20260219-020000-abcd', 'older than 30d');
  await bucket.point(100, 105, { proof: 'failed', failure });
  expect(await removeOldLogs(bucket.store, quiet)).toMatchObject({ objects: 24 });
  const other = await shipped(6, [5500]);
  await other.point(100, 105, { proof: 'failed', failure: 'edgestore-1 is missing' });
  expect(await removeOldLogs(other.store, quiet)).toMatchObject({ objects: 0 });
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
