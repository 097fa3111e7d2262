import { expect, test } from 'vitest';
import { indexLog } from '../../../test/support/indexed-log.ts';
import { hosts, second, secondText, ShippedBucket } from '../../../test/support/shipped-bucket.ts';
import { micros } from '../../model/instant.ts';
import { readLogCatalog } from '../catalog/log-catalog.ts';
import { listPoints } from '../catalog/point-catalog.ts';
import { chooseBase } from './choose-base.ts';
import { newestRestore } from './newest-restore.ts';
import { planLogs } from './plan-logs.ts';
import { type RecoveryFacts, usualLimits } from './recovery-facts.ts';
import { computeWindow } from './window.ts';

const hour = 3600;
const perHour = 2000;
const ended = 30 * hour;

/** Three nodes that write the same all the time, for thirty hours; a base at the given hour. */
async function thirtyHours(baseAt: number, indexed: boolean): Promise<ShippedBucket> {
  const log = new ShippedBucket();
  await log.timeline('t0001');
  await log.schema('t0001', 0, ['edgestore']);
  for (const host of hosts) {
    await log.begin('t0001', host, 0);
    for (let segment = 1; segment <= 60; segment += 1) {
      await log.ship('t0001', host, { segment, covered: segment * 1800, bytes: perHour / 2 });
    }
    if (indexed) await indexLog(log, host, { open: 60, now: ended });
  }
  await log.point(baseAt, baseAt + 2, { nodeCount: 3, bytes: 0 });
  return log;
}

async function factsSince(log: ShippedBucket, since: number): Promise<RecoveryFacts> {
  const { store: bucket } = log;
  const [catalog, points] = await Promise.all([readLogCatalog(bucket, { since: second(since) }), listPoints(bucket)]);
  return { environment: 'local', catalog, points, now: second(ended), limits: usualLimits };
}

const known = { runs: [], nodes: 3 };

for (const indexed of [true, false]) {
  test(`H: the log since the base is known without its pieces, with ${indexed ? 'indexes of a day' : 'no index'}`, async () => {
    for (const baseAt of [2 * hour, 23 * hour, 29 * hour]) {
      const log = await thirtyHours(baseAt, indexed);
      const facts = await factsSince(log, baseAt);
      const restore = newestRestore(facts, computeWindow(facts), known);
      expect(restore).toMatchObject({ instant: secondText(ended) });
      const read = restore?.time.stages.find(({ stage }) => stage === 'verify-logs')?.of?.amount ?? 0;
      const written = (3 * (ended - baseAt) * perHour) / hour;
      expect(Math.abs(read - written)).toBeLessThanOrEqual(3 * perHour);
      // What a plan would read; it takes whole pieces.
      const pieces = { since: micros(0), catalog: await readLogCatalog(log.store, { piecesSince: micros(0) }) };
      const choice = chooseBase(facts, { instant: second(ended), timeline: 't0001' });
      const plan = planLogs({ ...facts, pieces }, choice, { idsKnown: true });
      const planned = plan.strands.flatMap(({ streams }) => streams.flatMap(({ objects }) => objects));
      expect(Math.abs(planned.reduce((sum, { bytes }) => sum + bytes, 0) - read)).toBeLessThanOrEqual(3 * perHour);
    }
  });
}

test('H: the base alone counts where no instant can be restored to, and nothing where there is no base', async () => {
  const log = new ShippedBucket();
  const facts = await factsSince(log, 0);
  expect(newestRestore(facts, computeWindow(facts), known)).toBeUndefined();
  await log.point(10, 12, { nodeCount: 3 });
  const base = await factsSince(log, 10);
  const restore = newestRestore(base, computeWindow(base), known);
  expect(restore).toMatchObject({ instant: null, base: 'backup-20260219-020010' });
  expect(restore?.time.stages.map(({ stage }) => stage)).not.toContain('verify-logs');
  expect(restore?.time.total.atLeast).toBe(true);
});
