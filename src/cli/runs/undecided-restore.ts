import { z } from 'zod';
import { listRuns, showRun, type RunsWorld, type ShownRun } from '../../journal/runs.ts';
import type { RunState } from '../../journal/run-state.ts';
import type { TrustingWorld } from '../../journal/vouching.ts';
import { Problem, UsageProblem } from '../../model/problem.ts';
import type { RestoreRecord } from '../../model/restore-record.ts';
import { canCarryOn } from '../../runbook/outcome.ts';
import { leftRun } from '../../runbooks/catalog/left-run.ts';
import { listRestores, toBeRestored } from '../../runbooks/catalog/restore-catalog.ts';
import { restoreOf } from '../../runbooks/catalog/restore-standing.ts';
import { resumeCommand } from '../../runbook/resume-command.ts';
import { findRunbook } from '../../runbooks/index.ts';
import { type ResumeWay, resumeWay } from './resume-way.ts';

/** A restore whose old data lies aside, with the runs that made it and that decide it as they stand; undefined without a journal. */
export interface UndecidedRestore {
  readonly record: RestoreRecord;
  readonly state: RunState | undefined;
  readonly decider: RunState | undefined;
  /** How these runs are carried on from this machine, by their ids, where that is not by `run resume` alone. */
  readonly ways?: ReadonlyMap<string, ResumeWay>;
}

export interface WayOn {
  /** What state it is in, as the end of a sentence that begins with the run. */
  readonly says: string;
  /** The one command that is safe and works now. */
  readonly next: string;
  /** `waits`: for a person; `broken`: it stopped half way; `goes-on`: a process carries it out. */
  readonly kind: 'waits' | 'broken' | 'goes-on';
}

/**
 * The restores that are undecided, and the runs that cannot be carried on because another has decided what they left. Throws what reading a
 * journal throws.
 */
export async function restoreDecisions(world: RunsWorld & TrustingWorld): Promise<{
  readonly undecided: readonly UndecidedRestore[];
  readonly decided: ReadonlyMap<string, RestoreRecord>;
  /** The environment must be restored: this one was given up with the data half in place. */
  readonly givenUp: RestoreRecord | undefined;
  /** It was left after it had stopped servers: nothing else that changes the environment begins before it ends. */
  readonly leftRun: string | undefined;
  /** Records that cannot be read, a sentence each: what the journals say of them counts. */
  readonly damagedRecords: readonly string[];
}> {
  const find = async (run: string | undefined) => {
    if (run === undefined) return undefined;
    try {
      return await showRun(world, run);
    } catch (error) {
      // Removed, damaged, or of a bucket that was made anew: the record still says what lies on the disks.
      if (error instanceof UsageProblem || (error instanceof Problem && error.code === 'journal-damaged'))
        return undefined;
      throw error;
    }
  };
  const left = await leftRun(world.store, world.clock.now(), async ({ run }) => {
    const state = (await find(run))?.state;
    return state?.status === 'interrupted' && isCarriedOn(state);
  });
  // Until that one ends, a later one of the same restore would be refused.
  const decides = async (restore: string) =>
    left !== undefined && restoreOf(left.params) === restore ? find(left.run) : beganToDecide(world, restore, find);
  const undecided: UndecidedRestore[] = [];
  const decided = new Map<string, RestoreRecord>();
  const damagedRecords: string[] = [];
  const records = await listRestores(world.store, (damage) => damagedRecords.push(damage));
  for (const record of records) {
    if (record.state !== 'open') decided.set(record.run, record);
    if (record.state === 'accepted' || record.state === 'reverted') continue;
    const [shown, decider] = await Promise.all([
      find(record.run),
      record.deciding === undefined ? decides(record.run) : find(record.deciding),
    ]);
    const ways = new Map<string, ResumeWay>();
    for (const each of [shown, decider]) {
      if (each === undefined || !isCarriedOn(each.state)) continue;
      const way = await resumeWay(world, each, record.environment);
      if (way.doubt !== undefined) ways.set(each.state.run, way);
    }
    undecided.push({ record, state: shown?.state, decider: decider?.state, ways });
  }
  // One that has moved nothing yet has replaced nothing.
  const unmoved = new Set<string>(
    undecided
      .filter(({ state }) => state?.runbook === 'restore' && state.steps['set-aside'] === undefined)
      .map(({ record }) => record.run),
  );
  const givenUp = toBeRestored(records.filter(({ run }) => !unmoved.has(run)));
  return { undecided, decided, givenUp, leftRun: left?.run, damagedRecords };
}

/** The newest accept or revert of a restore that has not come so far as to note that it decides, and is not over either. */
async function beganToDecide(
  world: RunsWorld,
  restore: string,
  find: (run: string) => Promise<ShownRun | undefined>,
): Promise<ShownRun | undefined> {
  for (const runbook of ['revert', 'accept']) {
    for (const each of await listRuns(world, { limit: 10, runbook })) {
      if (each.status !== 'interrupted' && each.status !== 'running') continue;
      const shown = await find(each.run);
      if (shown !== undefined && restoreOf(shown.state.params) === restore) return shown;
    }
  }
  return undefined;
}

/**
 * Pure: whether nothing is left for a run to do, because another run has decided the restore that it made, or that it was to accept or revert.
 */
export function isMoot(
  { run, params }: { readonly run: string; readonly params: unknown },
  decided: ReadonlyMap<string, RestoreRecord>,
): boolean {
  const restore = decided.get(restoreOf(params) ?? '');
  return decided.has(run) || (restore !== undefined && (restore.closed?.run ?? restore.deciding) !== run);
}

