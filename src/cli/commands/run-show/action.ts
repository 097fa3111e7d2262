import type { RunEvent } from '../../../journal/event.ts';
import type { RestoreRecord } from '../../../model/restore-record.ts';
import type { RunState } from '../../../journal/run-state.ts';
import { type RunsWorld, showRun } from '../../../journal/runs.ts';
import { problemFromDocument } from '../../../model/problem.ts';
import { findRunbook } from '../../../runbooks/index.ts';
import type { Action, Outcome } from '../../command.ts';
import type { CliContext } from '../../context.ts';
import { canCarryOn } from '../../../runbook/outcome.ts';
import { resumeCommand } from '../../../runbook/resume-command.ts';
import { type ResumeWay, resumeWay } from '../../runs/resume-way.ts';
import { failureText } from '../../terminal/problem-text.ts';
import { engineWorld } from '../../runs/operation.ts';
import { runText } from '../../runs/run-text.ts';
import { environmentOfRun } from '../../runs/run-lookup.ts';
import { inReadingOrder, runModel, type StepTitle } from '../../runs/run-model.ts';
import { openLiveRunView } from '../../runs/live-run-view.ts';
import { type UndecidedRestore, restoreDecisions, wayOn } from '../../runs/undecided-restore.ts';
import type { runShow } from './declaration.ts';
export const action: Action<typeof runShow> = async (context, input) => {
  const environment = await environmentOfRun(context, input.id, input.env);
  const world = await engineWorld(context, environment);
  if (input.follow) {
    context.interrupt.say({
      state: `The watching has ended, and nothing else: ${input.id} is as it was.`,
      next: `See it with: cardea run show ${input.id}`,
    });
    await follow(context, world, input.id);
  }
  const { state, events, journal } = await showRun(world, input.id);
  const decisions = await restoreDecisions(world);
  const runbook = findRunbook(state.runbook, state.runbookVersion);
  const open = state.status === 'interrupted' || (runbook !== undefined && canCarryOn(runbook, state));
  const way = open ? await resumeWay(world, { state, journal }, environment) : undefined;
  const undecided = decisions.undecided.find(
    ({ record, decider }) => record.run === input.id || decider?.run === input.id,
  );
  const decided = decisions.decided.get(input.id);
  // If the run was followed to its end, it is already on the screen.
  return input.follow && !context.flags.json
    ? { json: {}, text: nextStep({ state, events, undecided, decided, way }, context) }
    : shown(context, { state, events, undecided, decided, way });
};

interface ShownRun {
  readonly state: RunState;
  readonly events: readonly RunEvent[];
  /** The restore that this run made or decides, while that is not done. */
  readonly undecided: UndecidedRestore | undefined;
  /** The record of the restore that this run made, once another run has decided it. */
  readonly decided: RestoreRecord | undefined;
  /** How it is carried on, if it can be. */
  readonly way: ResumeWay | undefined;
}

function shown(context: CliContext, run: ShownRun): Outcome {
  const { state, events } = run;
  const { paint } = context.output;
  const picture = runModel(state, titlesOf(state));
  const drawing = { now: context.clock.now().getTime(), columns: context.output.columns, paint };
  const lines = picture === undefined ? [] : runText(picture, drawing);
  const by = `${state.actor.name}@${state.actor.host}`;
  const about = paint('dim', `by ${by}, started ${state.startedAt}, ${events.length} events`);
  const next = nextStep(run, context);
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

function nextStep({ state, undecided, decided, way }: ShownRun, context: CliContext): string {
  if (undecided !== undefined) {
    const { kind, says, next } = wayOn(undecided);
    return kind === 'goes-on' ? '' : `${undecided.record.run} ${says}. Next: ${next}`;
  }
  if (decided?.closed !== undefined && decided.closed.run !== state.run) {
    return `It was ${decided.state} by ${decided.closed.run}: nothing is left to carry on.`;
  }
  if (state.status === 'interrupted') return `No process executes this run any more. ${wayText(state, way)}`;
  if (state.status === 'running' && context.signal.aborted)
    return `${state.run} runs on; only the watching has ended. Watch it again with: cardea run show ${state.run} --follow`;
  const failure =
    state.problem === undefined ? '' : failureText(problemFromDocument(state.problem), context.output.paint);
  // What failed says how it goes on as it was known then.
  return way?.doubt === undefined ? failure : `${failure}\n\n${wayText(state, way)}`;
}

function wayText({ run }: RunState, way: ResumeWay | undefined): string {
  const doubt = way?.doubt === undefined ? '' : `Before you go on: ${way.doubt}. `;
  const command = way === undefined ? resumeCommand(run) : way.command;
  return command === undefined
    ? `${doubt}It cannot be continued: start the operation again.`
    : way?.cancels === true
      ? `${doubt}Its cancel was asked for. End it as cancelled with: ${command}`
      : `${doubt}Continue it with: ${command}`;
}
