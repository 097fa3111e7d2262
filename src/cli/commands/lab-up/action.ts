import type { RunningLab } from '../../../../lab/report.ts';
import { bringUpLab } from '../../../../lab/up.ts';
import { formatSeconds } from '../../../model/duration.ts';
import type { Action } from '../../command.ts';
import type { labUp } from './declaration.ts';
import { labText } from '../lab-status/text.ts';
import { progressLine } from '../../terminal/progress-line.ts';

export const action: Action<typeof labUp> = async ({ clock, output, flags, signal }) => {
  const began = clock.monotonic();
  const line = await progressLine(output, 'lab', () => clock.now(), flags.quiet || flags.json);
  const say = (text: string) => {
    if (!flags.json) output.note(`lab: ${text}`);
  };
  let report: RunningLab;
  try {
    report = await bringUpLab({ progress: line.report, say, signal, now: () => clock.now() });
  } finally {
    line.end();
  }
  const seconds = clock.monotonic() - began;
  return { json: { ...report, seconds }, text: `${labText(report)}\nup in ${formatSeconds(seconds)}` };
};
