import { formatSeconds } from '../../../model/duration.ts';
import type { CheckResult } from '../../../graph/check.ts';
import { noPaint, type Paint } from '../../terminal/output.ts';

type Checked = Pick<
  CheckResult,
  'ok' | 'fingerprint' | 'findings' | 'findingCount' | 'known' | 'knownCount' | 'carried' | 'seconds'
> & {
  /** How many of the new ones were accepted by this command. */
  readonly accepted?: number;
};

/** The outcome of a graph check: verdict, what the graph holds, and the findings up to a limit. */
export function checkText(environment: string, checked: Checked, limit: number, paint: Paint = noPaint): string {
  const { fingerprint, findings } = checked;
  const none = checked.knownCount === 0 ? 'sound: every invariant holds' : 'nothing new was found';
  const verdict = checked.ok
    ? paint('green', none)
    : paint('red', `NOT SOUND: ${counted(checked.findingCount, checked.knownCount > 0 ? 'new finding' : 'finding')}`);
  const holds = `${count(fingerprint.vertices)} vertices, ${count(fingerprint.edges)} edges, ${count(fingerprint.properties)} properties`;
  const shown = findings.slice(0, limit);
  const known = checked.known.slice(0, limit);
  const left = checked.findingCount - shown.length;
  return [
    `${paint('bold', environment)}  ${verdict}`,
    `  ${holds}, read in ${formatSeconds(checked.seconds)}`,
    `  fingerprint ${fingerprint.hash}`,
    ...shown.map((finding) => `  - ${finding.element}: ${finding.detail} (${finding.kind})`),
    ...(left > 0 ? [`  … and ${count(left)} more`] : []),
    ...(checked.accepted === undefined
      ? []
      : [`  accepted: ${counted(checked.accepted, 'finding')}, known from now on`]),
    ...(checked.knownCount > 0 ? [`  ${counted(checked.knownCount, 'known finding')}:`] : []),
    ...known.map((each) => `  - ${each.element}: ${each.detail} (${each.kind}; ${each.why})`),
    ...(checked.knownCount > known.length ? [`  … and ${count(checked.knownCount - known.length)} more`] : []),
    ...checked.carried.map((each) => `  carried without being understood: ${count(each.count)} ${each.what}`),
  ].join('\n');
}

function counted(value: number, what: string): string {
  return `${count(value)} ${what}${value === 1 ? '' : 's'}`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
