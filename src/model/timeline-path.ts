import { type Micros, instantOf } from './instant.ts';
import { FailedProblem, UsageProblem } from './problem.ts';
import type { Timeline } from './timeline.ts';

/** A stretch of a timeline as a later one contains it. */
export interface Strand {
  readonly timeline: Timeline;
  /** The last instant of it that counts; undefined for the last strand, which goes on. */
  readonly until: Micros | undefined;
  /** The last write time that counts: `until`, or a little later at the end of a log, by the clocks of writers that ran ahead. */
  readonly kept: Micros | undefined;
  /** Commit slots left out of it, of every later timeline of the path; ascending. */
  readonly exclusions: readonly Micros[];
}

/**
 * From the root to the timeline `id`: what its history consists of. A fork further down the path ends every strand above it too. Throws
 * UsageProblem `unknown-timeline`; FailedProblem `timeline-broken` when a parent is missing or the records contradict each other.
 */
export function timelinePath(timelines: readonly Timeline[], id: string): readonly Strand[] {
  const byId = new Map<string, Timeline>(timelines.map((timeline) => [timeline.id, timeline]));
  const last = byId.get(id);
  if (last === undefined) throw unknownTimeline(id, [...byId.keys()]);
  const strands: Strand[] = [{ timeline: last, until: undefined, kept: undefined, exclusions: [] }];
  let until: Micros | undefined;
  let kept: Micros | undefined;
  let exclusions: readonly Micros[] = [];
  for (let child = last; child.parent !== undefined; ) {
    const parent = byId.get(child.parent.id);
    if (parent === undefined) throw broken(child, `its parent ${child.parent.id} is not recorded`);
    // Ids only grow, so this alone rules out every loop.
    if (parent.id >= child.id) throw broken(child, `it names ${parent.id} as its parent, which is not older`);
    const fork = instantOf(child.parent.forkedAt);
    const write = instantOf(child.parent.keptTo ?? child.parent.forkedAt);
    kept = kept === undefined || write < kept ? write : kept;
    until = until === undefined || fork < until ? fork : until;
    exclusions = [...new Set([...exclusions, ...child.exclusions.map(instantOf)])].sort((a, b) => a - b);
    strands.unshift({ timeline: parent, until, kept, exclusions });
    child = parent;
  }
  return strands;
}

function unknownTimeline(id: string, known: readonly string[]): UsageProblem {
  return new UsageProblem({
    code: 'unknown-timeline',
    happened: `There is no timeline "${id}".`,
    state: 'Nothing was changed.',
    next:
      known.length === 0
        ? 'No timeline is recorded yet; the first begins when the log is shipped.'
        : `Name one of ${known.join(', ')}.`,
  });
}

function broken(timeline: Timeline, why: string): FailedProblem {
  return new FailedProblem({
    code: 'timeline-broken',
    happened: `The parents of the timeline ${timeline.id} cannot be followed to the first timeline: ${why}.`,
    state: 'Nothing was changed. Other timelines are not affected.',
    next: 'Find out who changed the files below timelines/ in the bucket (`cardea audit`). Restore a point of another timeline, or a later one.',
  });
}
