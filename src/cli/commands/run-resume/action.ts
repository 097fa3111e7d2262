import { z } from 'zod';
import { showRun } from '../../../journal/runs.ts';
import type { Action } from '../../command.ts';
import { withNewBase } from '../../runs/new-base.ts';
import { engineWorld, resume, resumePlan } from '../../runs/operation.ts';
import { environmentOfRun } from '../../runs/run-lookup.ts';
import type { runResume } from './declaration.ts';
export const action: Action<typeof runResume> = async (context, input) => {
  const environment = await environmentOfRun(context, input.id, input.env);
  const shown = await showRun(await engineWorld(context, environment), input.id);
  const { state } = shown;
  if (context.flags.plan) return resumePlan(context, shown, environment);
  const outcome = await resume(context, shown, { environment, confirmed: input.confirm });
  // As after a restore that was not interrupted; but not for a run that had ended before and is only reported.
  const wanted = z.object({ newBase: z.literal(true) }).safeParse(state.params).success && state.status !== 'succeeded';
  const succeeded = 'ok' in outcome.json && outcome.json.ok === true;
  return wanted && succeeded ? withNewBase(context, environment, outcome) : outcome;
};
