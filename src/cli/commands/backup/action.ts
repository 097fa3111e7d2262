import { backupRunbook } from '../../../runbooks/index.ts';
import type { Action } from '../../command.ts';
import { operate } from '../../runs/operation.ts';
import { backupReport } from '../../runs/run-report.ts';
import type { backup } from './declaration.ts';

export const action: Action<typeof backup> = async (context, input) => {
  const { name } = await context.environment(input.env);
  return operate(context, {
    environment: name,
    runbook: backupRunbook,
    params: { mode: input.mode, cut: input.quiesced ? 'quiesced' : 'fuzzy' },
    done: async (ended) => backupReport(context, name, ended),
  });
};
