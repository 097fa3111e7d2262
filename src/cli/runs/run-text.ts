import { formatBytes } from '../../model/bytes.ts';
import { formatSeconds } from '../../model/duration.ts';
import type { RunStatus } from '../../journal/run-state.ts';
import type { Progress } from '../../model/progress.ts';
import { noPaint, type Paint } from '../terminal/output.ts';
import type { RunModel, StepModel } from './run-model.ts';

export interface Drawing {
  /** Milliseconds since the epoch: what running steps count to. */
  readonly now: number;
  readonly columns: number;
  readonly paint?: Paint;
  /** The sign of a running step; it turns on a terminal. */
  readonly spinner?: string;
}

/** A run as a compact tree: one line per step, and below a failed step the reason. */
export function runText(picture: RunModel, drawing: Drawing): readonly string[] {
  const width = Math.max(...picture.steps.map((step) => step.id.length), 0);
  const [seen, at] = picture.state.status === 'interrupted' ? leftAlone(picture, drawing) : [picture, drawing];
  return [headLine(seen, at), ...seen.steps.flatMap((step) => stepLines(step, width, at))];
}

/** A run that no process executes: its time stops at its last event, and its running steps count as stopped. */
function leftAlone(picture: RunModel, drawing: Drawing): readonly [RunModel, Drawing] {
  const steps = picture.steps.map((step) =>
    step.state?.status === 'running' || step.state?.status === 'retrying'
      ? { ...step, state: { ...step.state, status: 'stopped' as const } }
      : step,
  );
  return [
    { ...picture, steps },
    { ...drawing, now: Date.parse(picture.state.lastEventAt) },
  ];
}

function headLine({ state }: RunModel, drawing: Drawing): string {
  const paint = drawing.paint ?? noPaint;
  const seconds = state.seconds ?? (drawing.now - Date.parse(state.startedAt)) / 1000;
  const parts = [
    paint('bold', `${state.runbook} ${state.environment}`),
    state.run,
    runWord(state, paint),
    formatSeconds(Math.max(0, seconds)),
  ];
  if (state.resumed > 0) parts.push(`resumed ${state.resumed === 1 ? 'once' : `${state.resumed} times`}`);
  return parts.join('  ');
}

/** The state of a run in a word. A bad state is in capitals, so that it also stands out without colours. */
export function runWord(
  state: { readonly status: RunStatus; readonly cancelRequestedBy?: object },
  paint: Paint,
): string {
  switch (state.status) {
    case 'running':
      return state.cancelRequestedBy === undefined ? paint('cyan', 'running') : paint('yellow', 'stopping');
    case 'interrupted':
      return paint('yellow', 'INTERRUPTED');
    case 'succeeded':
      return paint('green', 'succeeded');
    case 'failed':
      return paint('red', 'FAILED');
    case 'refused':
      return paint('yellow', 'refused');
    case 'cancelled':
      return paint('yellow', 'cancelled');
  }
}

/** `59 min 59 s` */
const timeWidth = 11;

function stepLines(step: StepModel, width: number, drawing: Drawing): readonly string[] {
  const paint = drawing.paint ?? noPaint;
  const time = stepTime(step, drawing.now);
  const says = stepSays(step, drawing.now);
  const room = Math.max(20, drawing.columns - width - timeWidth - 8);
  const line = `  ${sign(step, drawing)} ${step.id.padEnd(width)}  ${fitted(step.title, says, room).padEnd(room)} ${time.padStart(timeWidth)}`;
  const quiet = step.state === undefined || step.state.status === 'skipped';
  const shown = quiet ? paint('dim', line.trimEnd()) : line.trimEnd();
  const status = step.state?.status;
  const problem = step.state?.problem;
  if (problem === undefined || (status !== 'failed' && status !== 'retrying')) return [shown];
  const indent = ' '.repeat(width + 6);
  const details = (problem.details ?? []).flatMap((detail) => `- ${detail.replaceAll('\n', '\n  ')}`.split('\n'));
  const why = [problem.happened, ...details];
  return [shown, ...why.map((text) => `${indent}${paint(status === 'failed' ? 'red' : 'yellow', text)}`)];
}

function sign(step: StepModel, drawing: Drawing): string {
  const paint = drawing.paint ?? noPaint;
  switch (step.state?.status) {
    case undefined:
      return '○';
    case 'running':
      return paint('cyan', drawing.spinner ?? '▸');
    case 'retrying':
      return paint('yellow', '↻');
    case 'succeeded':
      return paint('green', '✔');
    case 'failed':
      return paint('red', '✖');
    case 'stopped':
      return paint('yellow', '■');
    case 'skipped':
      return '–';
  }
}

/** What is said about a step besides its title. */
function stepSays({ state, progress, rate }: StepModel, now: number): string {
  if (state === undefined) return '';
  switch (state.status) {
    case 'running': {
      const parts = state.attempts > 1 ? [`attempt ${state.attempts}`] : [];
      if (progress !== undefined) parts.push(progressText(progress, rate));
      return parts.join(' · ');
    }
    case 'retrying': {
      const wait = state.retryAt === undefined ? 0 : Math.max(0, (Date.parse(state.retryAt) - now) / 1000);
      return `attempt ${state.attempts} failed, next in ${formatSeconds(wait)}`;
    }
    case 'succeeded':
      return state.attempts > 1 ? `at attempt ${state.attempts}` : '';
    case 'failed':
      return state.attempts > 1 ? `failed ${state.attempts} times` : 'failed';
    case 'stopped':
      return 'stopped';
    case 'skipped':
      return `skipped: ${state.skipped ?? 'not needed'}`;
  }
}

/** `213 MiB of 1.2 GiB · 35.0 MiB/s · 28 s left`, as far as it is known. */
export function progressText(progress: Progress, rate: number | undefined): string {
  const amount = (value: number) =>
    progress.unit === 'bytes' ? formatBytes(value) : Math.round(value).toLocaleString('en-US');
  const { done, total } = progress;
  const parts = [total === undefined ? amount(done) : `${amount(done)} of ${amount(total)}`];
  if (progress.label !== undefined) parts.unshift(progress.label);
  if (rate !== undefined && rate > 0) {
    parts.push(`${amount(rate)}/s`);
    if (total !== undefined && total > done) parts.push(`${formatSeconds((total - done) / rate)} left`);
  }
  return parts.join(' · ');
}

function stepTime({ state }: StepModel, now: number): string {
  if (state?.status === 'running' && state.startedAt !== undefined) {
    return formatSeconds(Math.max(0, (now - Date.parse(state.startedAt)) / 1000));
  }
  return state?.seconds === undefined ? '' : formatSeconds(state.seconds);
}

/** Shortens the title and keeps what is said about the step: readers look for the numbers. */
function fitted(title: string, says: string, room: number): string {
  const tail = says === '' ? '' : ` · ${says}`;
  if (title.length + tail.length <= room) return title + tail;
  const left = room - tail.length - 1;
  if (left >= 8) return `${title.slice(0, left).trimEnd()}…${tail}`;
  return says.length <= room ? says : `${says.slice(0, room - 1)}…`;
}
