import { formatSeconds } from '../model/duration.ts';
import type { Fingerprint } from '../model/restore-point.ts';
import { noPaint, type Paint } from './output.ts';

interface Checked {
  readonly ok: boolean;
  readonly fingerprint: Fingerprint;
  readonly findings: ReadonlyArray<{ readonly text: string }>;
  readonly seconds: number;
}

/** The outcome of a graph check: verdict, what the graph holds, and the findings up to a limit. */
export function checkText(environment: string, checked: Checked, limit: number, paint: Paint = noPaint): string {
  const { fingerprint, findings } = checked;
  const verdict = checked.ok
    ? paint('green', 'sound: every invariant holds')
    : paint('red', `NOT SOUND: ${count(findings.length)} ${findings.length === 1 ? 'finding' : 'findings'}`);
  const holds = `${count(fingerprint.vertices)} vertices, ${count(fingerprint.edges)} edges, ${count(fingerprint.properties)} properties`;
  const left = findings.length - limit;
  return [
    `${paint('bold', environment)}  ${verdict}`,
    `  ${holds}, read in ${formatSeconds(checked.seconds)}`,
    `  fingerprint ${fingerprint.hash}`,
    ...findings.slice(0, limit).map((finding) => `  - ${finding.text}`),
    ...(left > 0 ? [`  … and ${count(left)} more; all of them: --limit ${findings.length}`] : []),
  ].join('\n');
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
