import type { StepState } from '../journal/run-state.ts';
import { conditionText, holds } from './condition.ts';
import type { Runbook } from './define.ts';

type AnyStep = Runbook['steps'][number];

export interface Situation {
  /** The steps as the journal has them. */
  readonly steps: Readonly<Record<string, StepState>>;
  /** Ids of the steps that this process is carrying out right now. */
  readonly underWay: ReadonlySet<string>;
  readonly params: unknown;
  readonly results: Readonly<Record<string, unknown>>;
  readonly cancelled: boolean;
  /** The runbook's. */
  readonly pivot?: string | undefined;
}

export interface Moves {
  readonly start: readonly AnyStep[];
  readonly skip: readonly { readonly step: AnyStep; readonly reason: string }[];
}

/**
 * Pure: what can be done next. Nothing to start or skip and nothing under way means the run is over.
 *
 * As in Tekton, so that a run ends alike in both:
 * - a step starts when each step it needs succeeded or was skipped; of a skipped one its result is undefined;
 * - a step whose condition does not hold is skipped;
 * - after a failure no further step starts, those under way finish (one that a dead process had begun is begun again);
 * - after a cancel nothing starts;
 * - `always` steps start when nothing else can, whatever happened, among themselves in the order of their needs; those that are
 *   `after-change` are skipped when no step that writes or destroys had begun, and those that are `unless-moved` unless a run that failed or was
 *   cancelled had stopped something and moved nothing.
 */
export function nextMoves(steps: readonly AnyStep[], situation: Situation): Moves {
  const ending = isEnding(steps, situation.steps);
  const main = movesAmong(
    steps.filter((step) => step.always === undefined && !ending),
    situation,
    (step) => {
      if (situation.cancelled) return false;
      if (hasFailed(steps, situation) && situation.steps[step.id] === undefined) return false;
      return step.needs.every((need) => isPassed(situation.steps[need]));
    },
  );
  const busy = steps.some((step) => step.always === undefined && situation.underWay.has(step.id));
  if (busy || main.start.length > 0 || main.skip.length > 0) return main;
  const last = steps.filter((step) => step.always !== undefined);
  const lastIds = new Set(last.map((step) => step.id));
  return movesAmong(
    last,
    situation,
    (step) => step.needs.every((need) => !lastIds.has(need) || isEnded(situation.steps[need])),
    (step) => needless(step, steps, situation),
  );
}

/** Why a step that would run at the end is not needed. */
function needless(step: AnyStep, steps: readonly AnyStep[], situation: Situation): string | undefined {
  if (step.always === 'after-change' && !hasChanged(steps, situation)) return 'nothing was changed';
  if (step.always !== 'unless-moved') return undefined;
  if (hasBegun(situation.steps, situation.pivot)) return 'data was moved';
  if (!hasFailed(steps, situation) && !situation.cancelled) return 'everything was done';
  return hasStopped(steps, situation.steps) ? undefined : 'nothing was stopped';
}

/** Whether a step was ever attempted. */
export function hasBegun(steps: Situation['steps'], id: string | undefined): boolean {
  return id !== undefined && (steps[id]?.attempts ?? 0) > 0;
}

/** Whether a step that destroys was ever attempted: the first of them is a stop, where there is one. */
export function hasStopped(steps: ReadonlyArray<Pick<AnyStep, 'id' | 'effect'>>, states: Situation['steps']): boolean {
  return steps.some(({ id, effect }) => effect === 'destroy' && hasBegun(states, id));
}

/**
 * Whether the steps for the end have begun. Nothing else is done then, whoever carries them out: they have cleaned up or started again what the
 * others stand on.
 */
function isEnding(steps: readonly AnyStep[], states: Situation['steps']): boolean {
  return steps.some(({ id, always }) => always !== undefined && isPresent(states[id]));
}

/**
 * Pure: the steps that a resume does again. Of a run that is carried on, because it had not come to its end or had moved data: guards that an
 * unfinished step needs, what had failed, and the steps for the end. Of one that was left while it was ending: none. Of one that is `cancelled` by this resume no
 * guard: nothing more is done that needs one.
 */
export function stepsToRepeat(
  { steps, pivot }: { readonly steps: readonly AnyStep[]; readonly pivot?: string },
  states: Situation['steps'],
  { ended, cancelled = false }: { readonly ended: boolean; readonly cancelled?: boolean },
): readonly string[] {
  const moved = hasBegun(states, pivot);
  const stopped = moved || hasStopped(steps, states);
  const guards = ({ guard }: AnyStep) =>
    guard === true || (guard === 'until-moved' && !moved) || (guard === 'until-stopped' && !stopped);
  const carriedOn = ended || moved;
  if (!carriedOn && isEnding(steps, states)) return [];
  const again = new Set<string>();
  // From the last to the first: a guard that is done again needs its own guards again.
  for (const step of steps.toReversed()) {
    if (step.always !== undefined) {
      if (carriedOn && isPresent(states[step.id])) again.add(step.id);
      continue;
    }
    if (cancelled || !isEnded(states[step.id])) continue;
    // What had failed is tried again, also where nobody could note any more that the run had ended with it.
    if (carriedOn && states[step.id]?.status === 'failed') {
      again.add(step.id);
      continue;
    }
    const neededBy = steps.filter(({ needs, always }) => always === undefined && needs.includes(step.id));
    const needed = neededBy.some(({ id }) => !isPassed(states[id]) || again.has(id));
    if ((guards(step) && needed) || step.guard === 'to-the-end') again.add(step.id);
  }
  return [...again].toReversed();
}

/** Whether a step that writes or destroys had begun; steps that run at the end do not count. */
function hasChanged(steps: readonly AnyStep[], situation: Situation): boolean {
  return steps.some(
    (step) => step.effect !== 'read' && step.always === undefined && hasBegun(situation.steps, step.id),
  );
}

function movesAmong(
  steps: readonly AnyStep[],
  situation: Situation,
  ready: (step: AnyStep) => boolean,
  needless: (step: AnyStep) => string | undefined = () => undefined,
): Moves {
  const open = steps.filter(
    (step) => !situation.underWay.has(step.id) && !isEnded(situation.steps[step.id]) && ready(step),
  );
  const start: AnyStep[] = [];
  const skip: { step: AnyStep; reason: string }[] = [];
  for (const step of open) {
    const condition = step.when as Parameters<typeof holds>[0] | undefined;
    const reason = needless(step);
    if (reason !== undefined) skip.push({ step, reason });
    else if (condition === undefined || holds(condition, situation.params, situation.results)) start.push(step);
    else skip.push({ step, reason: `only when ${conditionText(condition)}` });
  }
  return { start, skip };
}

function hasFailed(steps: readonly AnyStep[], situation: Situation): boolean {
  return steps.some((step) => step.always === undefined && situation.steps[step.id]?.status === 'failed');
}

function isPassed(state: StepState | undefined): boolean {
  return state?.status === 'succeeded' || state?.status === 'skipped';
}

/** Begun or skipped, and not to be done again. */
function isPresent(state: StepState | undefined): boolean {
  return state !== undefined && state.status !== 'stopped';
}

function isEnded(state: StepState | undefined): boolean {
  return isPassed(state) || state?.status === 'failed';
}
