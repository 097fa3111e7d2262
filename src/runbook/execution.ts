import type { StepState } from '../journal/run-state.ts';
import type { RunEventBody } from '../journal/event.ts';
import { pace } from '../journal/pace.ts';
import type { StepLog, StepLogs } from '../journal/step-log.ts';
import { faultTrace } from '../model/fault-trace.ts';
import { FailedProblem, type Problem, type ProblemDocument } from '../model/problem.ts';
import type { Runbook } from './define.ts';
import type { EngineWorld } from './engine-world.ts';
import type { OpenRun } from './open-run.ts';
import { leaving } from './outcome.ts';
import { waitBeforeRetry } from './retry.ts';
import { nextMoves } from './schedule.ts';
import { attemptStep } from './step-attempt.ts';
import { storedResult } from './step-result.ts';

type AnyStep = Runbook['steps'][number];

export interface Execution {
  readonly world: EngineWorld;
  readonly runbook: Runbook;
  readonly services: unknown;
  readonly params: unknown;
  readonly open: OpenRun;
  readonly logs: StepLogs;
  readonly epoch: number;
  /** Aborted when this process must leave the run: Ctrl-C or a lost lease. */
  readonly stop: AbortSignal;
}

/** How often a running process checks for a request to cancel, in milliseconds. */
const lookInterval = 1000;

/**
 * Executes every step that can be executed. Resolves with nothing when the run is over and only its last event is
 * missing, or with the problem that stopped this process earlier; the run can then be resumed. Never rejects.
 */
export async function carryOut(execution: Execution): Promise<Problem | undefined> {
  const { runbook, params, open } = execution;
  const broken = new AbortController();
  const stop = AbortSignal.any([execution.stop, broken.signal]);
  const results = new Map<string, unknown>();
  const underWay = new Map<string, Promise<void>>();

  const guarded = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      broken.abort(error);
    }
  };

  const done = new AbortController();
  const looking = guarded(() => lookForCancel(execution, AbortSignal.any([done.signal, stop])));

  await guarded(async () => {
    for (const step of runbook.steps) {
      const known = open.state().steps[step.id];
      if (known?.status === 'succeeded') results.set(step.id, storedResult(step, known.result));
    }
    for (;;) {
      if (stop.aborted) break;
      const moves = nextMoves(runbook.steps, {
        steps: open.state().steps,
        underWay: new Set(underWay.keys()),
        params,
        results: Object.fromEntries(results),
        cancelled: open.cancel.aborted,
        pivot: runbook.pivot,
      });
      for (const { step, reason } of moves.skip) {
        await open.journal.append({ type: 'step-skipped', step: step.id, reason });
      }
      for (const step of moves.start) {
        const work = guarded(() => carryOutStep(execution, step, results, stop));
        underWay.set(
          step.id,
          work.finally(() => underWay.delete(step.id)),
        );
      }
      if (moves.skip.length > 0) continue;
      if (underWay.size === 0) break;
      await Promise.race(underWay.values());
    }
  });
  await Promise.all(underWay.values());
  done.abort();
  await looking;
  return stop.aborted ? leaving(stop.reason, 'The run was stopped') : undefined;
}

async function lookForCancel({ world, open }: Execution, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    try {
      await world.clock.sleep(lookInterval, over);
    } catch {
      return; // the run is over
    }
    try {
      await open.journal.refresh();
    } catch (error) {
      // Only what the journal says ends the run. A look that could not be taken is taken again: it would only have come
      // later.
      if (error instanceof FailedProblem) throw error;
    }
  }
}

