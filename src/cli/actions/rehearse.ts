import { formatSeconds } from '../../model/duration.ts';
import { RefusedProblem } from '../../model/problem.ts';
import type { RestorePoint } from '../../model/restore-point.ts';
import { rehearseRunbook } from '../../runbooks/index.ts';
import { getPoint, listPoints } from '../../runbooks/point-catalog.ts';
import type { Action } from '../command.ts';
import { notStarted } from '../not-started.ts';
import { operate } from '../operation.ts';
import { measuredRestore } from '../points-table.ts';
import type { rehearse } from '../rehearse.ts';

export const action: Action<typeof rehearse> = async (context, input) => {
  const { name } = await context.environment(input.env);
  const { bucket } = await context.platform(name);
  const point = await notStarted(async () =>
    input.point === undefined ? worthRehearsing(await listPoints(bucket), name) : getPoint(bucket, input.point),
  );
  return operate(context, {
    environment: name,
    runbook: rehearseRunbook,
    params: { point: point.id },
    async done({ run, seconds }) {
      const after = await getPoint(bucket, point.id);
      const restore = measuredRestore(after);
      const measured = restore === undefined ? '' : ` A restore of it takes ${formatSeconds(restore)}.`;
      return {
        json: { run, ok: true, seconds, point: point.id, proof: after.proof, measured: after.proven?.seconds ?? null },
        text: `${point.id} is ${after.proof}: restored, opened and checked in ${formatSeconds(seconds)}.${measured}`,
      };
    },
  });
};

/** The newest good point that a rehearsal can still teach something about: a checked one that can become proven, else any good one. */
export function worthRehearsing(points: readonly RestorePoint[], environment: string): RestorePoint {
  const good = points.filter((point) => point.proof === 'checked' || point.proof === 'proven');
  const found = good.find((point) => point.proof === 'checked' && point.cut !== 'fuzzy') ?? good[0];
  if (found !== undefined) return found;
  throw new RefusedProblem({
    code: 'no-good-point',
    happened: `${environment} has no restore point that is checked or proven.`,
    state: 'Nothing was started.',
    next: `Take a backup first: cardea backup ${environment}.`,
    details: points.slice(0, 10).map((point) => `${point.id}: ${point.proof}`),
  });
}
