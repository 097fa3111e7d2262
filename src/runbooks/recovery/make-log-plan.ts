import type { LogFault } from '../../commitlog/verified-stream.ts';
import { requireTimely } from '../../graph/commit-times.ts';
import { type Micros, formatInstant, instantOf, micros } from '../../model/instant.ts';
import type { LogPlan } from '../../model/log-plan.ts';
import { FailedProblem, Problem } from '../../model/problem.ts';
import type { Platform } from '../../ports/platform.ts';
import { runId } from '../../model/identifiers.ts';
import { type BaseChoice, chooseBase, requireReachableEnd } from './choose-base.ts';
import { incompleteInTail } from './incomplete-tail.ts';
import { type Extent, planLogs } from './plan-logs.ts';
import type { LogTarget, ReplayParams } from './replay-params.ts';
import { type RecoveryFacts, readRecoveryFacts } from './recovery-facts.ts';
import { schemasOfHistory } from './schemas-of-history.ts';
import type { RunbookServices } from '../services.ts';
import { plannable } from './truncated-rows.ts';
import { snapshotOf } from '../catalog/snapshot-span.ts';
import { computeWindow } from './window.ts';
import { windowPath } from './window-path.ts';

export interface Planning extends ReplayParams {
  readonly point: string;
  readonly run: string;
  readonly signal: AbortSignal;
}

interface MadePlan {
  readonly plan: LogPlan;
  /** Objects that were left out of consideration because they are damaged. */
  readonly damaged: readonly LogFault[];
}

/**
 * The plan of a run, made from what is in the store now. What the command decided (base, instant, timeline, exclusions)
 * does not change. A plan to the log's end has only what is settled by now: `extendLogPlan` makes the rest when nothing
 * more is written. Throws what `chooseBase` throws.
 */
export async function makeLogPlan(
  services: RunbookServices,
  wanted: Planning,
  { idsKnown }: { readonly idsKnown: boolean },
): Promise<MadePlan> {
  const { toEnd, run, signal } = wanted;
  const found = { ...(await readRecoveryFacts(services, signal)), asked: wanted.point };
  const seen = toEnd ? atItsEnd(found) : found;
  const choice = choiceOf(seen, wanted, instantOf(targetOf(wanted).instant));
  const facts = await plannable(services.platform.bucket, seen, choice);
  const id = runId.parse(run);
  if (toEnd) {
    requireReachableEnd(facts, choice);
    const settled = micros(Math.min(choice.settledUntil, choice.instant - facts.limits.settleMargin));
    return { plan: { run: id, ...planLogs(facts, choice, { idsKnown, settled }) }, damaged: damagedIn(facts) };
  }
  const incomplete = await incompleteTail(services.platform, found, choice, { signal });
  const all = { ...choice, exclusions: [...choice.exclusions, ...incomplete] };
  const plan = { run: id, ...planLogs(facts, all, { idsKnown }), incomplete: incomplete.map(formatInstant) };
  return { plan, damaged: damagedIn(facts) };
}

/**
 * What a plan to the log's end does not have yet, now that nothing more is written: everything that reached a node after
 * what is settled in the plan, up to the newest instant in the store.
 */
export async function extendLogPlan(
  services: RunbookServices,
  wanted: Planning,
  plan: LogPlan,
): Promise<MadePlan & { readonly extent: Extent }> {
  const read = await readRecoveryFacts(services, wanted.signal);
  const seen = atItsEnd({ ...read, asked: wanted.point });
  const choice = choiceOf(seen, wanted, endOf(seen, targetOf(wanted)));
  requireReachableEnd(seen, choice);
  const facts = await plannable(services.platform.bucket, seen, choice);
  const { lead } = windowPath(facts, choice.timeline);
  const incomplete = await incompleteTail(services.platform, seen, choice, { signal: wanted.signal, lead });
  const all = { ...choice, exclusions: [...choice.exclusions, ...incomplete] };
  // A write may come from a server whose clock is ahead of the node's.
  const extent = { since: micros(settledIn(plan) - facts.limits.clockLead), lead };
  const extension = { run: plan.run, ...planLogs(facts, all, extent), incomplete: incomplete.map(formatInstant) };
  return { plan: extension, damaged: damagedIn(facts), extent };
}

