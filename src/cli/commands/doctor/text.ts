import { noPaint, type Paint } from '../../terminal/output.ts';
import { levelWord } from '../status/text.ts';
import type { DoctorFinding } from './findings.ts';

/** Every check with its answer, for people, and how many of them are bad. */
export function doctorText(findings: readonly DoctorFinding[], paint: Paint = noPaint): string {
  const width = Math.max(...findings.map((finding) => finding.name.length), 0);
  const indent = ' '.repeat(width + 13);
  const lines = findings.flatMap((finding) => [
    `  ${levelWord(finding.level, paint)}  ${finding.name.padEnd(width)}  ${finding.says.replaceAll('\n', `\n${indent}`)}`,
    ...(finding.details ?? []).map((detail) => `${indent}- ${detail}`),
    ...(finding.next === undefined || finding.level === 'good'
      ? []
      : [`${indent}${paint('dim', `→ ${finding.next}`)}`]),
  ]);
  const bad = findings.filter((finding) => finding.level === 'bad').length;
  const verdict =
    bad === 0
      ? paint('green', 'Everything that was tried works.')
      : paint('red', `${bad} of ${findings.length} do NOT work.`);
  return [...lines, '', verdict].join('\n');
}
