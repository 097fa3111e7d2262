import { formatInstant, instantOf, type Micros } from '../../model/instant.ts';
import { leftOut, type LogPlan } from '../../model/log-plan.ts';
import type { RestorePoint } from '../../model/restore-point.ts';

/**
 * The point after a rehearsal that found it good. With a log the base and that log up to the instant were proved, so from now on a restore of
 * the point restores exactly that. A fuzzy base alone is a mixture of instants: that it opens proves nothing about any of them. What the
 * plan left out, because only a part of it was shipped, stays left out: the log may show later that it was whole.
 */
export function pointAfterRehearsal(
  rehearsed: RestorePoint,
  proven: NonNullable<RestorePoint['proven']>,
  replayed: Pick<LogPlan, 'instant' | 'strands'> | undefined,
): RestorePoint {
  if (rehearsed.cut !== 'quiesced' && replayed === undefined) return rehearsed;
  // What an earlier check found is refuted.
  const { failure: _refuted, ...point } = rehearsed;
  if (replayed === undefined || point.cut === 'quiesced') return { ...point, proof: 'proven', proven };
  const { instant } = replayed;
  const { timeline, exclusions } = leftOut(replayed);
  return {
    ...point,
    cut: 'instant',
    instant: formatInstant(instantOf(instant)),
    instantHistory: { timeline, exclusions: [...exclusions] },
    proof: 'proven',
    proven,
  };
}

/**
 * What became of a point while a rehearsal of it ran, as a clause: then what the rehearsal found is not recorded.
 * `provenBefore`: the run that had proved it when the rehearsal began. Of several rehearsals of a point the first to
 * end is recorded, so that its instant, its times and its findings are all of one run.
 */
export function overtaken(
  { proof, failure, proven }: RestorePoint,
  {
    run,
    provenBefore,
    failedBefore,
  }: {
    readonly run: string;
    readonly provenBefore: string | undefined;
    /** Why the point was failed when the rehearsal began, which has then checked it anew. */
    readonly failedBefore?: string | undefined;
  },
): string | undefined {
  if (proof === 'failed' && (failure === undefined || failure !== failedBefore))
    return `it was found to be damaged: ${failure ?? 'no reason is recorded'}`;
  const by = proven?.run;
  return by === undefined || by === run || by === provenBefore ? undefined : `${by} has proved it`;
}

interface ProvedInstant {
  readonly instant: Micros;
  readonly timeline: string;
  readonly exclusions: readonly Micros[];
  /** The point. */
  readonly base: string;
}

/** What a point was proved to come back to together with its log; undefined for a point whose cut is no `instant`. */
export function provedInstant(point: RestorePoint): ProvedInstant | undefined {
  if (point.cut !== 'instant' || point.instant === undefined) return undefined;
  const { timeline, exclusions } = point.instantHistory ?? { timeline: point.timeline, exclusions: [] };
  return { instant: instantOf(point.instant), timeline, exclusions: exclusions.map(instantOf), base: point.id };
}
