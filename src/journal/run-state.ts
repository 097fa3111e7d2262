import type { ProblemDocument } from '../model/problem.ts';
import type { ProcessIdentity } from '../model/process-identity.ts';
import type { Progress } from '../model/progress.ts';
import type { Actor, RunEvent, RunEventBody, StepMeasure } from './event.ts';

/**
 * `refused`: the run ended before anything was changed. `interrupted` is never in a journal: it is a `running` run
 * whose process is gone (see liveness.ts) and that can be resumed.
 */
export type RunStatus = 'running' | 'interrupted' | 'succeeded' | 'failed' | 'refused' | 'cancelled';

/** `stopped`: the step was running when the run ended because of a cancel or a failure elsewhere. */
export type StepStatus = 'running' | 'retrying' | 'succeeded' | 'failed' | 'skipped' | 'stopped';

/**
 * A step that has begun or was skipped; other steps are not in the journal. Times are ISO strings, durations seconds.
 */
export interface StepState {
  readonly step: string;
  readonly status: StepStatus;
  readonly attempts: number;
  readonly failures: number;
  readonly startedAt?: string;
  readonly endedAt?: string;
  /** Of the attempt that ended it. */
  readonly seconds?: number;
  readonly result?: unknown;
  /** Of a step that is done again: its result of before. */
  readonly earlier?: unknown;
  readonly problem?: ProblemDocument;
  readonly progress?: Progress;
  readonly retryAt?: string;
  readonly skipped?: string;
}

export interface RunState {
  readonly run: string;
  readonly runbook: string;
  readonly runbookVersion: number;
  readonly environment: string;
  readonly params: unknown;
  readonly planHash: string;
  readonly actor: Actor;
  readonly holder: ProcessIdentity;
  readonly leased: boolean;
  /** The copy that it holds the lease of; absent when it is the environment. */
  readonly copy?: string;
  readonly confirmed?: string;
  readonly status: RunStatus;
  readonly startedAt: string;
  readonly lastEventAt: string;
  readonly endedAt?: string;
  /** From start to end, interruptions included. */
  readonly seconds?: number;
  readonly problem?: ProblemDocument;
  /** What its steps took, of a run that succeeded: its last event alone says it. */
  readonly measured?: Readonly<Record<string, StepMeasure>>;
  readonly cancelRequestedBy?: Actor;
  readonly epoch: number;
  /** Of its first event. */
  readonly begun: number;
  readonly resumed: number;
  readonly events: number;
  readonly steps: Readonly<Record<string, StepState>>;
}

/** Pure: what a run's events, in order, say about it. Undefined for none. */
export function replay(events: readonly RunEvent[]): RunState | undefined {
  let state: RunState | undefined;
  for (const event of events) state = applyEvent(state, event);
  return state;
}

/** The state after one more event. Events before `run-started` say nothing. */
export function applyEvent(state: RunState | undefined, event: RunEvent): RunState | undefined {
  const body = event.event;
  if (body.type === 'run-started') return started(event, body);
  if (state === undefined) return undefined;
  const before = body.type === 'run-resumed' ? reopened(state, body.again ?? []) : state;
  return {
    ...before,
    ...runChange(state, event, body),
    lastEventAt: event.at,
    epoch: Math.max(state.epoch, event.epoch),
    events: event.sequence,
  };
}

function started(event: RunEvent, body: Extract<RunEventBody, { type: 'run-started' }>): RunState {
  const { type: _type, params, ...rest } = body;
  return {
    run: event.run,
    ...withoutUndefined(rest),
    params,
    status: 'running',
    startedAt: event.at,
    lastEventAt: event.at,
    epoch: event.epoch,
    begun: event.epoch,
    resumed: 0,
    events: event.sequence,
    steps: {},
  };
}

function runChange(state: RunState, event: RunEvent, body: RunEventBody): Partial<RunState> {
  switch (body.type) {
    case 'run-started':
      return {};
    case 'run-resumed':
      return {
        holder: body.holder,
        resumed: state.resumed + 1,
        ...(body.confirmed === undefined ? {} : { confirmed: body.confirmed }),
      };
    case 'cancel-requested':
      return { cancelRequestedBy: body.actor };
    case 'run-succeeded':
      return {
        ...ended(state),
        status: 'succeeded',
        endedAt: event.at,
        seconds: body.seconds,
        ...(body.measured === undefined ? {} : { measured: body.measured }),
      };
    case 'run-cancelled':
      return { ...ended(state), status: 'cancelled', endedAt: event.at, seconds: body.seconds };
    case 'run-failed':
      return {
        ...ended(state),
        status: isRefusal(body.problem) ? 'refused' : 'failed',
        endedAt: event.at,
        seconds: body.seconds,
        problem: body.problem,
      };
    default:
      return { steps: { ...state.steps, [body.step]: stepChange(state.steps[body.step], event, body) } };
  }
}

/**
 * The state that a resume goes on from. Of a run that had ended, what had failed is to do, its failures counted anew; a cancel that ended it is
 * past. The steps to do `again` are to do whatever they had come to.
 */
function reopened(state: RunState, again: readonly string[]): RunState {
  const hadEnded = state.status !== 'running';
  const steps = Object.entries(state.steps).map(([id, step]): [string, StepState] => {
    if (!again.includes(id) && !(hadEnded && step.status === 'failed')) return [id, step];
    const { attempts, startedAt, result } = step;
    const kept = withoutUndefined({ startedAt, earlier: result ?? step.earlier });
    return [id, { step: id, status: 'stopped', attempts, failures: 0, ...kept }];
  });
  const open = { ...state, steps: Object.fromEntries(steps) };
  if (!hadEnded) return open;
  const { endedAt: _endedAt, seconds: _seconds, problem: _problem, cancelRequestedBy: _cancel, ...kept } = open;
  return { ...kept, status: 'running' };
}

function ended(state: RunState): Pick<RunState, 'steps'> {
  const stopped = (step: StepState): StepState =>
    step.status === 'running' || step.status === 'retrying' ? { ...step, status: 'stopped' } : step;
  return { steps: Object.fromEntries(Object.entries(state.steps).map(([id, step]) => [id, stopped(step)])) };
}

type StepEvent = Extract<RunEventBody, { step: string }>;

function stepChange(before: StepState | undefined, event: RunEvent, body: StepEvent): StepState {
  const step: StepState = before ?? { step: body.step, status: 'running', attempts: 0, failures: 0 };
  switch (body.type) {
    case 'step-started': {
      const { progress: _progress, retryAt: _retryAt, problem: _problem, ...kept } = step;
      return { ...kept, status: 'running', attempts: body.attempt, startedAt: step.startedAt ?? event.at };
    }
    case 'step-progress':
      return { ...step, progress: body.progress };
    case 'step-succeeded':
      return { ...step, status: 'succeeded', endedAt: event.at, seconds: body.seconds, result: body.result };
    case 'step-failed': {
      const failed = { ...step, failures: step.failures + 1, seconds: body.seconds, problem: body.problem };
      return body.retryAt === undefined
        ? { ...failed, status: 'failed', endedAt: event.at }
        : { ...failed, status: 'retrying', retryAt: body.retryAt };
    }
    case 'step-skipped':
      return { ...step, status: 'skipped', endedAt: event.at, skipped: body.reason };
  }
}

/** A run that ended with one of these changed nothing. */
function isRefusal(problem: ProblemDocument): boolean {
  return problem.problem === 'refused' || problem.problem === 'usage';
}

function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
