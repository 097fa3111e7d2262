import { type Micros, instantOf } from '../model/instant.ts';
import type { LogPlan } from '../model/log-plan.ts';
import { FailedProblem } from '../model/problem.ts';
import { runId } from '../model/identifiers.ts';
import { chooseBase } from './choose-base.ts';
import { planLogs } from './log-plan.ts';
import type { LogTarget, ReplayParams } from './log-steps.ts';
import { type RecoveryFacts, readRecoveryFacts } from './recovery-facts.ts';
import type { RunbookServices } from './services.ts';
import { computeWindow } from './window.ts';

/**
 * The plan of a run by what is in the store now. What the command decided stands: base, instant, timeline, exclusions; only a run that goes
 * to the log's end takes what was shipped since. Throws what `chooseBase` throws.
 */
export async function makeLogPlan(
  services: RunbookServices,
  wanted: ReplayParams & { readonly point: string; readonly run: string; readonly signal: AbortSignal },
): Promise<LogPlan> {
  const { logs, toEnd, point, run, signal } = wanted;
  if (logs === undefined) throw new TypeError('a plain restore has no log plan');
  const facts = await readRecoveryFacts(services, signal);
  const { timeline, exclusions } = logs;
  const choice = chooseBase(facts, {
    instant: toEnd ? endOf(facts, logs) : instantOf(logs.instant),
    timeline,
    exclusions: exclusions.map(instantOf),
    base: point,
  });
  return { run: runId.parse(run), ...planLogs(facts, choice) };
}

/** The newest instant that is in the store, which is never before the one that was decided on. */
function endOf(facts: RecoveryFacts, { timeline, instant }: LogTarget): Micros {
  const { newest } = computeWindow(facts, timeline);
  const end = newest === null ? undefined : instantOf(newest);
  if (end === undefined || end < instantOf(instant)) {
    throw new FailedProblem({
      code: 'log-shrunk',
      happened: `The shipped log of ${timeline} reached ${instant} when this run began, and reaches ${newest ?? 'nowhere'} now.`,
      state: 'Nothing was moved or deleted yet; the graph servers are stopped.',
      next: 'Look at cardea window for what is wrong with the log; start the graph again with cardea sandbox up, or restore to an earlier instant.',
    });
  }
  return end;
}
