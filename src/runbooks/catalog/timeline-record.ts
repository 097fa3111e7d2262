import { timelineId } from '../../model/identifiers.ts';
import { formatInstant, micros } from '../../model/instant.ts';
import { Problem } from '../../model/problem.ts';
import { type Timeline, type TimelineId, nextTimelineId, timelineDocument, timelineKey } from '../../model/timeline.ts';
import { createObject } from '../../ports/object-store.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { openedTimelines } from '../../ports/opened-timelines.ts';

/** The current timeline before any agent has shipped: the first timeline needs no record. */
const first: TimelineId = timelineId.parse('t0001');

/** The timeline that the environment writes now: the newest that was opened. */
export async function currentTimeline(bucket: ObjectStore): Promise<TimelineId> {
  return (await openedTimelines(bucket)).at(-1) ?? first;
}

/**
 * Opens the next timeline. If the same run does it again, it finds the one that it opened. If none was recorded yet,
 * the first timeline is recorded before it, so that the new one can name its parent.
 */
export async function openTimeline(
  bucket: ObjectStore,
  wanted: Omit<Timeline, 'id'> & { readonly run: NonNullable<Timeline['run']> },
): Promise<Timeline> {
  let known = await openedTimelines(bucket);
  if (known.length === 0) {
    const { environment, openedAt } = wanted;
    const why = 'recorded when a restore opened the next timeline; nothing had been shipped on this one';
    await createTimeline(bucket, { id: first, environment, exclusions: [], openedAt, why });
    known = [first];
  }
  for (const id of known.toReversed()) {
    const stored = await bucket.get(timelineKey(id));
    if (stored === undefined) continue;
    const timeline = knownTimeline(stored, id, wanted.environment);
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
 * Of a record that is damaged or lost nothing is known but the id. It counts as a root without a beginning: what was taken on it can be restored, with
 * its log, and nothing is assumed of where it came from.
 */
export function knownTimeline(
  stored: { readonly body: Uint8Array } | undefined,
  id: TimelineId,
  environment: string,
): KnownTimeline {
  const key = timelineKey(id);
  if (stored === undefined) return unreadable(id, environment, `${key} is missing: the store has lost it.`);
  const { body } = stored;
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
