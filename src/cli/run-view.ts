import type { RunEvent } from '../journal/event.ts';
import { formatSeconds } from '../model/duration.ts';
import type { Output } from './output.ts';
import { progressText, runLines } from './run-lines.ts';
import { type RunPicture, runReplay, type StepTitle } from './run-picture.ts';

/** What shows a run while it happens. `end` leaves the last picture standing; nothing is drawn after it. */
export interface RunView {
  event(event: RunEvent): void;
  end(): void;
}

/** On a terminal the moving tree, elsewhere plain lines; with --quiet or --json nothing moves and only failures are said. */
export async function openRunView(
  output: Output,
  steps: readonly StepTitle[],
  now: () => number,
  quiet: boolean,
): Promise<RunView> {
  if (quiet) return { event: () => {}, end: () => {} };
  return output.live ? movingView(output, steps, now) : plainView(output, steps);
}

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

async function movingView(output: Output, steps: readonly StepTitle[], now: () => number): Promise<RunView> {
  const { createLogUpdate } = await import('log-update');
  const update = createLogUpdate(process.stderr);
  const replay = runReplay(steps);
  let frame = 0;
  const draw = () => {
    const { picture } = replay;
    if (picture === undefined) return;
    const drawing = { now: now(), columns: output.columns, paint: output.paintNote, spinner: frames[frame] ?? '▸' };
    update(runLines(picture, drawing).join('\n'));
  };
  const timer = setInterval(() => {
    frame = (frame + 1) % frames.length;
    draw();
  }, 120);
  return {
    event: (event) => {
      replay.add(event);
    },
    end() {
      clearInterval(timer);
      draw();
      update.done();
    },
  };
}

/** At most one progress line per step in this time. */
const progressEvery = 10_000;

function plainView(output: Output, steps: readonly StepTitle[]): RunView {
  const line = plainLines(steps);
  return {
    event(event) {
      const text = line(event);
      if (text !== undefined) output.note(text);
    },
    end: () => {},
  };
}

/** Turns events one by one into the lines of a log; undefined where there is nothing worth a line. */
export function plainLines(steps: readonly StepTitle[]): (event: RunEvent) => string | undefined {
  const replay = runReplay(steps);
  const told = new Map<string, number>();
  return (event) => {
    replay.add(event);
    const { picture } = replay;
    const text = picture === undefined ? undefined : sayEvent(event, picture, told);
    return text === undefined ? undefined : `${event.at.slice(11, 19)} ${text}`;
  };
}

function sayEvent(event: RunEvent, picture: RunPicture, told: Map<string, number>): string | undefined {
  const body = event.event;
  switch (body.type) {
    case 'run-started':
      return `${body.runbook} ${body.environment}: run ${event.run} started`;
    case 'run-resumed':
      return `run ${event.run} resumed`;
    case 'step-started':
      return `${body.step}: started${body.attempt > 1 ? `, attempt ${body.attempt}` : ''}`;
    case 'step-progress': {
      const at = Date.parse(event.at);
      const before = told.get(body.step) ?? Date.parse(picture.state.steps[body.step]?.startedAt ?? event.at);
      if (at - before < progressEvery) return undefined;
      told.set(body.step, at);
      return `${body.step}: ${progressText(body.progress, picture.steps.find((step) => step.id === body.step)?.rate)}`;
    }
    case 'step-succeeded':
      return `${body.step}: done in ${formatSeconds(body.seconds)}`;
    case 'step-failed': {
      const again = body.retryAt === undefined ? '' : `; again at ${body.retryAt.slice(11, 19)}`;
      return `${body.step}: attempt ${body.attempt} failed: ${body.problem.happened}${again}`;
    }
    case 'step-skipped':
      return `${body.step}: skipped: ${body.reason}`;
    case 'cancel-requested':
      return `stopping, asked by ${body.actor.name}@${body.actor.host}`;
    case 'run-succeeded':
      return `run ${event.run} succeeded in ${formatSeconds(body.seconds)}`;
    case 'run-failed':
      return `run ${event.run} FAILED after ${formatSeconds(body.seconds)}: ${body.problem.happened}`;
    case 'run-cancelled':
      return `run ${event.run} cancelled after ${formatSeconds(body.seconds)}`;
  }
}
