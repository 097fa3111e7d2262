import { showRun } from '../../../journal/runs.ts';
import { requestCancel } from '../../../runbook/engine.ts';
import { hasBegun } from '../../../runbook/schedule.ts';
import { findRunbook } from '../../../runbooks/index.ts';
import type { Action } from '../../command.ts';
import { engineWorld, resume } from '../../runs/operation.ts';
import { environmentOfRun } from '../../runs/run-lookup.ts';
import type { runCancel } from './declaration.ts';
export const action: Action<typeof runCancel> = async (context, input) => {
  const environment = await environmentOfRun(context, input.id, input.env);
  const world = await engineWorld(context, environment);
  const shown = await showRun(world, input.id);
  await requestCancel(world, input.id);
  const pivot = findRunbook(shown.state.runbook, shown.state.runbookVersion)?.pivot;
  if (shown.state.status !== 'interrupted') {
    const halfWay = hasBegun(shown.state.steps, pivot)
      ? `\nIt has begun to move data: ended so, that is half in place. Then see how it goes on: cardea status ${environment}`
      : '';
    return {
      json: { run: input.id, requested: true },
      text: `Asked ${input.id} to stop. Its process now cleans up and ends the run. Watch it: cardea run show ${input.id} --follow${halfWay}`,
    };
  }
  // No other process executes the run: this one must do its final steps and end it.
  const { problem, json, text } = await resume(context, shown, { environment });
  // Where data was moved, the cancel leaves it half in place: that is a problem, with a way on.
  const asAsked = problem?.code === 'cancelled' && !hasBegun(shown.state.steps, pivot);
  return problem === undefined || asAsked
    ? { json: { ...json, requested: true }, text: text === '' ? `${input.id} is cancelled.` : text }
    : { json, text, problem };
};
