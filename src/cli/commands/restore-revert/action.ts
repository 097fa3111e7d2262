import { formatSeconds } from '../../../model/duration.ts';
import { revertRunbook } from '../../../runbooks/index.ts';
import type { Action } from '../../command.ts';
import { withMissedNodes } from '../../runs/missed-nodes.ts';
import { withNewBase } from '../../runs/new-base.ts';
import { operate } from '../../runs/operation.ts';
import type { restoreRevert } from './declaration.ts';
import { environmentOfRun } from '../../runs/run-lookup.ts';

export const action: Action<typeof restoreRevert> = async (context, input) => {
  const environment = await environmentOfRun(context, input.run, input.env);
  return operate(context, {
    environment,
    runbook: revertRunbook,
    params: { restore: input.run, newBase: !input.withoutBase },
    confirmed: input.confirm,
    async done({ run, seconds, results }) {
      const done = withMissedNodes(context, environment, results['start-shipping'], {
        json: { run, ok: true, seconds, restore: input.run },
        text: `${environment} has the data from before ${input.run} again. This took ${formatSeconds(seconds)}.`,
      });
      return input.withoutBase ? done : withNewBase(context, environment, done);
    },
  });
};
