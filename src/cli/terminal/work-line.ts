import { formatSeconds } from '../../model/duration.ts';
import type { Progress, ReportProgress } from '../../model/progress.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Output } from './output.ts';
import { progressLine } from './progress-line.ts';
import { progressText } from '../runs/run-text.ts';

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/**
 * A piece of work that is no run, on one line: on a terminal a line that moves from the first moment, with its seconds; elsewhere a line
 * now and then while there is progress. `end` leaves a clean screen.
 */
export async function workLine(
  output: Output,
  title: string,
  clock: Clock,
  silent: boolean,
): Promise<{ readonly report: ReportProgress; readonly end: () => void }> {
  if (!output.live || silent) return progressLine(output, title, () => clock.now(), silent);
  const { createLogUpdate } = await import('log-update');
  const update = createLogUpdate(process.stderr);
  const from = clock.monotonic();
  let progress: Progress | undefined;
  let frame = 0;
  const draw = () => {
    frame += 1;
    const seconds = clock.monotonic() - from;
    update(workText(title, { frame: frames[frame % frames.length] ?? '▸', seconds, progress }, output.columns));
  };
  draw();
  const timer = setInterval(draw, 120);
  return {
    report(newest) {
      progress = newest;
    },
    end() {
      clearInterval(timer);
      update.clear();
    },
  };
}

/** `  ⠋ Loading · vertices and edges · 2,050 of 43,050  3.1 s`, cut to the width: a line that wraps cannot be taken back. Pure. */
export function workText(
  title: string,
  {
    frame,
    seconds,
    progress,
  }: { readonly frame: string; readonly seconds: number; readonly progress?: Progress | undefined },
  columns: number,
): string {
  const time = formatSeconds(seconds);
  const text = progress === undefined ? title : `${title} · ${progressText(progress, undefined)}`;
  const room = Math.max(10, columns - time.length - 7);
  return `  ${frame} ${text.length <= room ? text : `${text.slice(0, room - 1)}…`}  ${time}`;
}
