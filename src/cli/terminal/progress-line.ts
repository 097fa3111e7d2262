import type { Progress, ReportProgress } from '../../model/progress.ts';
import type { Output } from './output.ts';
import { progressText } from '../runs/run-text.ts';

/** Without a terminal: at most one line in this time, in milliseconds. */
const lineEvery = 10_000;
/** On a terminal: the line is redrawn this often. */
const drawEvery = 100;

/** Progress of one long piece of work that is not a run, on one line after `title`. `end` leaves a clean screen. */
export async function progressLine(
  output: Output,
  title: string,
  now: () => Date,
  silent: boolean,
): Promise<{ readonly report: ReportProgress; readonly end: () => void }> {
  if (silent) return { report: () => {}, end: () => {} };
  const every = output.live ? drawEvery : lineEvery;
  const update = output.live ? (await import('log-update')).createLogUpdate(process.stderr) : undefined;
  const began = now().getTime();
  let first: { readonly at: number; readonly progress: Progress } | undefined;
  let drawn = output.live ? 0 : began;
  return {
    report(progress) {
      const at = now().getTime();
      // Another label is another piece of work: its rate starts anew.
      if (first === undefined || first.progress.label !== progress.label || progress.done < first.progress.done) {
        first = { at, progress };
      }
      if (at - drawn < every) return;
      drawn = at;
      const rate = at > first.at ? ((progress.done - first.progress.done) * 1000) / (at - first.at) : undefined;
      const text = `${title}: ${progressText(progress, rate)}`;
      if (update === undefined) output.note(text);
      else update(text);
    },
    end: () => update?.clear(),
  };
}
