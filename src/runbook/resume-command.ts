import type { JudgedRun } from '../journal/vouching.ts';
import { isDestructive, type Plan } from './plan.ts';

/** The command that carries a run on: with the environment confirmed when the run wants that. */
export function resumeCommand(run: string, confirm?: string): string {
  return `cardea run resume ${run}${confirm === undefined ? '' : ` --confirm ${confirm}`}`;
}

/**
 * Pure: why the rest of a run must be confirmed again before it is carried out, as a clause that follows "cannot vouch for its journal"; undefined
 * when it need not be.
 */
export function wantsConfirmation({ state, doubt }: JudgedRun, plan: Plan): string | undefined {
  if (!isDestructive(plan)) return undefined;
  if (doubt !== undefined) return doubt;
  return state.confirmed === state.environment
    ? undefined
    : `it does not say that anybody confirmed ${state.environment}`;
}