/**
 * What of the log cannot be used, on any timeline: of the others the ids are read. What an instant needs was refused when
 * it was chosen, so the plan does without these, and somebody must hear of it.
 */
function damagedIn({ catalog }: RecoveryFacts): readonly LogFault[] {
  return [...catalog.logs.values()]
    .flatMap(({ streams, faults }) => [...faults, ...streams.flatMap((stream) => stream.faults)])
    .filter(({ key }) => key !== '');
}

/** Up to where a plan to the log's end has everything. */
export function settledIn({ strands }: LogPlan): Micros {
  return instantOf(strands.at(-1)?.until ?? '');
}

function choiceOf(facts: RecoveryFacts, wanted: Planning, instant: Micros): BaseChoice {
  const { timeline, exclusions } = targetOf(wanted);
  const choice = chooseBase(facts, {
    instant,
    timeline,
    exclusions: exclusions.map(instantOf),
    base: wanted.point,
    decided: true,
  });
  requireTimely(choice.point.commitTimes, choice.point.id);
  return choice;
}

function targetOf({ logs }: ReplayParams): LogTarget {
  if (logs === undefined) throw new TypeError('a plain restore has no log plan');
  return logs;
}

/**
 * Transactions at the unsettled end of the log that were shipped only in part. Nobody was told that they are committed,
 * and a part of a transaction must not be restored. Transactions acknowledged up to the instant are complete in the
 * store.
 */
async function incompleteTail(
  platform: Platform,
  facts: RecoveryFacts,
  { instant, settledUntil, timeline, point }: BaseChoice,
  { signal, lead = 0 }: { readonly signal: AbortSignal; readonly lead?: number },
): Promise<readonly Micros[]> {
  if (instant <= settledUntil) return [];
  const { settleMargin } = facts.limits;
  // What the base holds cannot be left out. It was complete when the snapshot was taken, or the rest of it is in the
  // log.
  const snapshot = snapshotOf(point);
  const from = micros(Math.max(settledUntil, snapshot.to));
  const tail = { from, to: micros(instant + lead), timeline, settleMargin, base: snapshot.from };
  try {
    const witnesses = await schemasOfHistory(platform, facts, { timeline, instant });
    return await incompleteInTail(platform, witnesses, tail, signal);
  } catch (error) {
    // Nothing was written there.
    if (error instanceof Problem && error.code === 'no-log-there') return [];
    throw error;
  }
}

/**
 * Where everything in the log is wanted, the clock of this machine has no say: if it is behind those of the nodes, what
 * they wrote last is not the future.
 */
export function atItsEnd(facts: RecoveryFacts): RecoveryFacts {
  const streams = [...facts.catalog.logs.values()].flatMap((log) => log.streams);
  const reached = streams.flatMap(({ covered }) => covered.map(({ to }) => to));
  return { ...facts, now: micros(Math.max(facts.now, ...reached)) };
}

/** The newest instant that is in the store, which is never before the one that was decided on. */
function endOf(facts: RecoveryFacts, { timeline, instant }: LogTarget): Micros {
  const { newest } = computeWindow(facts, timeline);
  const end = newest === null ? undefined : instantOf(newest);
  if (end === undefined || end < instantOf(instant)) {
    throw new FailedProblem({
      code: 'log-shrunk',
      happened: `The shipped log of ${timeline} reached ${instant} when this run began; now ${newest === null ? 'no instant in it can be restored' : `it reaches only ${newest}`}.`,
      state: 'Nothing was moved or deleted yet. The JanusGraph servers are stopped.',
      next: 'See what is wrong with the log: `cardea window ENV`. Then restore to an earlier instant.',
    });
  }
  return end;
}
