import type { EnvironmentStatus, Level } from './signals.ts';
import { noPaint, type Paint } from '../../terminal/output.ts';

/** The status of environments for people: a word and a colour per line, and the next step where one is needed. */
export function statusText(all: readonly EnvironmentStatus[], paint: Paint = noPaint): string {
  return all.map((one) => environmentLines(one, paint).join('\n')).join('\n\n');
}

function environmentLines(status: EnvironmentStatus, paint: Paint): readonly string[] {
  const head = `${paint('bold', status.environment)}  ${levelWord(status.level, paint).trimEnd()}`;
  return [
    head,
    ...status.signals.flatMap((signal) => {
      const line = `  ${levelWord(signal.level, paint)}  ${signal.name.padEnd(9)}  ${signal.says}`;
      return signal.next === undefined ? [line] : [line, `${' '.repeat(22)}${paint('dim', `→ ${signal.next}`)}`];
    }),
  ];
}

/** The word alone says the level; the colour only helps the eye. */
export function levelWord(level: Level, paint: Paint): string {
  switch (level) {
    case 'good':
      return paint('green', 'good   ');
    case 'unknown':
      return paint('dim', 'unknown');
    case 'warning':
      return paint('yellow', 'WARNING');
    case 'bad':
      return paint('red', 'BAD    ');
  }
}
