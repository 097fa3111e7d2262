import type { RunEvent } from '../../journal/event.ts';
import { formatSeconds } from '../../model/duration.ts';
import type { ProblemDocument } from '../../model/problem.ts';
import type { Progress } from '../../model/progress.ts';
import type { Output } from '../terminal/output.ts';
import { progressText, runText } from './run-text.ts';
import { runReplay, type StepTitle } from './run-model.ts';

/** Shows a run while it happens. `end` leaves the last picture on the screen; nothing is drawn after it. */
export interface LiveRunView {
  event(event: RunEvent): void;
  progress(step: string, progress: Progress): void;
  end(): void;
}

/** On a terminal the moving tree, elsewhere plain lines; with `silent` nothing. */
export async function openLiveRunView(
  output: Output,
  steps: readonly StepTitle[],
  now: () => Date,
  silent: boolean,
): Promise<LiveRunView> {
  if (silent) return { event: () => {}, progress: () => {}, end: () => {} };
  return output.live ? movingView(output, steps, now) : plainView(output, steps, now);
}

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

async function movingView(output: Output, steps: readonly StepTitle[], now: () => Date): Promise<LiveRunView> {
  const { createLogUpdate } = await import('log-update');
  const update = createLogUpdate(process.stderr);
  const replay = runReplay(steps);
  let frame = 0;
  const draw = () => {
    const { model } = replay;
    if (model === undefined) return;
    const drawing = {
      now: now().getTime(),
      columns: output.columns,
      paint: output.paintNote,
      spinner: frames[frame] ?? '▸',
    };
    update(runText(model, drawing).join('\n'));
  };
  const timer = setInterval(() => {
    frame = (frame + 1) % frames.length;
    draw();
  }, 120);
  return {
    event: (event) => replay.event(event),
    progress: (step, progress) => replay.progress(step, progress, now().getTime()),
    end() {
      clearInterval(timer);
      draw();
      update.done();
    },
  };
}

/** At most one progress line per step in this time. */
const progressEvery = 10_000;

function plainView(output: Output, steps: readonly StepTitle[], now: () => Date): LiveRunView {
  const log = runLog(steps);
  const say = (text: string | undefined) => {
    if (text !== undefined) output.note(text);
  };
  return {
    event: (event) => say(log.event(event)),
    progress: (step, progress) => say(log.progress(step, progress, now())),
    end: () => {},
  };
}

/** Turns events and progress into lines, one line per change of state; undefined for what needs no line. */
export interface RunLog {
  event(event: RunEvent): string | undefined;
  progress(step: string, progress: Progress, at: Date): string | undefined;
}

export function runLog(steps: readonly StepTitle[]): RunLog {
  const replay = runReplay(steps);
  const told = new Map<string, number>();
  const progressLine = (id: string, at: Date): string | undefined => {
    const step = replay.model?.steps.find((each) => each.id === id);
    if (step?.progress === undefined) return undefined;
    const before = told.get(id) ?? Date.parse(step.state?.startedAt ?? at.toISOString());
    if (at.getTime() - before < progressEvery) return undefined;
    told.set(id, at.getTime());
    return `${clockTime(at.toISOString())} ${id}: ${progressText(step.progress, step.rate)}`;
  };
  return {
    event(event) {
      replay.event(event);
      if (event.event.type === 'step-progress') return progressLine(event.event.step, new Date(event.at));
      return `${clockTime(event.at)} ${eventText(event)}`;
    },
    progress(step, progress, at) {
      replay.progress(step, progress, at.getTime());
      return progressLine(step, at);
    },
  };
}

/** Nothing was changed. */
function refused({ problem }: ProblemDocument): boolean {
  return problem === 'refused' || problem === 'usage';
}

/** A sentence without its final full stop, so that the line can continue. */
function clause(sentence: string): string {
  return sentence.replace(/\.$/, '');
}

function clockTime(iso: string): string {
  return iso.slice(11, 19);
}

function eventText(event: RunEvent): string {
  const body = event.event;
  switch (body.type) {
    case 'run-started':
      return `${body.runbook} ${body.environment}: run ${event.run} started`;
    case 'run-resumed':
      return `run ${event.run} resumed`;
    case 'step-started':
      return `${body.step}: started${body.attempt > 1 ? `, attempt ${body.attempt}` : ''}`;
    case 'step-progress':
      return `${body.step}: ${progressText(body.progress, undefined)}`;
    case 'step-succeeded':
      return `${body.step}: done in ${formatSeconds(body.seconds)}`;
    case 'step-failed': {
      const again = body.retryAt === undefined ? '' : `; again at ${clockTime(body.retryAt)}`;
      return `${body.step}: attempt ${body.attempt} failed: ${clause(body.problem.happened)}${again}`;
    }
    case 'step-skipped':
      return `${body.step}: skipped: ${body.reason}`;
    case 'cancel-requested':
      return `stopping, because ${body.actor.name}@${body.actor.host} asked for it`;
    case 'run-succeeded':
      return `run ${event.run} succeeded in ${formatSeconds(body.seconds)}`;
    case 'run-failed':
      return `run ${event.run} ${refused(body.problem) ? 'was refused' : 'FAILED'} after ${formatSeconds(body.seconds)}: ${clause(body.problem.happened)}`;
    case 'run-cancelled':
      return `run ${event.run} cancelled after ${formatSeconds(body.seconds)}`;
  }
}