async function carryOutStep(
  execution: Execution,
  step: AnyStep,
  results: Map<string, unknown>,
  stop: AbortSignal,
): Promise<void> {
  const { world, open } = execution;
  const { clock } = world;
  const { journal } = open;
  const cancel = step.always !== undefined ? {} : { cancel: open.cancel };
  const log = execution.logs.of(step.id);
  const known = (): StepState | undefined => open.state().steps[step.id];

  for (;;) {
    const wait = Date.parse(known()?.retryAt ?? '') - clock.now().getTime();
    if (wait > 0) {
      try {
        await clock.sleep(wait, AbortSignal.any([stop, ...Object.values(cancel)]));
      } catch {
        return; // stopped or cancelled while waiting; the journal still says that it waits
      }
    }
    const attempt = (known()?.attempts ?? 0) + 1;
    await journal.append({ type: 'step-started', step: step.id, attempt });
    const progress = progressRecorder(execution, step.id);
    const outcome = await attemptStep(
      step,
      { ...contextOf(execution, step, results), attempt, progress: progress.report, log: (line) => log.line(line) },
      {
        clock,
        stop,
        ...cancel,
      },
    );
    await progress.end();
    await log.flush();
    if (outcome.end === 'stopped') return;
    const seconds = roundedSeconds(outcome.seconds);
    if (outcome.end === 'succeeded') {
      await journal.append({ type: 'step-succeeded', step: step.id, result: outcome.json, seconds });
      results.set(step.id, outcome.value);
      return;
    }
    const failures = (known()?.failures ?? 0) + 1;
    const again = waitBeforeRetry(step.retry, outcome.problem, failures, random(world));
    const problem = await told(execution, step, log, outcome.problem, attempt);
    await journal.append({
      type: 'step-failed',
      step: step.id,
      attempt,
      problem,
      seconds,
      ...(again === undefined ? {} : { retryAt: new Date(clock.now().getTime() + again).toISOString() }),
    });
    // The store may have been away, perhaps because of the very fault; the journal has waited for it.
    await log.flush();
    if (again === undefined) return;
  }
}

/**
 * A problem as the journal and a terminal get it: of a fault below it one line and where to read the rest, for its
 * trace goes into the step's log.
 */
async function told(
  { open }: Execution,
  step: AnyStep,
  log: StepLog,
  problem: Problem,
  attempt: number,
): Promise<ProblemDocument> {
  const document = problem.toDocument();
  const trace = faultTrace(problem);
  if (trace.length === 0) return document;
  log.line(`attempt ${attempt} failed: ${document.happened}`);
  for (const line of trace) log.line(`  ${line}`);
  await log.flush();
  const next = `${document.next} Where it came from in the code: \`cardea logs ${open.state().run} ${step.id}\`.`;
  return { ...document, next };
}

function contextOf(
  { runbook, services, params, open, epoch }: Execution,
  step: AnyStep,
  results: Map<string, unknown>,
) {
  const { run, environment, steps, startedAt, begun } = open.state();
  const earlier = steps[step.id]?.earlier;
  return {
    run,
    step: step.id,
    environment,
    epoch,
    begun,
    startedAt: new Date(steps[step.id]?.startedAt ?? startedAt),
    params,
    earlier: earlier === undefined ? undefined : storedResult(step, earlier),
    results: Object.fromEntries(
      runbook.steps.filter(({ id }) => step.needs.includes(id)).map(({ id }) => [id, results.get(id)]),
    ),
    services,
  };
}

/**
 * Progress is shown at once, and journaled now and then for people who watch from elsewhere. The step never waits for
 * it.
 */
function progressRecorder({ world, open }: Execution, step: string) {
  const due = pace(world.clock, 15);
  let writing: Promise<unknown> | undefined;
  let over = false;
  return {
    report: (progress: Extract<RunEventBody, { type: 'step-progress' }>['progress']) => {
      if (over) return;
      world.onProgress?.(step, progress);
      if (writing !== undefined || !due.isDue()) return;
      // If the journal cannot be written any more, the next event of the step itself will fail.
      writing = open.journal
        .append({ type: 'step-progress', step, progress })
        .catch(() => undefined)
        .finally(() => {
          writing = undefined;
        });
    },
    async end() {
      over = true;
      await writing;
    },
  };
}

/** A number from 0 to 1, from the world's randomness. */
function random({ ids }: EngineWorld): number {
  return Number.parseInt(ids.token(6), 36) / 36 ** 6;
}

function roundedSeconds(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
