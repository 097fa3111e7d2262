import { showRun } from '../../../journal/runs.ts';
import { requestCancel } from '../../../runbook/engine.ts';
import type { Action } from '../../command.ts';
import { engineWorld, resume } from '../../runs/operation.ts';
import { environmentOfRun } from '../../runs/run-lookup.ts';
import type { runCancel } from './declaration.ts';
export const action: Action<typeof runCancel> = async (context, input) => {
  const environment = await environmentOfRun(context, input.id, input.env);
  const world = await engineWorld(context, environment);
  const shown = await showRun(world, input.id);
  await requestCancel(world, input.id);
  if (shown.state.status !== 'interrupted') {
    return {
      json: { run: input.id, requested: true },
      text: `Asked ${input.id} to stop. Its process now cleans up and ends the run. Watch it: cardea run show ${input.id} --follow`,
    };
  }
  // No other process executes the run: this one must do its final steps and end it.
  const { problem, json, text } = await resume(context, shown, { environment });
  return problem === undefined || problem.code === 'cancelled'
    ? { json: { ...json, requested: true }, text: text === '' ? `${input.id} is cancelled.` : text }
    : { json, text, problem };
};
