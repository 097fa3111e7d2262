import { formatBytes } from '../model/bytes.ts';
import { formatSeconds } from '../model/duration.ts';
import type { Progress } from '../model/progress.ts';
import { noPaint, type Paint } from './output.ts';
import type { RunPicture, StepPicture } from './run-picture.ts';

export interface Drawing {
  /** Milliseconds since the epoch: what running steps count to. */
  readonly now: number;
  readonly columns: number;
  readonly paint?: Paint;
  /** The picture for a running step; it turns on a terminal. */
  readonly spinner?: string;
}

/** A run as a compact tree, one line per step, a second one where something failed. */
export function runLines(picture: RunPicture, drawing: Drawing): readonly string[] {
  const width = Math.max(...picture.steps.map((step) => step.id.length), 0);
  return [headLine(picture, drawing), ...picture.steps.flatMap((step) => stepLines(step, width, drawing))];
}

function headLine(picture: RunPicture, drawing: Drawing): string {
  const paint = drawing.paint ?? noPaint;
  const seconds = picture.seconds ?? (drawing.now - picture.startedAt) / 1000;
  const parts = [
    paint('bold', `${picture.runbook} ${picture.environment}`),
    picture.run,
    runWord(picture, paint),
    formatSeconds(seconds),
  ];
  if (picture.resumed > 0) parts.push(`resumed ${picture.resumed === 1 ? 'once' : `${picture.resumed} times`}`);
  return parts.join('  ');
}

function runWord(picture: RunPicture, paint: Paint): string {
  switch (picture.state) {
    case 'open':
      return picture.cancelRequested ? paint('yellow', 'stopping') : paint('cyan', 'running');
    case 'succeeded':
      return paint('green', 'succeeded');
    case 'failed':
      return paint('red', 'FAILED');
    case 'cancelled':
      return paint('yellow', 'cancelled');
  }
}

function stepLines(step: StepPicture, width: number, drawing: Drawing): readonly string[] {
  const paint = drawing.paint ?? noPaint;
  const right = stepTime(step, drawing.now);
  const middle = stepSays(step, drawing.now);
  const room = Math.max(20, drawing.columns - width - right.length - 7);
  const text = cut(middle === '' ? step.title : `${step.title} · ${middle}`, room, middle);
  const line = `  ${symbol(step, drawing)} ${step.id.padEnd(width)}  ${text.padEnd(room)} ${right}`.trimEnd();
  const shown = step.state === 'waiting' || step.state === 'skipped' ? paint('dim', line) : line;
  if (step.problem === undefined || (step.state !== 'failed' && step.state !== 'retrying')) return [shown];
  const indent = ' '.repeat(width + 6);
  const why = [step.problem.happened, ...(step.problem.details ?? []).map((detail) => `- ${detail}`)];
  return [shown, ...why.map((line) => `${indent}${paint(step.state === 'failed' ? 'red' : 'yellow', line)}`)];
}

function symbol(step: StepPicture, drawing: Drawing): string {
  const paint = drawing.paint ?? noPaint;
  switch (step.state) {
    case 'waiting':
      return '○';
    case 'running':
      return paint('cyan', drawing.spinner ?? '▸');
    case 'done':
      return paint('green', '✔');
    case 'failed':
      return paint('red', '✖');
    case 'retrying':
      return paint('yellow', '↻');
    case 'skipped':
      return '–';
  }
}

/** What is said about a step besides its title. */
export function stepSays(step: StepPicture, now: number): string {
  const attempt = step.attempt > 1 ? `attempt ${step.attempt}` : '';
  switch (step.state) {
    case 'waiting':
    case 'done':
      return attempt;
    case 'running':
      return [attempt, step.progress === undefined ? '' : progressText(step.progress, step.rate)]
        .filter((part) => part !== '')
        .join(' · ');
    case 'failed':
      return step.attempt > 1 ? `failed at attempt ${step.attempt}` : 'failed';
    case 'retrying': {
      const wait = Math.max(0, ((step.retryAt ?? now) - now) / 1000);
      return `attempt ${step.attempt} failed, again in ${formatSeconds(wait)}`;
    }
    case 'skipped':
      return `skipped: ${step.reason ?? ''}`;
  }
}

/** `213 MiB of 1.2 GiB · 35.0 MiB/s · 28 s left`, as far as it is known. */
export function progressText(progress: Progress, rate: number | undefined): string {
  const amount = (value: number) =>
    progress.unit === 'bytes' ? formatBytes(value) : Math.round(value).toLocaleString('en');
  const parts = [
    progress.total === undefined ? amount(progress.done) : `${amount(progress.done)} of ${amount(progress.total)}`,
  ];
  if (progress.label !== undefined) parts.unshift(progress.label);
  if (rate !== undefined && rate > 0) {
    parts.push(`${amount(rate)}/s`);
    if (progress.total !== undefined && progress.total > progress.done) {
      parts.push(`${formatSeconds((progress.total - progress.done) / rate)} left`);
    }
  }
  return parts.join(' · ');
}

function stepTime(step: StepPicture, now: number): string {
  if (step.state === 'running' && step.startedAt !== undefined) return formatSeconds((now - step.startedAt) / 1000);
  return step.seconds === undefined || step.state === 'waiting' || step.state === 'skipped'
    ? ''
    : formatSeconds(step.seconds);
}

/** Shortens the title, not what is said about the step: the numbers are what one looks for. */
function cut(text: string, room: number, keep: string): string {
  if (text.length <= room) return text;
  if (keep.length + 8 > room) return `${text.slice(0, room - 1)}…`;
  const title = keep === '' ? text : text.slice(0, text.length - keep.length - 3);
  const left = room - (keep === '' ? 0 : keep.length + 3);
  const short = `${title.slice(0, Math.max(1, left - 1)).trimEnd()}…`;
  return keep === '' ? short : `${short} · ${keep}`;
}
