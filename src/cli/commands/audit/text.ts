import type { AuditReport } from '../../../journal/audit.ts';
import { noPaint, type Paint } from '../../terminal/output.ts';

/** What an audit found, what it read, and what it could not verify. */
export function auditText(environment: string, report: AuditReport, paint: Paint = noPaint): string {
  const looked = `${report.runs} runs, ${report.events} events, ${report.entries} audit entries`;
  const verdict = report.ok
    ? `${paint('green', 'intact')}: ${looked}`
    : `${paint('red', `TAMPERED WITH, ${report.findings.length} ${report.findings.length === 1 ? 'finding' : 'findings'}`)}: ${looked}`;
  return [
    `${paint('bold', environment)}  ${verdict}`,
    ...report.findings.map((finding) => `  - ${finding.where}: ${finding.what}`),
    ...report.running.map((run) => `  ${run} is running; its end is not signed yet.`),
    ...report.interrupted.map((run) => `  ${run} was interrupted. See how it goes on: cardea run show ${run}`),
    ...limits(report).map((line) => `  ${paint('yellow', `Not verified: ${line}`)}`),
  ].join('\n');
}

function limits(report: AuditReport): readonly string[] {
  if (!report.signatures) {
    return [
      'signatures, because there is no audit key on this machine. Anybody who can write to the bucket could have rewritten everything.',
    ];
  }
  return report.end
    ? []
    : ['the end of the chain, because there is no record of it beside this key. The newest entries could be missing.'];
}
