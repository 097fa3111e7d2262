import { acceptRunbook } from '../../../runbooks/index.ts';
import type { Action } from '../../command.ts';
import { operate } from '../../runs/operation.ts';
import type { restoreAccept } from './declaration.ts';
import { environmentOfRestore } from '../../runs/run-lookup.ts';
import { acceptReport } from '../../runs/run-report.ts';

export const action: Action<typeof restoreAccept> = async (context, input) => {
  const environment = await environmentOfRestore(context, input.run, {
    named: input.env,
    confirmed: input.confirm,
  });
  return operate(context, {
    environment,
    runbook: acceptRunbook,
    params: { restore: input.run, lost: [...input.lost], unproven: input.unproven },
    confirmed: input.confirm,
    done: (ended) => acceptReport(environment, ended, input.run),
  });
};
