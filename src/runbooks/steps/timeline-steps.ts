import { z } from 'zod';
import { runId, timelineId } from '../../model/identifiers.ts';
import { formatInstant, microsOf } from '../../model/instant.ts';
import { leftOut, type LogPlan } from '../../model/log-plan.ts';
import type { RestorePoint } from '../../model/restore-point.ts';
import type { RestoreRecord } from '../../model/restore-record.ts';
import { openTimeline } from '../catalog/timeline-record.ts';
import { type Work, markBaseRequired } from './shipping-steps.ts';
import { namesOf, namesText } from './some-names.ts';
import { standardRetry } from './standard-steps.ts';

/**
 * Every restore and revert opens a timeline: what was written after the fork stays on the old one and never mixes with
 * new writes.
 */
interface TimelineWork extends Work {
  readonly startedAt: Date;
}

const openedResult = z.object({ timeline: timelineId });
type Opened = z.infer<typeof openedResult>;

export const openTimelineStep = {
  id: 'open-timeline',
  title: 'Open a new timeline; later writes stay on the old one',
  effect: 'write',
  timeout: '2m',
  retry: standardRetry,
  result: openedResult,
} as const;

/** After a replay: the new timeline begins with its parent up to the instant, without what was left out. */
export async function openReplayedTimeline(work: TimelineWork, plan: LogPlan): Promise<Opened> {
  const { instant } = plan;
  const { timeline, exclusions } = leftOut(plan);
  const without = exclusions.length === 0 ? '' : ` without ${namesText(namesOf(exclusions))}`;
  const { id } = await openTimeline(work.services.platform.bucket, {
    ...recordOf(work),
    parent: { id: timeline, forkedAt: instant },
    exclusions: [...exclusions],
    why: `restored to ${instant}${without}`,
  });
  return { timeline: id };
}

/**
 * After a plain restore of a point. A fuzzy point is not an instant of its timeline, so the new timeline needs its own
 * base.
 */
export async function openPointTimeline(work: TimelineWork, point: RestorePoint): Promise<Opened> {
  const { id } = await openTimeline(work.services.platform.bucket, {
    ...recordOf(work),
    parent: { id: point.timeline, forkedAt: point.snapshot?.to ?? formatInstant(microsOf(new Date(point.takenAt))) },
    exclusions: [],
    why: `restored to ${point.id}`,
  });
  if (point.cut === 'fuzzy' || point.snapshot === undefined) {
    await markBaseRequired(
      work,
      id,
      `${point.id} was restored without its log, and it was taken while applications wrote`,
    );
  }
  return { timeline: id };
}

/**
 * After a revert: the old data is the end of the timeline that the restore had left, including writes that were never
 * shipped.
 */
export async function openRevertedTimeline(work: TimelineWork, { run, left }: RestoreRecord): Promise<Opened> {
  const at = formatInstant(microsOf(work.startedAt));
  const { id } = await openTimeline(work.services.platform.bucket, {
    ...recordOf(work),
    ...(left === undefined ? {} : { parent: { id: left.timeline, forkedAt: left.end ?? at } }),
    exclusions: [],
    why: `${run} reverted`,
  });
  await markBaseRequired(work, id, `${run} was reverted, and the old data may hold writes that were never shipped`);
  return { timeline: id };
}

function recordOf({ run, environment, startedAt }: TimelineWork) {
  return { environment, run: runId.parse(run), openedAt: formatInstant(microsOf(startedAt)) };
}
