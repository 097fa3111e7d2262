import { shipRunbook } from '../../../runbooks/index.ts';
import { shipStepResult } from '../../../runbooks/steps/shipping-steps.ts';
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
      const shipped = started.length === 0 ? 'All of them did before.' : `Started: ${started.join(', ')}.`;
      const silent = `\nThe agents of ${without.join(', ')} are configured to ship no log.`;
      return {
        json: { run, ok: true, seconds, timeline, started, without },
        text: `Every agent of ${name} that ships does so, on timeline ${timeline}. ${shipped}${without.length === 0 ? '' : silent}`,
      };
    },
  });
};
