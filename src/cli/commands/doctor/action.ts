import type { Action } from '../../command.ts';
import type { doctor } from './declaration.ts';
import { environmentChecks, machineChecks } from './checks.ts';
import { doctorText } from './text.ts';

export const action: Action<typeof doctor> = async (context, input) => {
  const findings = [
    ...(await machineChecks(context, input.env)),
    ...(input.env === undefined ? [] : await environmentChecks(context, input.env)),
  ];
  const ok = findings.every((finding) => finding.level !== 'bad');
  return {
    json: { ok, findings },
    text: doctorText(findings, context.output.paint),
    exitCode: ok ? 0 : 1,
  };
};
