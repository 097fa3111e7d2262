import { labReport } from '../../../../lab/report.ts';
import { bringUpLab } from '../../../../lab/up.ts';
import { formatSeconds } from '../../../model/duration.ts';
import type { Action } from '../../command.ts';
import type { labUp } from './declaration.ts';
import { labText } from '../lab-status/text.ts';
import { progressLine } from '../../terminal/progress-line.ts';

export const action: Action<typeof labUp> = async ({ clock, output, flags, signal, interrupt }) => {
  interrupt.say('Stopping. `cardea lab up` continues from here; `cardea lab down` removes the lab.');
  const began = clock.monotonic();
  const line = await progressLine(output, 'lab', () => clock.now(), flags.quiet || flags.json);
  const say = (text: string) => {
    if (!flags.json) output.note(`lab: ${text}`);
  };
  try {
    await bringUpLab({ progress: line.report, say, signal, now: () => clock.now() });
  } finally {
    line.end();
  }
  const seconds = clock.monotonic() - began;
  const report = await labReport();
  return { json: { ...report, seconds }, text: `${labText(report)}\nup in ${formatSeconds(seconds)}` };
};
