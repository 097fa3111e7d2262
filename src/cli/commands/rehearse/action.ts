import { RefusedProblem } from '../../../model/problem.ts';
import { rehearseRunbook } from '../../../runbooks/index.ts';
import { getOwnPoint } from '../../../runbooks/catalog/point-catalog.ts';
import { leftBehind } from '../../../runbooks/recovery/present-history.ts';
import type { RecoveryFacts } from '../../../runbooks/recovery/recovery-facts.ts';
import type { Action } from '../../command.ts';
import type { CliContext } from '../../context.ts';
import { refuseWhenUnreachable } from '../../runs/refuse-when-unreachable.ts';
import { operate } from '../../runs/operation.ts';
import { rehearsalReport } from '../../runs/run-report.ts';
import type { rehearse } from './declaration.ts';
import { canProve, type Decided, decideTarget, factsOf, rehearsable, replayParamsOf } from '../restore/target.ts';

export const action: Action<typeof rehearse> = async (context, input) => {
  const { name } = await context.environment(input.env);
  const decided = await refuseWhenUnreachable(async () => decide(context, name, input));
  context.signal.throwIfAborted();
  const { point } = decided;
  for (const warning of decided.warnings) {
    context.output.warn(context.output.paintNote('yellow', `WARNING: ${warning}`));
  }
  return operate(context, {
    environment: name,
    runbook: rehearseRunbook,
    params: { point: point.id, ...replayParamsOf(decided, { inPlace: false }) },
    done: async (ended) => rehearsalReport(context, name, ended, point.id),
  });
};

/**
 * With a time: the base for it, or the named point. For a fuzzy point: the first instant at which its log makes it
 * consistent.
 */
async function decide(
  context: CliContext,
  environment: string,
  { point: named, to }: { readonly point: string | undefined; readonly to: string | undefined },
): Promise<Decided> {
  if (to !== undefined) {
    return decideTarget(context, environment, { to, ...(named === undefined ? {} : { base: named }) });
  }
  const facts = await factsOf(context, environment);
  if (named === undefined) return worthRehearsing(facts);
  const point = await getOwnPoint((await context.platform(environment)).bucket, named, environment);
  return rehearsable(facts, point);
}

/** The point to rehearse: of those that a restore would choose, the newest checked one that can become proven, else the newest good one. */
export async function worthRehearsing(facts: RecoveryFacts): Promise<Decided> {
  const left = leftBehind(facts.catalog.timelines);
  const good = facts.points.filter(
    (point) => (point.proof === 'checked' || point.proof === 'proven') && left(point) === undefined,
  );
  for (const point of good) {
    const decided = point.proof === 'checked' ? await rehearsable(facts, point) : undefined;
    if (decided !== undefined && canProve(decided)) return decided;
  }
  const [newest] = good;
  if (newest !== undefined) return rehearsable(facts, newest);
  throw new RefusedProblem({
    code: 'no-good-point',
    happened: `${facts.environment} has no checked or proven restore point of its present history.`,
    state: 'Nothing was started.',
    next: `Take a backup first: cardea backup ${facts.environment}.`,
    details: facts.points.slice(0, 10).map((point) => `${point.id}: ${point.proof}`),
  });
}
