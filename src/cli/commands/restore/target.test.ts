import { expect, test } from 'vitest';
import type { EnvironmentConfig } from '../../../model/config.ts';
import type { Platform } from '../../../ports/platform.ts';
import { readRecoveryFacts } from '../../../runbooks/recovery/recovery-facts.ts';
import { hosts, second, secondText, ShippedBucket } from '../../../../test/support/shipped-bucket.ts';
import { timelineId } from '../../../model/identifiers.ts';
import type { Problem } from '../../../model/problem.ts';
import type { CliContext } from '../../context.ts';
import { canProve, decideTarget, rehearsable } from './target.ts';

const [host, other] = hosts;

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

function servicesIn({ store }: ShippedBucket, now = 100) {
  const platform = { bucket: store, environment: 'local' } as unknown as Platform;
  const config = { backup: { log: { settleMargin: '10s' } } } as unknown as EnvironmentConfig;
  const clock = { now: () => new Date(second(now) / 1000), monotonic: () => 0, sleep: async () => {} };
  return { platform, config, clock };
}

/** What `cardea restore local --to TO` decides. */
async function decidedIn(bucket: ShippedBucket, to: string, now?: number) {
  const { platform, config, clock } = servicesIn(bucket, now);
  const context = {
    clock,
    signal: new AbortController().signal,
    environment: async () => ({ name: 'local', config }),
    platform: async () => platform,
  } as unknown as CliContext;
  return decideTarget(context, 'local', { to });
}

async function rehearsalIn(bucket: ShippedBucket) {
  const facts = await readRecoveryFacts(servicesIn(bucket));
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

test('the end of the log is refused while something was written after the last instant that can be restored', async () => {
  const { bucket } = await bucketWithLog();
  await bucket.timeline('t0002', { id: 't0001', fork: 70 }, { opened: 80 });
  await bucket.begin('t0002', host, 80);
  await bucket.ship('t0002', host, { segment: 200, covered: 90 });
  await bucket.watermark('t0002', host, 95);
  // As a revert leaves it without a new base: what came back is in no log.
  await bucket.mark('t0002', host, 'bypass', 80, 80, 'the timeline began with data that no log holds');
  for (const to of ['newest', 'settled']) {
    await expect(decidedIn(bucket, to)).rejects.toMatchObject({
      code: 'end-unreachable',
      happened: expect.stringContaining('the timeline began with data that no log holds'),
      next: expect.stringMatching(/cardea backup local.*name the instant: --to /),
    });
  }
  const refused = await decidedIn(bucket, 'newest').catch((thrown: unknown) => thrown);
  const named = /--to (\S+Z)/.exec((refused as Problem).next)?.[1] ?? '';
  expect((await decidedIn(bucket, named)).instant?.toEnd).toBe(false);

  await bucket.point(82, 83, { replicationFactor: 1, nodeCount: 1, timeline: timelineId.parse('t0002') });
  const decided = await decidedIn(bucket, 'newest');
  expect(decided.instant).toMatchObject({ toEnd: true, choice: { instant: second(95), timeline: 't0002' } });
});

test('the end of the log is refused while the log of the timeline before does not reach the next one', async () => {
  const { bucket } = await bucketWithLog();
  // As a revert leaves it: the nodes stopped one after the other, and the next timeline begins where the last of them stopped.
  await bucket.timeline('t0002', { id: 't0001', fork: 100.4 }, { opened: 120 });
  await bucket.begin('t0002', host, 120);
  await bucket.ship('t0002', host, { segment: 200, covered: 130 });
  await bucket.watermark('t0002', host, 140);
  await expect(decidedIn(bucket, 'newest', 150)).rejects.toMatchObject({
    code: 'end-unreachable',
    happened: expect.stringContaining(
      `the log of t0001 was not shipped up to ${secondText(100.4)}, where the next timeline begins`,
    ),
    next: expect.stringContaining(`--to ${secondText(100)}`),
  });
});

test('a restore to the end of the log says whose log goes on alone', async () => {
  const bucket = new ShippedBucket();
  await bucket.timeline('t0001');
  for (const [each, until] of [
    [host, 95],
    [other, 40],
  ] as const) {
    await bucket.begin('t0001', each, 0);
    await bucket.ship('t0001', each, { segment: 100, covered: until });
    await bucket.watermark('t0001', each, until);
  }
  await bucket.point(10, 12, { replicationFactor: 1, nodeCount: 2 });
  const { instant, warnings } = await decidedIn(bucket, 'newest');
  expect(instant?.choice.instant).toBe(second(40));
  expect(warnings.join()).toContain(`After ${secondText(40)} only some nodes shipped their log`);
  expect(warnings.join()).toContain(`up to ${secondText(95)}), so what was acknowledged later is not restored`);
});
