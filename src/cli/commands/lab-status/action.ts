import { labReport } from '../../../../lab/report.ts';
import type { Action } from '../../command.ts';
import type { labStatus } from './declaration.ts';
import { labText } from './text.ts';

export const action: Action<typeof labStatus> = async () => {
  const report = await labReport();
  return { json: report, text: labText(report) };
};
