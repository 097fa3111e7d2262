import { z } from 'zod';
import { runId, timelineId } from '../../model/identifiers.ts';
import { formatInstant, instantOf, microsOf } from '../../model/instant.ts';
import { leftOut, type LogPlan } from '../../model/log-plan.ts';
import type { RestorePoint } from '../../model/restore-point.ts';
import type { RestoreRecord } from '../../model/restore-record.ts';
import { openTimeline } from '../catalog/timeline-record.ts';
import { type Work, markBaseRequired } from './shipping-steps.ts';
import { nodesNow } from './nodes-now.ts';
import { namesOf, namesText } from './some-names.ts';
import { standardRetry } from './standard-steps.ts';

/**
 * Every restore and revert opens a timeline: what was written after the fork stays on the old one and never mixes with
 * new writes.
 */

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
export async function openReplayedTimeline(work: Work, plan: LogPlan): Promise<Opened> {
  const { instant } = plan;
  const { timeline, exclusions } = leftOut(plan);
  const until = plan.strands.at(-1)?.until ?? instant;
  const without = exclusions.length === 0 ? '' : ` without ${namesText(namesOf(exclusions))}`;
  const { id } = await openTimeline(work.services.platform.bucket, {
    ...(await recordOf(work)),
    parent: { id: timeline, forkedAt: instant, ...(instantOf(until) > instantOf(instant) ? { keptTo: until } : {}) },
    exclusions: [...exclusions],
    why: `restored to ${instant}${without}`,
  });
  return { timeline: id };
}

/**
 * After a plain restore of a point. What was taken while applications wrote is not an instant of its timeline, so the
 * new timeline needs its own base; so it is also when a rehearsal has proved an instant of the point since, for that
 * needs its log.
 */
export async function openPointTimeline(work: Work, point: RestorePoint): Promise<Opened> {
  const { id, openedAt } = await openTimeline(work.services.platform.bucket, {
    ...(await recordOf(work)),
    parent: { id: point.timeline, forkedAt: point.snapshot?.to ?? formatInstant(microsOf(new Date(point.takenAt))) },
    exclusions: [],
    why: `restored to ${point.id}`,
  });
  if (point.cut !== 'quiesced' || point.snapshot === undefined) {
    await markBaseRequired(
      work,
      { timeline: id, at: openedAt },
      `${point.id} was restored without its log, and it was taken while applications wrote`,
    );
  }
  return { timeline: id };
}

/**
 * After a revert: the old data is the end of the timeline that the restore had left, including writes that were never
 * shipped. `left`: that timeline.
 */
export async function openRevertedTimeline(
  work: Work,
  { run }: Pick<RestoreRecord, 'run'>,
  left: RestoreRecord['left'],
): Promise<Opened> {
  const record = await recordOf(work);
  const { id, openedAt } = await openTimeline(work.services.platform.bucket, {
    ...record,
    ...(left === undefined ? {} : { parent: { id: left.timeline, forkedAt: left.end ?? record.openedAt } }),
    exclusions: [],
    why: `${run} reverted`,
  });
  const reason = `${run} was reverted, and the old data may hold writes that were never shipped`;
  await markBaseRequired(work, { timeline: id, at: openedAt }, reason);
  return { timeline: id };
}

async function recordOf(work: Work) {
  const { run, environment } = work;
  return { environment, run: runId.parse(run), openedAt: formatInstant(await nodesNow(work)) };
}
