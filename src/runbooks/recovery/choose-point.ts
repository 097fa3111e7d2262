import type { DamagedPoint } from '../catalog/point-catalog.ts';
import { RefusedProblem } from '../../model/problem.ts';
import { isBeingRemoved, newestFirst, type RestorePoint } from '../../model/restore-point.ts';
import type { LeftBehind } from './present-history.ts';

export interface Choice {
  readonly point: RestorePoint;
  /** A warning to print before anything happens; absent when the point is proven, and the newest good one. */
  readonly warning?: string;
}

/**
 * The point that a restore uses when none is named: the newest proven one of the present history, else the newest
 * checked one with a warning. Never a failed one or one that is only taken. `damaged` are those that cannot be read.
 * Pure; `points` newest first.
 */
export function choosePoint(
  points: readonly RestorePoint[],
  environment: string,
  damaged: readonly DamagedPoint[] = [],
  left: LeftBehind = () => undefined,
): Choice {
  const present = points.filter((point) => left(point) === undefined);
  const proven = present.find((point) => point.proof === 'proven');
  const checked = present.find((point) => point.proof === 'checked');
  if (proven !== undefined) {
    return checked !== undefined && newestFirst(checked, proven) < 0
      ? { point: proven, warning: newerChecked(proven, checked) }
      : { point: proven };
  }
  if (checked !== undefined) return { point: checked, warning: notProven(checked) };
  const other = points.find((point) => isGood(point) && left(point) !== undefined);
  throw new RefusedProblem({
    code: 'no-good-point',
    happened: `${environment} has no proven or checked restore point${other === undefined ? '' : ' of its present history'}.`,
    state: 'Nothing was changed.',
    next:
      other !== undefined
        ? `To restore one of a history that was left, name it: cardea restore ${environment} --to ${other.id}. See all points: cardea points ${environment}.`
        : points.length + damaged.length === 0
          ? `Take a backup first: cardea backup ${environment}.`
          : `See all points: cardea points ${environment}. To have one that failed checked anew and restored if it is whole, name it: --to POINT --allow-failed. One that was only taken: --to POINT --allow-taken.`,
    details: [
      ...damaged.slice(0, 10).map(({ id, failure }) => `${id}: failed (${failure})`),
      ...points.slice(0, 10).map((point) => {
        const why = point.failure ?? left(point);
        return `${point.id}: ${point.proof}${why === undefined ? '' : ` (${why})`}`;
      }),
    ],
  });
}

/**
 * The warning to accept before a named point is used. One that failed its check may be used, too: the store may have been
 * wrong, or what was missing been brought back, and whoever uses it checks every file anew. Throws RefusedProblem
 * `point-not-good` for one whose removal has begun, and for one that failed, or was only taken, unless that is allowed.
 */
export function acceptPoint(
  point: RestorePoint,
  allowed: { readonly taken: boolean; readonly failed: boolean },
): Choice {
  const failed = point.proof === 'failed' && !isBeingRemoved(point);
  const why = isBeingRemoved(point)
    ? point.failure
    : point.proof === 'taken' && !allowed.taken
      ? 'its files in the store were never checked'
      : failed && !allowed.failed
        ? `its check failed: ${point.failure?.replace(/\.$/, '') ?? 'no reason is recorded'}`
        : undefined;
  if (why !== undefined) {
    throw new RefusedProblem({
      code: 'point-not-good',
      happened: `${point.id} may not be restored: ${why}.`,
      state: 'Nothing was changed.',
      next:
        point.proof === 'taken'
          ? `Choose a checked or proven point (cardea points ${point.environment}), or accept the risk with --allow-taken.`
          : `Choose a checked or proven point: cardea points ${point.environment}.${failed ? ` To have every file of this one checked anew, and to restore it if it is whole: cardea restore ${point.environment} --to ${point.id} --allow-failed --confirm ${point.environment}.` : ''}`,
    });
  }
  if (point.proof === 'failed') return { point, warning: failedBefore(point) };
  return point.proof === 'proven' ? { point } : { point, warning: notProven(point) };
}

function isGood({ proof }: RestorePoint): boolean {
  return proof === 'proven' || proof === 'checked';
}

function newerChecked(proven: RestorePoint, checked: RestorePoint): string {
  return (
    `${proven.id} is the newest proven point, taken at ${proven.takenAt}; what was written after it does not come back. ` +
    `${checked.id}, taken at ${checked.takenAt}, is newer and checked, but was never restored and opened: --to ${checked.id} takes it, --to TIME any instant of the window.`
  );
}

export function failedBefore({ id, failure }: RestorePoint): string {
  return `${id} failed its last check: ${failure ?? 'no reason is recorded'} Every file of it is checked anew before anything is stopped; if it still fails, nothing is changed`;
}

function notProven(point: RestorePoint): string {
  return (
    `${point.id} is ${point.proof}, not proven: it was never restored and opened. ` +
    `If there is time, rehearse it first: cardea rehearse ${point.environment} ${point.id}`
  );
}
