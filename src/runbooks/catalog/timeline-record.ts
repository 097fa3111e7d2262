import type { z } from 'zod';
import { timelineId } from '../../model/identifiers.ts';
import { formatInstant, micros } from '../../model/instant.ts';
import { Problem } from '../../model/problem.ts';
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
    const timeline = knownTimeline(stored.body, id, wanted.environment);
    if (timeline.run === wanted.run) return timeline;
  }
  const timeline = { ...wanted, id: nextTimelineId(known.at(-1)) };
  // Nobody else opens one under the environment's lease: a conflict here means that this same run did it before.
  if (await createTimeline(bucket, timeline)) return timeline;
  return openTimeline(bucket, wanted);
}

/** A timeline as far as its record can be read. */
export type KnownTimeline = Timeline & {
  /** What is wrong with its record. */
  readonly damaged?: string;
};

/**
 * Of a damaged record nothing is known but the id. It counts as a root without a beginning: what was taken on it can be restored, with its log, and
 * nothing is assumed of where it came from.
 */
export function knownTimeline(body: Uint8Array, id: TimelineId, environment: string): KnownTimeline {
  const key = timelineKey(id);
  try {
    const timeline = timelineDocument.read(body, key);
    if (timeline.id === id) return timeline;
    return unreadable(id, environment, `${key} is the record of ${timeline.id}.`);
  } catch (thrown) {
    if (!(thrown instanceof Problem) || thrown.code !== 'bad-document') throw thrown;
    return unreadable(id, environment, thrown.happened);
  }
}

function unreadable(id: TimelineId, environment: string, damaged: string): KnownTimeline {
  return { id, environment, exclusions: [], openedAt: formatInstant(micros(0)), why: damaged, damaged };
}

async function createTimeline(bucket: ObjectStore, timeline: Timeline): Promise<boolean> {
  return createObject(bucket, timelineKey(timeline.id), timelineDocument.write(timeline));
}
