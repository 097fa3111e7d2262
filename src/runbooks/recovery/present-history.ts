import { commitSlot } from '../../model/commit-slot.ts';
import { formatInstant, instantOf, micros, type Micros } from '../../model/instant.ts';
import { Problem } from '../../model/problem.ts';
import type { RestorePoint } from '../../model/restore-point.ts';
import { type Strand, timelinePath } from '../../model/timeline-path.ts';
import type { KnownTimeline } from '../catalog/timeline-record.ts';
import { snapshotOf } from '../catalog/snapshot-span.ts';
import { provedInstant } from './proved-instant.ts';
import { usualLimits } from './recovery-facts.ts';

/**
 * Why a point is not of the history that the environment has now, as a clause; undefined for one that is. A restore and
 * an undo leave a history behind: its points bring back what was left on purpose, so they are restored only by name.
 */
export type LeftBehind = (point: RestorePoint) => string | undefined;

export function leftBehind(timelines: readonly KnownTimeline[]): LeftBehind {
  const current = timelines.at(-1);
  // Before anything is shipped or restored there is one history.
  if (current === undefined) return () => undefined;
  const path = pathTo(timelines, current);
  return (point) => {
    const proved = provedInstant(point);
    const timeline = proved?.timeline ?? point.timeline;
    const strand = path.find((each) => each.timeline.id === timeline);
    if (strand === undefined) return `it is of the timeline ${timeline}, ${whyAside(current)}`;
    const last = proved?.instant ?? snapshotOf(point).to;
    if (strand.until !== undefined && last > strand.until) {
      return `it holds what was written on the timeline ${timeline} after ${formatInstant(strand.until)}, which was left when ${current.id} was opened or before (${current.why})`;
    }
    const kept = leftOutBy(timelines, proved);
    // A snapshot of a living graph may hold what a server with a clock that is ahead wrote.
    const until = proved === undefined && point.cut === 'fuzzy' ? micros(last + usualLimits.clockLead) : last;
    const undone = strand.exclusions.find((slot) => slot <= until && !kept.has(slot));
    return undone === undefined
      ? undefined
      : `it may hold the transaction of ${formatInstant(undone)}, which was undone`;
  };
}

function whyAside({ id, damaged, why }: KnownTimeline): string {
  return damaged === undefined
    ? `which is not part of the present history of ${id} (${why})`
    : `and whether the present one, ${id}, goes back to that nobody can tell (${damaged})`;
}

/** Whether a commit on a timeline is part of the history that the environment has now. */
export function isInHistory(
  timelines: readonly KnownTimeline[],
  { timeline, commit }: { readonly timeline: string; readonly commit: Micros },
): boolean {
  const current = timelines.at(-1);
  if (current === undefined) return true;
  const strand = pathTo(timelines, current).find((each) => each.timeline.id === timeline);
  if (strand === undefined || (strand.kept !== undefined && commit > strand.kept)) return false;
  return !strand.exclusions.some((slot) => commitSlot(slot) === commitSlot(commit));
}

/** Where the timelines cannot be followed, only what was taken on the present one is surely of its history. */
function pathTo(timelines: readonly KnownTimeline[], current: KnownTimeline): readonly Strand[] {
  try {
    return timelinePath(timelines, current.id);
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'timeline-broken') throw error;
    return [{ timeline: current, until: undefined, kept: undefined, exclusions: [] }];
  }
}

/** What the replay to the proved instant leaves out. */
function leftOutBy(timelines: readonly KnownTimeline[], proved: ReturnType<typeof provedInstant>): ReadonlySet<Micros> {
  if (proved === undefined) return new Set();
  const timeline = timelines.find(({ id }) => id === proved.timeline);
  const all = [...(proved.exclusions ?? []), ...(timeline?.exclusions ?? []).map(instantOf)];
  return new Set(all);
}
