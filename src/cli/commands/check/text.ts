import { formatSeconds } from '../../../model/duration.ts';
import type { Fingerprint } from '../../../model/restore-point.ts';
import type { Finding } from '../../../graph/invariants/finding.ts';
import { noPaint, type Paint } from '../../terminal/output.ts';

interface Checked {
  readonly ok: boolean;
  readonly fingerprint: Fingerprint;
  /** The first findings; `findingCount` counts all of them. */
  readonly findings: readonly Finding[];
  readonly findingCount: number;
  readonly seconds: number;
}

/** The outcome of a graph check: verdict, what the graph holds, and the findings up to a limit. */
export function checkText(environment: string, checked: Checked, limit: number, paint: Paint = noPaint): string {
  const { fingerprint, findings } = checked;
  const verdict = checked.ok
    ? paint('green', 'sound: every invariant holds')
    : paint('red', `NOT SOUND: ${count(checked.findingCount)} ${checked.findingCount === 1 ? 'finding' : 'findings'}`);
  const holds = `${count(fingerprint.vertices)} vertices, ${count(fingerprint.edges)} edges, ${count(fingerprint.properties)} properties`;
  const shown = findings.slice(0, limit);
  const left = checked.findingCount - shown.length;
  return [
    `${paint('bold', environment)}  ${verdict}`,
    `  ${holds}, read in ${formatSeconds(checked.seconds)}`,
    `  fingerprint ${fingerprint.hash}`,
    ...shown.map((finding) => `  - ${finding.element}: ${finding.detail} (${finding.kind})`),
    ...(left > 0 ? [`  … and ${count(left)} more`] : []),
  ].join('\n');
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
