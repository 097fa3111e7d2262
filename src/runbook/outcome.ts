import type { RunEventBody, StepMeasure } from '../journal/event.ts';
import type { RunState, StepState } from '../journal/run-state.ts';
import { faultTrace } from '../model/fault-trace.ts';
import {
  asProblem,
  FailedProblem,
  Problem,
  type ProblemDocument,
  problemFromDocument,
  problemOf,
} from '../model/problem.ts';
import type { Runbook } from './define.ts';
import { hasBegun } from './schedule.ts';

/**
 * How a run ended. An `interrupted` run has not ended and can be resumed. `problem` is present unless the run
 * succeeded.
 */
export interface RunOutcome {
  readonly run: string;
  readonly status: 'succeeded' | 'failed' | 'refused' | 'cancelled' | 'interrupted';
  /** JSON of each finished step's result, by step id. */
  readonly results: Readonly<Record<string, unknown>>;
  /** From the start to the end, or to now; interruptions included. */
  readonly seconds: number;
  readonly problem?: Problem;
  /** It had moved data when it failed or was cancelled: it can be carried on until another run decides it. */
  readonly carriesOn?: true;
  /**
   * What the run did all the same but could not write down, one line each: the newest lines of a log, the end in the
   * audit chain.
   */
  readonly unwritten?: readonly string[];
}

/** Pure: the last event of a run in which nothing is left to do. */
export function lastEvent(runbook: Runbook, state: RunState, now: Date): RunEventBody {
  const seconds = secondsSince(state, now);
  const failed = firstFailure(runbook, state);
  if (failed?.problem !== undefined && failed.problem.code !== 'cancelled') {
    const problem = runProblem(runbook, state, failed, failed.problem);
    return { type: 'run-failed', problem: withWayOn(runbook, state, problem), seconds };
  }
  const unfinished = runbook.steps.some((step) => !isPassed(state.steps[step.id]));
  if (!unfinished) return { type: 'run-succeeded', seconds, measured: measuredIn(state) };
  if (state.cancelRequestedBy !== undefined) return { type: 'run-cancelled', seconds };
  return { type: 'run-failed', problem: withWayOn(runbook, state, undone(state).toDocument()), seconds };
}

function measuredIn({ steps }: RunState): Record<string, StepMeasure> {
  const measured = Object.values(steps).flatMap(({ step, status, seconds, attempts, result }) =>
    status === 'succeeded' && seconds !== undefined
      ? [[step, { seconds, attempts, counts: numbersIn(result) }] as const]
      : [],
  );
  return Object.fromEntries(measured);
}

function numbersIn(result: unknown): Record<string, number> {
  const numbers = Object.entries(result ?? {}).filter(
    (field): field is [string, number] => typeof field[1] === 'number',
  );
  return Object.fromEntries(numbers);
}

/** What no code foresaw: whoever reads it must not take the run for done. */
function undone({ run }: RunState): FailedProblem {
  return new FailedProblem({
    code: 'unexpected',
    happened: `Run ${run} came to its end with steps that were neither done nor failed.`,
    state: 'What the finished steps did is in place.',
    next: `See them: cardea run show ${run}.`,
  });
}

/** Pure: whether a run that ended without success may be carried on all the same, because it had moved data. */
export function canCarryOn(runbook: Pick<Runbook, 'pivot'>, state: RunState): boolean {
  const { status, steps } = state;
  return (status === 'failed' || status === 'cancelled') && hasBegun(steps, runbook.pivot);
}

/** Pure: what a finished run's journal says. */
export function outcomeOf(state: RunState, runbook?: Pick<Runbook, 'pivot' | 'wayBack'>): RunOutcome {
  const { run, seconds = 0 } = state;
  const carriesOn = runbook !== undefined && canCarryOn(runbook, state);
  const outcome = { run, results: resultsOf(state), seconds, ...(carriesOn ? { carriesOn } : {}) };
  switch (state.status) {
    case 'succeeded':
      return { ...outcome, status: 'succeeded' };
    case 'cancelled':
      return { ...outcome, status: 'cancelled', problem: cancelled(state, carriesOn ? runbook : undefined) };
    case 'failed':
    case 'refused':
      return {
        ...outcome,
        status: state.status,
        ...(state.problem === undefined ? {} : { problem: problemFromDocument(state.problem) }),
      };
    case 'running':
    case 'interrupted':
      return { ...outcome, status: 'interrupted' };
  }
}

/** Pure: a run that this process has to leave. */
export function interruptedOutcome(state: RunState, now: Date, problem: Problem): RunOutcome {
  return {
    run: state.run,
    status: 'interrupted',
    results: resultsOf(state),
    seconds: secondsSince(state, now),
    problem,
  };
}

/** Why this process leaves a run. No log tells of a fault that is in no step, so that its trace is told with it. */
export function leaving(thrown: unknown, during: string): Problem {
  const trace = faultTrace(thrown);
  // What a fault of the outside world caused says enough; what no code foresaw must be found.
  if (thrown instanceof Problem && (trace.length === 0 || thrown.code !== 'unexpected')) return thrown;
  const { kind, code, happened, state, next, details } = asProblem(thrown, during);
  return problemOf(kind, { code, happened, state, next, details: [...details, ...trace], cause: thrown });
}

