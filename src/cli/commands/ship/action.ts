import { shipRunbook } from '../../../runbooks/index.ts';
import { shipStepResult } from '../../../runbooks/steps/shipping-steps.ts';
import { namesJson, namesText } from '../../../runbooks/steps/some-names.ts';
import type { Action } from '../../command.ts';
import { operate } from '../../runs/operation.ts';
import type { ship } from './declaration.ts';

export const action: Action<typeof ship> = async (context, input) => {
  const { name } = await context.environment(input.env);
  return operate(context, {
    environment: name,
    runbook: shipRunbook,
    params: {},
    done: ({ run, seconds, results }) => {
      const { timeline, started, without } = shipStepResult.parse(results['start-shipping']);
      const shipped = started.count === 0 ? 'All of them did before.' : `Started: ${namesText(started)}.`;
      const silent = `\nThe agents of ${namesText(without)} are configured to ship no log.`;
      return {
        json: {
          run,
          ok: true,
          seconds,
          timeline,
          ...namesJson('started', started),
          ...namesJson('without', without),
        },
        text: `Every agent of ${name} that ships does so, on timeline ${timeline}. ${shipped}${without.count === 0 ? '' : silent}`,
      };
    },
  });
};
