import { expect, test } from 'vitest';
import { indexLog } from '../../../test/support/indexed-log.ts';
import { hosts, second, ShippedBucket } from '../../../test/support/shipped-bucket.ts';
import { measureLogGrowth } from './log-growth.ts';

const [host, silent] = hosts;
const hour = 3600;

test('the log of the last hours is measured by the indexes alone; a stream without one is left out', async () => {
  const bucket = new ShippedBucket();
  await bucket.timeline('t0001');
  for (const each of [host, silent]) await bucket.begin('t0001', each, 0);
  for (let segment = 1; segment <= 12; segment += 1) {
    await bucket.ship('t0001', host, { segment, covered: segment * 1800 - 901 });
    await bucket.ship('t0001', host, { segment, covered: segment * 1800 - 900 });
    await bucket.merge('t0001', host, segment, 2 * segment - 1, 2 * segment);
  }
  await indexLog(bucket, host, { open: 12, now: 5.8 * hour });
  const measure = async (since: number) =>
    measureLogGrowth(bucket.store, { timeline: 't0001', hostIds: [host, silent], since: second(since) });

  const [all, ...more] = await measure(0);
  expect(more).toEqual([]);
  expect(all).toMatchObject({ hostId: host, pieces: 20 });
  expect(all?.seconds).toBeCloseTo(10 * 1800 - 900, 0);
  expect(all?.storedBytes).toBeGreaterThan(0);
  const [last] = await measure(4.9 * hour - 1800);
  expect(last?.pieces).toBeLessThan(20);
  expect(last?.pieces).toBeGreaterThan(0);
  // A piece is as dear in an hour as in a day.
  expect((last?.pieces ?? 0) / (last?.seconds ?? 1)).toBeCloseTo((all?.pieces ?? 0) / (all?.seconds ?? 1), 3);
  expect(await measure(20 * hour)).toEqual([]);
});
