import { listRuns, showRun, type RunsWorld } from '../../journal/runs.ts';
import type { RunState } from '../../journal/run-state.ts';
import { UsageProblem } from '../../model/problem.ts';
import type { RestoreRecord } from '../../model/restore-record.ts';
import { canCarryOn } from '../../runbook/outcome.ts';
import { listRestores } from '../../runbooks/catalog/restore-catalog.ts';
import { findRunbook } from '../../runbooks/index.ts';

/** A restore whose old data lies aside, with the runs that made it and that decide it as they stand; undefined without a journal. */
export interface UndecidedRestore {
  readonly record: RestoreRecord;
  readonly state: RunState | undefined;
  readonly decider: RunState | undefined;
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
export async function restoreDecisions(
  world: RunsWorld,
): Promise<{ readonly undecided: readonly UndecidedRestore[]; readonly decided: ReadonlyMap<string, RestoreRecord> }> {
  const find = async (run: string | undefined) => {
    if (run === undefined) return undefined;
    try {
      return (await showRun(world, run)).state;
    } catch (error) {
      // Removed, or of a bucket that was made anew: the record still says what lies on the disks.
      if (error instanceof UsageProblem) return undefined;
      throw error;
    }
  };
  const undecided: UndecidedRestore[] = [];
  const decided = new Map<string, RestoreRecord>();
  for (const record of await listRestores(world.store)) {
    if (record.state !== 'open') decided.set(record.run, record);
    if (record.state === 'accepted' || record.state === 'reverted') continue;
    const [state, decider] = await Promise.all([
      find(record.run),
      record.deciding === undefined ? beganToDecide(world, record.run) : find(record.deciding),
    ]);
    undecided.push({ record, state, decider });
  }
  return { undecided, decided };
}

/** The newest accept or revert of a restore that has not come so far as to note that it decides, and is not over either. */
async function beganToDecide(world: RunsWorld, restore: string): Promise<RunState | undefined> {
  for (const runbook of ['revert', 'accept']) {
    for (const each of await listRuns(world, { limit: 10, runbook })) {
      if (each.status !== 'interrupted' && each.status !== 'running') continue;
      const { state } = await showRun(world, each.run);
      if (restoreOf(state.params) === restore) return state;
    }
  }
  return undefined;
}

/** Which restore an accept or a revert is about; undefined for any other run. */
function restoreOf(params: unknown): string | undefined {
  const found = typeof params === 'object' && params !== null && 'restore' in params ? params.restore : undefined;
  return typeof found === 'string' ? found : undefined;
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
export function wayOn({ record, state, decider }: UndecidedRestore): WayOn {
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
      return { kind: 'broken', says: `is ${verb} half way`, next: `cardea run resume ${decider.run}` };
    }
    return { kind: 'broken', says: `is ${verb} half way`, next: again };
  }
  if (decider !== undefined) {
    const verb = decider.runbook === 'accept' ? 'accept' : 'revert';
    return decider.status === 'running'
      ? { kind: 'goes-on', says: `is being ${verb}ed`, next: `cardea run show ${decider.run} --follow` }
      : { kind: 'broken', says: `has an interrupted ${verb}`, next: `cardea run resume ${decider.run}` };
  }
  if (state?.status === 'running') {
    return { kind: 'goes-on', says: 'is under way', next: `cardea run show ${run} --follow` };
  }
  if (state?.status === 'succeeded') {
    return record.half === true
      ? { kind: 'waits', says: 'has moved aside what a restore that broke off had brought', next: accept }
      : { kind: 'waits', says: 'waits for a person', next: `${accept}, or to go back: ${revert}` };
  }
  const how = state === undefined ? 'has no journal any more' : wordOf(state);
  const next =
    state !== undefined && isCarriedOn(state) ? `cardea run resume ${run}, or to go back: ${revert}` : revert;
  return { kind: 'broken', says: `${how}, with the data half in place`, next };
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
