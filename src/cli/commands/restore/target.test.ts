import { expect, test } from 'vitest';
import type { EnvironmentConfig } from '../../../model/config.ts';
import type { Platform } from '../../../ports/platform.ts';
import { readRecoveryFacts } from '../../../runbooks/recovery/recovery-facts.ts';
import { hosts, second, secondText, ShippedBucket } from '../../../../test/support/shipped-bucket.ts';
import { canProve, rehearsable } from './target.ts';

const [host] = hosts;

/** A point that was taken under load, and the log behind it in two pieces. */
async function bucketWithLog(): Promise<{ readonly bucket: ShippedBucket; readonly pieces: readonly string[] }> {
  const bucket = new ShippedBucket();
  await bucket.timeline('t0001');
  await bucket.begin('t0001', host, 0);
  const pieces: string[] = [];
  for (const covered of [5, 60]) pieces.push(await bucket.ship('t0001', host, { segment: 100, covered }));
  await bucket.watermark('t0001', host, 100);
  await bucket.point(10, 12, { replicationFactor: 1, nodeCount: 1 });
  return { bucket, pieces };
}

async function rehearsalIn({ store }: ShippedBucket) {
  const platform = { bucket: store, environment: 'local' } as unknown as Platform;
  const config = { backup: { log: { settleMargin: '10s' } } } as unknown as EnvironmentConfig;
  const clock = { now: () => new Date(second(100) / 1000), monotonic: () => 0, sleep: async () => {} };
  const facts = await readRecoveryFacts({ platform, config, clock });
  const [point] = facts.points;
  if (point === undefined) throw new TypeError('no point');
  return rehearsable(facts, point);
}

test('a point that was taken under load is rehearsed up to the first instant that its log serves', async () => {
  const { bucket } = await bucketWithLog();
  const decided = await rehearsalIn(bucket);
  expect(canProve(decided)).toBe(true);
  expect(decided.instant?.choice.instant).toBe(second(12));
  expect(decided.warnings).toEqual([]);
});

test('a rehearsal of the files alone says which object of the log is damaged', async () => {
  const { bucket, pieces } = await bucketWithLog();
  const key = pieces[1] ?? '';
  const body = Uint8Array.from(bucket.store.objects.get(key) ?? []);
  body[3] = (body[3] ?? 0) ^ 4;
  bucket.store.set(key, body);
  const decided = await rehearsalIn(bucket);
  expect(canProve(decided)).toBe(false);
  expect(decided.warnings).toHaveLength(1);
  expect(decided.warnings[0]).toContain('is rehearsed without its log, which does not prove it');
  expect(decided.warnings[0]).toContain(key);
});

test('a rehearsal of the files alone says that the log does not reach the point yet', async () => {
  const bucket = new ShippedBucket();
  await bucket.timeline('t0001');
  await bucket.begin('t0001', host, 0);
  await bucket.ship('t0001', host, { segment: 100, covered: 5 });
  await bucket.watermark('t0001', host, 5);
  await bucket.point(10, 12, { replicationFactor: 1, nodeCount: 1 });
  const { warnings } = await rehearsalIn(bucket);
  expect(warnings.join()).toContain(secondText(5));
});
