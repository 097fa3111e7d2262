import { showRun, type RunsWorld, type ShownRun } from '../../journal/runs.ts';
import { judgeRun, type TrustingWorld } from '../../journal/vouching.ts';
import { Problem } from '../../model/problem.ts';
import { acceptedParams } from '../../runbook/params.ts';
import { planOf } from '../../runbook/plan.ts';
import { resumeCommand, wantsConfirmation } from '../../runbook/resume-command.ts';
import { findRunbook } from '../../runbooks/index.ts';

/** How an unfinished run is carried on from this machine. */
export interface ResumeWay {
  /** The command that works here; undefined when the journal is not the one that was signed, and the run cannot be resumed. */
  readonly command: string | undefined;
  /** What a person should know of the journal before, as a clause; undefined when this machine can vouch for it. */
  readonly doubt?: string;
  /** A cancel was asked for before it was interrupted: the command does its last steps and ends it as cancelled. */
  readonly cancels?: true;
}

/** `environment`: the one whose bucket the run lies in. Throws the store's problem. */
export async function resumeWay(
  world: TrustingWorld,
  { state, journal }: Pick<ShownRun, 'state' | 'journal'>,
  environment: string,
): Promise<ResumeWay> {
  const cancels =
    state.status === 'interrupted' && state.cancelRequestedBy !== undefined ? { cancels: true as const } : {};
  return { ...(await vouchedWay(world, { state, journal }, environment)), ...cancels };
}

async function vouchedWay(
  world: TrustingWorld,
  { state, journal }: Pick<ShownRun, 'state' | 'journal'>,
  environment: string,
): Promise<ResumeWay> {
  const runbook = findRunbook(state.runbook, state.runbookVersion);
  if (runbook === undefined) return { command: resumeCommand(state.run) };
  try {
    const judged = await judgeRun(world, journal);
    const why = wantsConfirmation(judged, planOf(runbook, acceptedParams(runbook, state.params), environment));
    return why === undefined
      ? { command: resumeCommand(state.run) }
      : { command: resumeCommand(state.run, environment), doubt: `this machine cannot vouch for its journal: ${why}` };
  } catch (error) {
    // Of a journal that differs from what was signed, and of params that no version of Cardea wrote.
    if (!(error instanceof Problem) || (error.kind !== 'refused' && error.kind !== 'usage')) throw error;
    return { command: undefined, doubt: error.happened.replace(/\.$/, '') };
  }
}

/** The same, for a run that is only known by its id. */
export async function resumeWayOf(
  world: RunsWorld & TrustingWorld,
  run: string,
  environment: string,
): Promise<ResumeWay> {
  return resumeWay(world, await showRun(world, run), environment);
}
