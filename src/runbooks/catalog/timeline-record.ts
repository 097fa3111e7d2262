import type { z } from 'zod';
import { timelineId } from '../../model/identifiers.ts';
import { type Timeline, nextTimelineId, timelineDocument, timelineKey } from '../../model/timeline.ts';
import { createObject } from '../../ports/object-store.ts';
import type { ObjectStore } from '../../ports/object-store.ts';

type TimelineId = z.infer<typeof timelineId>;

const timelineFile = /^timelines\/(t\d{4})\.json$/;
/** The current timeline before any agent has shipped: the first timeline needs no record. */
const first: TimelineId = timelineId.parse('t0001');

/** The timeline that the environment writes now: the newest that was opened. */
export async function currentTimeline(bucket: ObjectStore): Promise<TimelineId> {
  return (await timelineIds(bucket)).at(-1) ?? first;
}

/** Ascending. Also one that a listing does not have yet: what runs write belongs to the newest, so it is asked for by its key. */
export async function timelineIds(bucket: ObjectStore): Promise<readonly TimelineId[]> {
  const ids: TimelineId[] = [];
  for await (const key of bucket.children('timelines/')) {
    const id = timelineFile.exec(key)?.[1];
    if (id !== undefined) ids.push(timelineId.parse(id));
  }
  for (;;) {
    const next = ids.length === 0 ? first : nextTimelineId(ids.at(-1));
    if ((await bucket.head(timelineKey(next))) === undefined) return ids;
    ids.push(next);
  }
}

/**
 * Opens the next timeline. If the same run does it again, it finds the one that it opened. If none was recorded yet,
 * the first timeline is recorded before it, so that the new one can name its parent.
 */
export async function openTimeline(
  bucket: ObjectStore,
  wanted: Omit<Timeline, 'id'> & { readonly run: NonNullable<Timeline['run']> },
): Promise<Timeline> {
  let known = await timelineIds(bucket);
  if (known.length === 0) {
    const { environment, openedAt } = wanted;
    const why = 'recorded when a restore opened the next timeline; nothing had been shipped on this one';
    await createTimeline(bucket, { id: first, environment, exclusions: [], openedAt, why });
    known = [first];
  }
  for (const id of known.toReversed()) {
    const stored = await bucket.get(timelineKey(id));
    if (stored === undefined) continue;
    const timeline = timelineDocument.read(stored.body, timelineKey(id));
    if (timeline.run === wanted.run) return timeline;
  }
  const timeline = { ...wanted, id: nextTimelineId(known.at(-1)) };
  // Nobody else opens one under the environment's lease: a conflict here means that this same run did it before.
  if (await createTimeline(bucket, timeline)) return timeline;
  return openTimeline(bucket, wanted);
}

async function createTimeline(bucket: ObjectStore, timeline: Timeline): Promise<boolean> {
  return createObject(bucket, timelineKey(timeline.id), timelineDocument.write(timeline));
}
