import { RefusedProblem } from '../../model/problem.ts';
import type { Proof, RestorePoint } from '../../model/restore-point.ts';

export interface Choice {
  readonly point: RestorePoint;
  /** To be said loudly before anything happens; absent when the point is proven. */
  readonly warning?: string;
}

/**
 * The point a restore would use when none is named: the newest proven one, else the newest checked one with a warning. Never a merely
 * taken or a failed one. Pure; `points` newest first.
 */
export function choosePoint(points: readonly RestorePoint[], environment: string): Choice {
  const proven = points.find((point) => point.proof === 'proven');
  if (proven !== undefined) return { point: proven };
  const checked = points.find((point) => point.proof === 'checked');
  if (checked !== undefined) return { point: checked, warning: notProven(checked) };
  throw new RefusedProblem({
    code: 'no-good-point',
    happened: `${environment} has no restore point that is proven or checked.`,
    state: 'Nothing was changed.',
    next:
      points.length === 0
        ? `Take a backup first: cardea backup ${environment}.`
        : `Look at cardea points ${environment}; a point that is only taken can be named with --to and --allow-taken.`,
    details: points
      .slice(0, 10)
      .map((point) => `${point.id}: ${point.proof}${point.failure === undefined ? '' : ` (${point.failure})`}`),
  });
}

/** What must be accepted before a named point is used. Throws RefusedProblem when it may not be. */
export function acceptPoint(point: RestorePoint, allowTaken: boolean): Choice {
  const refusal: Partial<Record<Proof, string>> = {
    failed: `it failed its check: ${point.failure ?? 'no reason is recorded'}`,
    ...(allowTaken ? {} : { taken: 'nobody has checked what arrived in the store' }),
  };
  const why = refusal[point.proof];
  if (why !== undefined) {
    throw new RefusedProblem({
      code: 'point-not-good',
      happened: `${point.id} is not used for a restore: ${why}.`,
      state: 'Nothing was changed.',
      next:
        point.proof === 'taken'
          ? `Choose a checked or proven point (cardea points ${point.environment}), or accept the risk with --allow-taken.`
          : `Choose a checked or proven point: cardea points ${point.environment}.`,
    });
  }
  return point.proof === 'proven' ? { point } : { point, warning: notProven(point) };
}

function notProven(point: RestorePoint): string {
  return (
    `${point.id} is ${point.proof}, not proven: it was never restored and opened. ` +
    `Rehearse it first when there is time: cardea rehearse ${point.environment} ${point.id}`
  );
}
