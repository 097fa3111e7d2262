import type { RunEvent } from '../../../journal/event.ts';
import type { RunState } from '../../../journal/run-state.ts';
import { type RunsWorld, showRun } from '../../../journal/runs.ts';
import { problemFromDocument } from '../../../model/problem.ts';
import { findRunbook } from '../../../runbooks/index.ts';
import type { Action, Outcome } from '../../command.ts';
import type { CliContext } from '../../context.ts';
import { failureText } from '../../terminal/problem-text.ts';
import { engineWorld } from '../../runs/operation.ts';
import { runText } from '../../runs/run-text.ts';
import { environmentOfRun } from '../../runs/run-lookup.ts';
import { inReadingOrder, runModel, type StepTitle } from '../../runs/run-model.ts';
import { openLiveRunView } from '../../runs/live-run-view.ts';
import type { runShow } from './declaration.ts';
export const action: Action<typeof runShow> = async (context, input) => {
  const environment = await environmentOfRun(context, input.id, input.env);
  const world = await engineWorld(context, environment);
  if (input.follow) await follow(context, world, input.id);
  const { state, events } = await showRun(world, input.id);
  // If the run was followed to its end, it is already on the screen.
  return input.follow && !context.flags.json
    ? { json: {}, text: nextStep(state, context) }
    : shown(context, state, events);
};

function shown(context: CliContext, state: RunState, events: readonly RunEvent[]): Outcome {
  const { paint } = context.output;
  const picture = runModel(state, titlesOf(state));
  const drawing = { now: context.clock.now().getTime(), columns: context.output.columns, paint };
  const lines = picture === undefined ? [] : runText(picture, drawing);
  const by = `${state.actor.name}@${state.actor.host}`;
  const about = paint('dim', `by ${by}, started ${state.startedAt}, ${events.length} events`);
  const next = nextStep(state, context);
  return { json: { ...state, events }, text: [...lines, about, ...(next === '' ? [] : ['', next])].join('\n') };
}

/** How often a run that another process executes is read, in milliseconds. */
const lookEvery = 1000;

async function follow(context: CliContext, world: RunsWorld, run: string): Promise<void> {
  let { state, events } = await showRun(world, run);
  const { output, flags, clock, signal } = context;
  const view = await openLiveRunView(output, titlesOf(state), () => clock.now(), flags.quiet || flags.json);
  let seen = 0;
  try {
    for (;;) {
      for (const event of events.slice(seen)) view.event(event);
      seen = events.length;
      if (state.status !== 'running') return;
      await clock.sleep(lookEvery, signal);
      ({ state, events } = await showRun(world, run));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    view.end();
  }
}

function titlesOf(state: RunState): readonly StepTitle[] {
  return inReadingOrder(findRunbook(state.runbook, state.runbookVersion)?.steps ?? []);
}

function nextStep(state: RunState, context: CliContext): string {
  if (state.status === 'interrupted')
    return `No process executes this run any more. Continue it with: cardea run resume ${state.run}`;
  return state.problem === undefined ? '' : failureText(problemFromDocument(state.problem), context.output.paint);
}
