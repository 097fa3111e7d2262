import type { RestoreRecord } from '../../model/restore-record.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { lookAtRunIfReadable } from '../../runbook/look-at-run.ts';
import { leftTimeline, pausedTimeline } from './left-timeline.ts';
import { restoreOf } from './restore-standing.ts';
import { listTimelines } from './timeline-catalog.ts';

/**
 * Whether another revert of the same restore has exchanged the data already: one that failed only after it had opened its timeline, on which the graph may
 * have served since. `timeline`: the one that was written until this run stopped the graph. `left` is what that other one had stopped: what
 * it moved aside is the end of it; undefined where its journal does not tell.
 */
export async function exchangedBefore(
  bucket: ObjectStore,
  { restore, by, timeline }: { readonly restore: string; readonly by: string; readonly timeline: string },
): Promise<{ readonly left: RestoreRecord['left'] } | undefined> {
  const opened = (await listTimelines(bucket)).find(({ id }) => id === timeline);
  if (opened?.run === undefined || opened.run === by) return undefined;
  const other = await lookAtRunIfReadable(bucket, opened.run);
  if (other === undefined || other === 'damaged') {
    return opened.why === `${restore} reverted` ? { left: undefined } : undefined;
  }
  if (other.runbook !== 'revert' || restoreOf(other.params) !== restore) return undefined;
  const { data } = pausedTimeline.safeParse(other.steps['pause-shipping']?.result);
  return { left: data === undefined ? undefined : leftTimeline(data) };
}
