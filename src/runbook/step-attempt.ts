import { faultTrace } from '../model/fault-trace.ts';
import { asProblem, FailedProblem, Problem } from '../model/problem.ts';
import type { Clock } from '../ports/clock.ts';
import type { Runbook, StepContext } from './define.ts';
import { acceptedResult } from './step-result.ts';
import { limitReached, timeLimitMs } from './time-limit.ts';

/** `stopped`: this process has to leave the step unfinished (Ctrl-C, lost lease); nothing is journaled and a resume begins it again. */
export type AttemptOutcome =
  | { readonly end: 'succeeded'; readonly value: unknown; readonly json: unknown; readonly seconds: number }
  | { readonly end: 'failed'; readonly problem: Problem; readonly seconds: number }
  | { readonly end: 'stopped' };

/** How long a step may take to return after its signal was aborted, in milliseconds; then it is abandoned. */
const grace = 5000;

/** One attempt at one step: its time limit, its signal, its result checked. Never rejects. */
export async function attemptStep(
  step: Runbook['steps'][number],
  context: Omit<StepContext<unknown, Record<string, unknown>, unknown>, 'signal'>,
  world: {
    readonly clock: Clock;
    /** This process must stop. */
    readonly stop: AbortSignal;
    /** The run was cancelled; absent for steps that run all the same. */
    readonly cancel?: AbortSignal;
  },
): Promise<AttemptOutcome> {
  const { clock, stop, cancel } = world;
  const startedAt = clock.monotonic();
  const seconds = () => clock.monotonic() - startedAt;
  const timeout = new AbortController();
  const over = new AbortController();
  const signal = AbortSignal.any([stop, timeout.signal, ...(cancel === undefined ? [] : [cancel])]);

  const limitMs = timeLimitMs(step.timeout, context);
  const limit = clock.sleep(limitMs, over.signal).then(
    () => timeout.abort(timedOut(step, limitMs)),
    () => undefined,
  );
  const work = (async () => ({ raw: await step.run({ ...context, signal }) }))();
  const leftBehind = whenAborted(signal, over.signal).then(async () => {
    await clock.sleep(grace, over.signal);
    throw signal.reason;
  });

  try {
    const { raw } = await Promise.race([work, leftBehind]);
    if (timeout.signal.aborted) throw timeout.signal.reason;
    return { end: 'succeeded', ...acceptedResult(step, raw), seconds: seconds() };
  } catch (thrown) {
    // What a step throws because it was told to stop says nothing; another fault would be lost below the reason.
    const cause = saysNothing(thrown, signal) ? undefined : thrown;
    if (timeout.signal.aborted) return { end: 'failed', problem: timedOut(step, limitMs, cause), seconds: seconds() };
    if (stop.aborted) return { end: 'stopped' };
    if (cancel?.aborted === true) return { end: 'failed', problem: cancelledStep(step, cause), seconds: seconds() };
    return { end: 'failed', problem: asProblem(thrown, `Step ${step.id} failed`), seconds: seconds() };
  } finally {
    over.abort();
    // The one that lost the race may still reject; its outcome no longer matters.
    await Promise.allSettled([limit]);
    leftBehind.catch(() => undefined);
    work.catch(() => undefined);
  }
}

/** Resolves once `signal` is aborted; never when `over` comes first. */
function whenAborted(signal: AbortSignal, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true, signal: over });
  });
}

function saysNothing(thrown: unknown, signal: AbortSignal): boolean {
  return (
    thrown === signal.reason ||
    (thrown instanceof Problem && faultTrace(thrown).length === 0) ||
    (thrown instanceof Error && thrown.name === 'AbortError')
  );
}

function timedOut(step: { readonly id: string }, limitMs: number, cause?: unknown): FailedProblem {
  return new FailedProblem({
    code: 'timeout',
    happened: limitReached(step.id, limitMs),
    state: 'The step was told to stop; its work may be half done.',
    next: `Read the log of the step to see what it was waiting for: \`cardea logs RUN ${step.id}\`.`,
    cause,
  });
}

function cancelledStep(step: { readonly id: string }, cause?: unknown): FailedProblem {
  return new FailedProblem({
    code: 'cancelled',
    happened: `Step ${step.id} was stopped because the run was cancelled.`,
    state: 'The work of the step may be half done.',
    next: 'See which steps had finished with `cardea run show RUN`.',
    cause,
  });
}
