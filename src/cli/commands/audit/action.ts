import { type AuditReport, verifyAudit } from '../../../journal/audit.ts';
import { asProblem } from '../../../model/problem.ts';
import type { audit } from './declaration.ts';
import { auditText } from './text.ts';
import { runsWorld } from '../../runs/runs-world.ts';
import type { Action } from '../../command.ts';
import type { CliContext } from '../../context.ts';

export const action: Action<typeof audit> = async (context, input) => {
  if (input.env !== undefined) {
    const report = await auditOf(context, input.env);
    return {
      json: { environment: input.env, ...report },
      text: auditText(input.env, report, context.output.paint),
      exitCode: report.ok ? 0 : 1,
    };
  }
  const reports: Array<{ readonly environment: string } & AuditReport> = [];
  for (const environment of Object.keys((await context.config()).config.environments)) {
    try {
      reports.push({ environment, ...(await auditOf(context, environment)) });
    } catch (thrown) {
      context.output.warn(`${environment} was not audited: ${asProblem(thrown, 'Opening it').happened}`);
    }
  }
  return {
    json: reports,
    text: reports.map((report) => auditText(report.environment, report, context.output.paint)).join('\n\n'),
    exitCode: reports.every((report) => report.ok) ? 0 : 1,
  };
};

async function auditOf(context: CliContext, name: string): Promise<AuditReport> {
  const world = await runsWorld(context, name);
  return verifyAudit(world, await world.signer?.trust());
}
