import { revertRunbook } from '../../../runbooks/index.ts';
import type { Action } from '../../command.ts';
import { withNewBase } from '../../runs/new-base.ts';
import { operate } from '../../runs/operation.ts';
import type { restoreRevert } from './declaration.ts';
import { environmentOfRestore } from '../../runs/run-lookup.ts';
import { revertReport } from '../../runs/run-report.ts';

export const action: Action<typeof restoreRevert> = async (context, input) => {
  const environment = await environmentOfRestore(context, input.run, {
    named: input.env,
    confirmed: input.confirm,
  });
  return operate(context, {
    environment,
    runbook: revertRunbook,
    params: { restore: input.run, newBase: !input.withoutBase },
    confirmed: input.confirm,
    async done(ended) {
      const done = revertReport(context, environment, ended, input.run);
      return input.withoutBase ? done : withNewBase(context, environment, done);
    },
  });
};
