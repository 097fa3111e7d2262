import { expect, test } from 'vitest';
import { hosts, second, secondText, ShippedBucket } from '../../../test/support/shipped-bucket.ts';
import type { EnvironmentConfig } from '../../model/config.ts';
import { timelineId } from '../../model/identifiers.ts';
import { plannedObjects } from '../../model/log-plan.ts';
import { asProblem } from '../../model/problem.ts';
import type { Platform } from '../../ports/platform.ts';
import { removeOldLogs } from '../catalog/log-removal.ts';
import { makeLogPlan } from './make-log-plan.ts';

const [a] = hosts;

async function planned(bucket: ShippedBucket, point: string): Promise<readonly string[]> {
  try {
    const { plan } = await makeLogPlan(
      {
        platform: { bucket: bucket.store, environment: 'local', keyspace: 'janusgraph' } as unknown as Platform,
        config: { backup: { log: { settleMargin: '1s' } } } as unknown as EnvironmentConfig,
        clock: { now: () => new Date(second(1100) / 1000), monotonic: () => 0, sleep: async () => {} },
      },
      {
        point,
        run: 'restore-20260219-020300-k3f9',
        signal: new AbortController().signal,
        replay: true,
        toEnd: false,
        logs: { instant: secondText(950), timeline: timelineId.parse('t0001'), exclusions: [] },
      },
      { idsKnown: true },
    );
    return plannedObjects(plan).map(({ key }) => key);
  } catch (thrown) {
    return [asProblem(thrown, 'Planning').code];
  }
}

test('what was written before a table was emptied does not come back because retention has removed the mark of that', async () => {
  const bucket = new ShippedBucket();
  await bucket.timeline('t0001');
  await bucket.schema('t0001', 0, ['edgestore']);
  await bucket.begin('t0001', a, 0);
  // A quiet node: one segment for an hour. What is shipped before second 120 is of a table that is emptied then.
  await bucket.ship('t0001', a, { segment: 1, covered: 100 });
  await bucket.mark('t0001', a, 'truncate', 120, 122, 'janusgraph.edgestore was truncated');
  await bucket.ship('t0001', a, { segment: 1, covered: 300 });
  await bucket.ship('t0001', a, { segment: 1, covered: 500 });
  await bucket.ship('t0001', a, { segment: 1, covered: 700 });
  await bucket.ship('t0001', a, { segment: 1, covered: 1000 });
  await bucket.merge('t0001', a, 1, 1, 5);
  await bucket.watermark('t0001', a, 1000);
  const point = await bucket.point(900, 902, {
    nodeCount: 1,
    replicationFactor: 1,
    proof: 'checked',
    schemaVersion: 'v0',
  });
  const before = await planned(bucket, point);
  await removeOldLogs(bucket.store, {
    signal: new AbortController().signal,
    log: () => {},
    clock: { monotonic: () => 0 },
  });
  const after = await planned(bucket, point);
  expect(after).toEqual(before);
});

test.each([1, 2])(
  'what was written after the last look and before a table was emptied does not come back (%i segments)',
  async (segments) => {
    const bucket = new ShippedBucket();
    await bucket.timeline('t0001');
    await bucket.schema('t0001', 0, ['edgestore']);
    await bucket.begin('t0001', a, 0);
    await bucket.ship('t0001', a, { segment: 1, covered: 100 });
    // Emptied at second 125. Its agent was away, or Cassandra did not answer: the last look before that was at 100, the next one at 130.
    await bucket.mark('t0001', a, 'truncate', 100, 130, 'janusgraph.edgestore was truncated');
    const written = await bucket.ship('t0001', a, { segment: segments, covered: 120 });
    await bucket.ship('t0001', a, { segment: segments, covered: 300 });
    await bucket.ship('t0001', a, { segment: segments, covered: 500 });
    await bucket.ship('t0001', a, { segment: segments, covered: 700 });
    await bucket.ship('t0001', a, { segment: segments, covered: 1000 });
    await bucket.merge('t0001', a, segments, 2, 6);
    await bucket.watermark('t0001', a, 1000);
    const more = { nodeCount: 1, replicationFactor: 1, proof: 'checked', schemaVersion: 'v0' } as const;
    const point = await bucket.point(900, 902, more);
    const begin = Number(/\/(\d{10})-\d{10}$/.exec(written)?.[1]);
    const folder = written.slice(0, written.lastIndexOf('/'));
    // Either refused, or none of the planned objects holds what was written at 120.
    const holding = (await planned(bucket, point)).filter((key) => {
      const [, from = '', to = ''] = /\/(\d{10})-(\d{10})$/.exec(key) ?? [];
      return key.startsWith(folder) && Number(from) <= begin && begin < Number(to);
    });
    expect(holding).toEqual([]);
  },
);
