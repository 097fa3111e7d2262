import type { RunEventBody } from '../journal/event.ts';
import type { RunState, StepState } from '../journal/run-state.ts';
import { FailedProblem, problemFromDocument, type Problem } from '../model/problem.ts';
import type { Runbook } from './define.ts';

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
}

/** Pure: the last event of a run in which nothing is left to do. */
export function lastEvent(runbook: Runbook, state: RunState, now: Date): RunEventBody {
  const seconds = secondsSince(state, now);
  const failed = firstFailure(runbook, state);
  if (failed?.problem !== undefined && failed.problem.code !== 'cancelled') {
    return { type: 'run-failed', problem: runProblem(runbook, state, failed, failed.problem), seconds };
  }
  const unfinished = runbook.steps.some((step) => !isPassed(state.steps[step.id]));
  if (state.cancelRequestedBy !== undefined && unfinished) return { type: 'run-cancelled', seconds };
  return { type: 'run-succeeded', seconds };
}

/** Pure: what a finished run's journal says. */
export function outcomeOf(state: RunState): RunOutcome {
  const { run, seconds = 0 } = state;
  const outcome = { run, results: resultsOf(state), seconds };
  switch (state.status) {
    case 'succeeded':
      return { ...outcome, status: 'succeeded' };
    case 'cancelled':
      return { ...outcome, status: 'cancelled', problem: cancelled(state) };
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
  const changed = runbook.steps.some(
    (step) =>
      step.effect !== 'read' &&
      step.always === undefined &&
      step.id !== failed.step &&
      (state.steps[step.id]?.attempts ?? 0) > 0,
  );
  if (changed) return couldNotLook ? problem : { ...problem, problem: 'failed' };
  return couldNotLook ? { ...problem, problem: 'refused' } : problem;
}

function isPassed(step: StepState | undefined): boolean {
  return step?.status === 'succeeded' || step?.status === 'skipped';
}

function secondsSince(state: RunState, now: Date): number {
  return (now.getTime() - Date.parse(state.startedAt)) / 1000;
}

function cancelled(state: RunState): FailedProblem {
  return new FailedProblem({
    code: 'cancelled',
    happened: `Run ${state.run} was cancelled by ${state.cancelRequestedBy?.name ?? 'somebody'}.`,
    state: 'The steps that had finished before are not undone.',
    next: `See which steps had finished: \`cardea run show ${state.run}\`.`,
  });
}
