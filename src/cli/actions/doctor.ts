import type { Action } from '../command.ts';
import type { doctor } from '../doctor.ts';
import { environmentChecks, machineChecks } from '../doctor-checks.ts';
import { examinationText } from '../examination.ts';

export const action: Action<typeof doctor> = async (context, input) => {
  const findings = [
    ...(await machineChecks(context)),
    ...(input.env === undefined ? [] : await environmentChecks(context, input.env)),
  ];
  const ok = findings.every((finding) => finding.level !== 'bad');
  return {
    json: { ok, findings },
    text: examinationText(findings, context.output.paint),
    exitCode: ok ? 0 : 1,
  };
};
