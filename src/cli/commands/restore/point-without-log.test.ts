import { expect, test } from 'vitest';
import { hosts, second, secondText, ShippedBucket } from '../../../../test/support/shipped-bucket.ts';
import { decideTarget } from './target.ts';
import type { CliContext } from '../../context.ts';
import type { EnvironmentConfig } from '../../../model/config.ts';
import { runId } from '../../../model/identifiers.ts';
import { Problem } from '../../../model/problem.ts';
import type { Platform } from '../../../ports/platform.ts';

/* Points that were taken under load, whose log is gone: a lifecycle rule has removed `log/`, or the disk of a directory lost it. */

async function bucketWithoutLog(proven: boolean) {
  const bucket = new ShippedBucket();
  await bucket.timeline('t0001');
  await bucket.schema('t0001', 0, ['edgestore']);
  for (const host of hosts) {
    await bucket.begin('t0001', host, 0);
    await bucket.ship('t0001', host, { segment: 7, covered: 100 });
    await bucket.watermark('t0001', host, 100);
  }
  const id = await bucket.point(10, 12, {
    nodeCount: 3,
    cut: proven ? 'instant' : 'fuzzy',
    proof: proven ? 'proven' : 'checked',
    ...(proven
      ? {
          instant: secondText(12),
          proven: {
            at: '2026-02-19T02:01:00.000Z',
            run: runId.parse('rehearse-20260219-020300-k3f9'),
            seconds: { restore: 1, start: 1, open: 1, check: 1 },
          },
        }
      : {}),
  });
  for (const key of [...bucket.store.objects.keys()].filter((each) => each.startsWith('log/')))
    bucket.store.remove(key);
  return { bucket, id };
}

async function decide(bucket: ShippedBucket, to: string | undefined, withoutLog = false) {
  const config = {
    backup: { log: { settleMargin: '10s' }, retention: { keep: '30d', atLeast: 1 } },
  } as unknown as EnvironmentConfig;
  const context = {
    clock: { now: () => new Date(second(200) / 1000), monotonic: () => 0, sleep: async () => {} },
    signal: new AbortController().signal,
    environment: async () => ({ name: 'local', config }),
    platform: async () => ({ bucket: bucket.store, environment: 'local' }) as unknown as Platform,
  } as unknown as CliContext;
  try {
    return `restores ${(await decideTarget(context, 'local', { withoutLog, ...(to === undefined ? {} : { to }) })).point.id}`;
  } catch (thrown) {
    if (thrown instanceof Problem) return `${thrown.code}: ${thrown.next}`;
    throw thrown;
  }
}

test('a point that was only checked can be restored as it was taken when its log is gone', async () => {
  const { bucket, id } = await bucketWithoutLog(false);
  expect(await decide(bucket, id)).toBe(`restores ${id}`);
});

test('a point that was proven is no worse: some command that is named restores its files when its log is gone', async () => {
  const { bucket, id } = await bucketWithoutLog(true);
  const said = await decide(bucket, id);
  expect(said).toContain(`cardea restore local --to ${id} --without-log --confirm local`);
  expect(await decide(bucket, id, true)).toBe(`restores ${id}`);
});

test('a restore without a target does not end at a proven point whose log is gone while another good point can be restored', async () => {
  const { bucket, id } = await bucketWithoutLog(true);
  const other = await bucket.point(150, 152, { nodeCount: 3, cut: 'fuzzy', proof: 'checked' });
  const said = await decide(bucket, undefined);
  expect(said).not.toContain(id);
  expect(said).toBe(`restores ${other}`);
});

test('where no other point is good, a restore without a target names how that one comes back without its log', async () => {
  const { bucket, id } = await bucketWithoutLog(true);
  expect(await decide(bucket, undefined)).toContain(`--to ${id} --without-log`);
});

test('an instant without its log is refused', async () => {
  const { bucket } = await bucketWithoutLog(true);
  expect(await decide(bucket, 'newest', true)).toMatch(/^without-log-of-no-point/);
});
