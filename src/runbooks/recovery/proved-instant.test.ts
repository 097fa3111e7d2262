import { describe, expect, test } from 'vitest';
import { ShippedBucket, hosts, second, secondText } from '../../../test/support/shipped-bucket.ts';
import { runId, timelineId } from '../../model/identifiers.ts';
import type { RestorePoint } from '../../model/restore-point.ts';
import { micros } from '../../model/instant.ts';
import { readLogCatalog } from '../catalog/log-catalog.ts';
import { listPoints, updatePoint } from '../catalog/point-catalog.ts';
import { chooseBase } from './choose-base.ts';
import { overtaken, pointAfterRehearsal, provedInstant } from './proved-instant.ts';
import { usualLimits } from './recovery-facts.ts';

const proven = {
  at: '2026-02-19T02:05:00.000Z',
  run: runId.parse('rehearse-20260219-020500-k3f9'),
  seconds: { restore: 1, start: 1, open: 1, check: 1 },
};
const replayed = {
  instant: secondText(90),
  strands: [
    {
      timeline: timelineId.parse('t0002'),
      until: secondText(90),
      exclusions: [secondText(60)],
      streams: [],
      schemas: [],
    },
  ],
};

/** A restore has forked t0002 off t0001 at second 70; both logs go on to second 100. The point is of second 12. */
async function forked(more: Partial<RestorePoint> = {}): Promise<ShippedBucket> {
  const bucket = new ShippedBucket();
  await bucket.timeline('t0001');
  await bucket.timeline('t0002', { id: 't0001', fork: 70 }, { opened: 75 });
  for (const [timeline, since] of [
    ['t0001', 0],
    ['t0002', 75],
  ] as const) {
    for (const host of hosts) {
      await bucket.begin(timeline, host, since);
      for (const covered of [80, 100]) await bucket.ship(timeline, host, { segment: 7, covered });
      await bucket.watermark(timeline, host, 100);
    }
  }
  await bucket.point(10, 12, { nodeCount: 3, ...more });
  return bucket;
}

async function pointOf({ store }: ShippedBucket): Promise<RestorePoint> {
  const [point] = await listPoints(store);
  if (point === undefined) throw new TypeError('there is a point');
  return point;
}

describe('a point proved with the log of a later timeline', () => {
  test('comes back to the history that it was proved with, also after it was written and read', async () => {
    const bucket = await forked();
    const { id } = await pointOf(bucket);
    await updatePoint(bucket.store, id, (point) => pointAfterRehearsal(point, proven, replayed));
    const [catalog, points] = await Promise.all([
      readLogCatalog(bucket.store, { piecesSince: micros(0) }),
      listPoints(bucket.store),
    ]);
    const wanted = provedInstant(await pointOf(bucket));
    if (wanted === undefined) throw new TypeError('it was proved');
    const facts = {
      environment: 'local',
      catalog,
      pieces: { since: micros(0), catalog },
      points,
      now: second(100),
      limits: usualLimits,
    };
    expect(chooseBase(facts, wanted)).toMatchObject({
      instant: second(90),
      timeline: 't0002',
      exclusions: [second(60)],
      point: { id },
    });
  });

  test('before that was recorded, is taken to be of its own timeline', async () => {
    const point = await pointOf(await forked({ cut: 'instant', instant: secondText(20) }));
    expect(provedInstant(point)).toEqual({ instant: second(20), timeline: 't0001', exclusions: [], base: point.id });
  });
});

test('a quiesced point is proved as it was taken', async () => {
  const point = await pointOf(await forked({ cut: 'quiesced', proof: 'checked' }));
  const after = pointAfterRehearsal(point, proven, undefined);
  expect(after).toMatchObject({ cut: 'quiesced', proof: 'proven' });
  expect(provedInstant(after)).toBeUndefined();
});

test('a fuzzy point without its log is not proved', async () => {
  const point = await pointOf(await forked({ proof: 'checked' }));
  expect(pointAfterRehearsal(point, proven, undefined)).toEqual(point);
});

test('of several rehearsals of a point the first to end is recorded, and none covers what was found damaged meanwhile', async () => {
  const point = await pointOf(await forked());
  const mine = { run: proven.run, provenBefore: undefined };
  expect(overtaken(point, mine)).toBeUndefined();
  const proved = pointAfterRehearsal(point, proven, replayed);
  // Done again after a kill.
  expect(overtaken(proved, mine)).toBeUndefined();
  const other = { run: 'rehearse-20260219-020600-aaaa', provenBefore: undefined };
  expect(overtaken(proved, other)).toBe(`${proven.run} has proved it`);
  expect(overtaken(proved, { ...other, provenBefore: proven.run })).toBeUndefined();
  expect(overtaken({ ...proved, proof: 'failed', failure: 'a file is gone' }, mine)).toBe(
    'it was found to be damaged: a file is gone',
  );
});
