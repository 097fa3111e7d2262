import { expect, test } from 'vitest';
import { runId, timelineId } from '../../model/identifiers.ts';
import { timelineDocument, timelineKey } from '../../model/timeline.ts';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { openedTimelines } from '../../ports/opened-timelines.ts';
import { currentTimeline, openTimeline } from './timeline-record.ts';

const wanted = {
  environment: 'local',
  run: runId.parse('restore-20260219-030000-k3f9'),
  parent: { id: timelineId.parse('t0001'), forkedAt: '2026-02-19T02:59:00.000000Z' },
  exclusions: [],
  openedAt: '2026-02-19T03:01:00.000000Z',
  why: 'restored',
};

test('before anything was shipped the first timeline is the current one', async () => {
  expect(await currentTimeline(new MemoryStore())).toBe('t0001');
});

test('the first restore of an environment that never shipped records the first timeline too', async () => {
  const bucket = new MemoryStore();
  expect(await openTimeline(bucket, wanted)).toMatchObject({ id: 't0002', parent: { id: 't0001' } });
  expect(await openedTimelines(bucket)).toEqual(['t0001', 't0002']);
  expect(await currentTimeline(bucket)).toBe('t0002');
});

test('a timeline that a listing does not have yet is the current one all the same', async () => {
  class Lagging extends MemoryStore {
    override async *children(prefix: string): AsyncIterable<string> {
      for await (const key of super.children(prefix)) if (key !== timelineKey('t0002')) yield key;
    }
  }
  const bucket = new Lagging();
  await openTimeline(bucket, wanted);
  expect(await currentTimeline(bucket)).toBe('t0002');
});

test('a step that is done again finds the timeline that it opened, and another run opens the next', async () => {
  const bucket = new MemoryStore();
  const first = await openTimeline(bucket, wanted);
  const again = await openTimeline(bucket, { ...wanted, openedAt: '2026-02-19T03:05:00.000000Z' });
  expect(again).toEqual(first);
  const other = await openTimeline(bucket, { ...wanted, run: runId.parse('restore-20260219-040000-k3f9') });
  expect(other.id).toBe('t0003');
  const stored = await bucket.get(timelineKey('t0002'));
  expect(timelineDocument.read(stored?.body ?? '', 't0002')).toEqual(first);
});