/** Pure: how an undecided restore goes on. */
export function wayOn({ record, state, decider, ways }: UndecidedRestore): WayOn {
  const resumeOf = (run: string) => (ways?.has(run) === true ? ways.get(run)?.command : resumeCommand(run));
  const doubted = (run: string) => {
    const doubt = ways?.get(run)?.doubt;
    return doubt === undefined ? '' : ` (of ${run}: ${doubt})`;
  };
  const asked = (of: RunState) =>
    of.status === 'interrupted' && of.cancelRequestedBy !== undefined
      ? ` (the cancel of ${of.run} was asked for: a resume ends it as cancelled)`
      : '';
  const { run, environment } = record;
  const revert = `cardea restore revert ${run} --confirm ${environment}`;
  const accept = `cardea restore accept ${run} --confirm ${environment}`;
  if (record.state === 'accepting' || record.state === 'reverting') {
    const verb = record.state === 'accepting' ? 'accepted' : 'reverted';
    const again = record.state === 'accepting' ? accept : revert;
    if (decider?.status === 'running') {
      return { kind: 'goes-on', says: `is being ${verb}`, next: `cardea run show ${decider.run} --follow` };
    }
    if (decider !== undefined && isCarriedOn(decider)) {
      const given = givesUp(decider);
      if (given !== undefined) return { kind: 'broken', says: `is ${verb} half way, and cannot be`, next: given };
      const says = `is ${verb} half way${asked(decider)}${doubted(decider.run)}`;
      return { kind: 'broken', says, next: resumeOf(decider.run) ?? again };
    }
    return { kind: 'broken', says: `is ${verb} half way`, next: again };
  }
  const idle = decider !== undefined && wouldBeRefused(record, state, decider);
  if (decider !== undefined && !idle) {
    const verb = decider.runbook === 'accept' ? 'accept' : 'revert';
    return decider.status === 'running'
      ? { kind: 'goes-on', says: `is being ${verb}ed`, next: `cardea run show ${decider.run} --follow` }
      : {
          kind: 'broken',
          says: `has an interrupted ${verb}${asked(decider)}${doubted(decider.run)}`,
          next: resumeOf(decider.run) ?? (decider.runbook === 'accept' ? accept : revert),
        };
  }
  if (state?.status === 'running') {
    return { kind: 'goes-on', says: 'is under way', next: `cardea run show ${run} --follow` };
  }
  if (state?.status === 'succeeded' || ((idle || state === undefined) && record.half === true)) {
    return record.half === true
      ? { kind: 'waits', says: 'has moved aside what a restore that broke off had brought', next: accept }
      : { kind: 'waits', says: 'waits for a person', next: `${accept}, or to go back: ${revert}` };
  }
  const how = state === undefined ? 'has no journal that can be read' : wordOf(state);
  const keep = `; to keep what it brought, unproven, when you have looked at it: ${accept.replace(' --confirm', ' --unproven --confirm')}`;
  const resume = state !== undefined && isCarriedOn(state) ? resumeOf(run) : undefined;
  const next = resume === undefined ? revert : `${resume}, or to go back: ${revert}`;
  const begun = idle ? ` (${decider.run} was interrupted; to carry it on would be refused before that)` : '';
  return {
    kind: 'broken',
    says: `${how}, ${halfText(state)}${begun}${state === undefined ? '' : asked(state)}${doubted(run)}${mayServe(state) ? keep : ''}`,
    next,
  };
}

const decisionOptions = z.object({ lost: z.array(z.string()).default([]), unproven: z.boolean().default(false) });

/**
 * Whether a decision that broke off before it was noted would be refused again: somebody wanted to accept what has not come to its end, and
 * what the restore itself needs comes first. A cancel is never refused.
 */
function wouldBeRefused(record: RestoreRecord, state: RunState | undefined, decider: RunState): boolean {
  if (decider.status === 'running' || decider.cancelRequestedBy !== undefined) return false;
  if (decider.runbook === 'revert') return record.half === true;
  if (record.half === true || state?.status === 'succeeded') return false;
  const options = decisionOptions.safeParse(decider.params).data;
  return options?.lost.length === 0 && !(options.unproven && mayServe(state));
}

/** The graph may serve what the restore brought, so a person may keep it: of a run without a journal nobody knows. */
function mayServe(state: RunState | undefined): boolean {
  return state === undefined || state.steps['rebuild-index']?.status === 'succeeded';
}

function halfText(state: RunState | undefined): string {
  if (state === undefined) return 'so the data may be half in place';
  return state.steps['rebuild-index']?.status === 'succeeded'
    ? 'and the graph serves what it brought'
    : 'with the data half in place';
}

/** The command that a revert named when it met a node that keeps nothing any more: to carry it on leads nowhere. */
function givesUp({ status, problem }: RunState): string | undefined {
  if (status !== 'failed' || problem?.code !== 'nothing-aside') return undefined;
  return /cardea restore accept \S+ --lost [^.:]+ --confirm \S+(?=\.)/.exec(problem.next)?.[0];
}

/** Whether `run resume` does something with it: not with a run of another version of its runbook. */
function isCarriedOn(state: RunState): boolean {
  const runbook = findRunbook(state.runbook, state.runbookVersion);
  return runbook !== undefined && (state.status === 'interrupted' || canCarryOn(runbook, state));
}

function wordOf({ status }: RunState): string {
  switch (status) {
    case 'interrupted':
      return 'was interrupted';
    case 'cancelled':
      return 'was cancelled';
    default:
      return `ended as ${status}`;
  }
}