export function interruption(run: string): FailedProblem {
  return new FailedProblem({
    code: 'interrupted',
    happened: `Run ${run} was interrupted.`,
    state:
      'The finished steps are in the journal. A resume does the interrupted step again from its beginning. The lease was released.',
    next: `Continue it with \`cardea run resume ${run}\`, or end it with \`cardea run cancel ${run}\` and a resume.`,
  });
}

function resultsOf(state: RunState): Record<string, unknown> {
  return Object.fromEntries(
    Object.values(state.steps)
      .filter((step) => step.status === 'succeeded')
      .map((step) => [step.step, step.result]),
  );
}

/** The step that failed first; a step that runs at the end counts only if no other failed. */
function firstFailure(runbook: Runbook, state: RunState): StepState | undefined {
  const failed = runbook.steps
    .map((step) => ({ state: state.steps[step.id], always: step.always !== undefined }))
    .filter((step) => step.state?.status === 'failed')
    .sort(
      (a, b) => Number(a.always) - Number(b.always) || ((a.state?.endedAt ?? '') < (b.state?.endedAt ?? '') ? -1 : 1),
    );
  return failed[0]?.state;
}

/**
 * A refusal stays a refusal only if nothing was changed: once another step that writes or destroys has begun, it is a
 * failure. Steps that run at the end do not count, because they clean up. In the same way it is a refusal if a step
 * that only reads could not reach something.
 */
function runProblem(
  runbook: Runbook,
  state: RunState,
  failed: StepState,
  problem: NonNullable<StepState['problem']>,
): NonNullable<StepState['problem']> {
  const couldNotLook =
    problem.problem === 'retryable' && runbook.steps.some(({ id, effect }) => id === failed.step && effect === 'read');
  if (problem.problem !== 'refused' && problem.problem !== 'usage' && !couldNotLook) return problem;
  // Of a step over several nodes that moves data, some may have done it while others refused.
  const moved = hasBegun(state.steps, runbook.pivot);
  const changed =
    moved ||
    runbook.steps.some(
      (step) =>
        // Where data is moved, a refusal stays one until something was stopped: to prepare for it changes nothing.
        (runbook.pivot === undefined ? step.effect !== 'read' : step.effect === 'destroy') &&
        step.always === undefined &&
        step.id !== failed.step &&
        (state.steps[step.id]?.attempts ?? 0) > 0,
    );
  if (changed) return couldNotLook ? problem : { ...problem, problem: 'failed' };
  return couldNotLook ? { ...problem, problem: 'refused' } : problem;
}

/**
 * What a failed run says of itself: what the step says is to be done, and whether the run goes on then. A step cannot know whether its run can be
 * carried on, nor whether what was stopped runs again.
 */
function withWayOn(runbook: Runbook, state: RunState, problem: ProblemDocument): ProblemDocument {
  const { run, environment, steps } = state;
  if (problem.problem === 'refused' || problem.problem === 'usage') return problem;
  if (runbook.noWayOn?.includes(problem.code) === true) return problem;
  if (hasBegun(steps, runbook.pivot)) {
    const back = runbook.wayBack?.(run, environment);
    const next = `${problem.next} To carry this run on: cardea run resume ${run}${back === undefined ? '' : `. Or go back: ${back}`}`;
    return { ...problem, next };
  }
  const ended = { ...problem, next: `${problem.next} This run has ended: start the operation anew.` };
  const again = runbook.steps.filter(({ always }) => always === 'unless-moved').map(({ id }) => steps[id]);
  if (!again.some((step) => step?.status === 'succeeded' || step?.status === 'failed')) return ended;
  const stands = again.every((step) => isPassed(step));
  return stands
    ? {
        ...ended,
        state: 'Nothing was moved or deleted. What had been stopped was started again: everything is as it was.',
      }
    : {
        ...problem,
        state: `Nothing was moved or deleted, but not everything that had been stopped could be started again: ${again.flatMap((step) => step?.problem?.happened ?? []).join(' ')}`,
        next: `Start the servers of ${environment}, then look: cardea status ${environment}. This run has ended.`,
      };
}

function isPassed(step: StepState | undefined): boolean {
  return step?.status === 'succeeded' || step?.status === 'skipped';
}

function secondsSince(state: RunState, now: Date): number {
  return (now.getTime() - Date.parse(state.startedAt)) / 1000;
}

/** `carriesOn`: its runbook, where it had moved data. */
function cancelled(state: RunState, carriesOn: Pick<Runbook, 'wayBack'> | undefined): FailedProblem {
  const back = carriesOn?.wayBack?.(state.run, state.environment);
  return new FailedProblem({
    code: 'cancelled',
    happened: `Run ${state.run} was cancelled by ${state.cancelRequestedBy?.name ?? 'somebody'}.`,
    state:
      carriesOn !== undefined
        ? 'Data was moved, and not all of it is in its place.'
        : 'The steps that had finished before are not undone.',
    next:
      carriesOn !== undefined
        ? `Continue it: cardea run resume ${state.run}${back === undefined ? '' : `. Or go back: ${back}`}`
        : `See which steps had finished: \`cardea run show ${state.run}\`.`,
  });
}
