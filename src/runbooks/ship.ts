import { z } from 'zod';
import { RefusedProblem } from '../model/problem.ts';
import { defineRunbook } from '../runbook/define.ts';
import { requireNoUnfinishedRestore } from './catalog/restore-catalog.ts';
import type { RunbookServices } from './services.ts';
import { notAllShip, shipEverywhere, shippedResult, shipStepResult } from './steps/shipping-steps.ts';
import { checkStore, emptyResult, standardRetry, startAgents } from './steps/standard-steps.ts';

/**
 * Makes every agent ship that should: one that a restore or a revert had paused and could not start again, and those
 * that a broken-off run left paused. Nothing is done while a restore has left its data half in place.
 */
export const shipRunbook = defineRunbook<object, RunbookServices>({
  name: 'ship',
  version: 2,
  title: 'Make every node ship its log',
  params: z.object({}),
})
  .step({
    id: 'check-restores',
    title: 'Check that no restore has left its data half in place',
    effect: 'read',
    guard: true,
    needs: [],
    timeout: '1m',
    retry: standardRetry,
    result: emptyResult,
    run: async ({ environment, services: { platform, config } }) => {
      if (!config.backup.log.ship) throw shippingOff(environment);
      await requireNoUnfinishedRestore(platform.bucket);
      return {};
    },
  })
  .step(checkStore)
  .step({ ...startAgents, needs: ['check-restores', 'check-store'] })
  .step({
    id: 'start-shipping',
    title: 'Start shipping on every node that does not',
    effect: 'write',
    needs: ['start-agents'],
    timeout: '5m',
    retry: standardRetry,
    result: shipStepResult,
    run: async (context) => {
      const shipped = await shipEverywhere(context);
      if (shipped.problems.length > 0) throw notAllShip(context.environment, shipped.problems);
      return shippedResult(shipped);
    },
  })
  .build();

function shippingOff(environment: string): RefusedProblem {
  return new RefusedProblem({
    code: 'shipping-off',
    happened: `The configuration says that the log of ${environment} is not shipped (backup.log.ship is false).`,
    state: 'Nothing was changed.',
    next: `Set backup.log.ship to true and bring the agents up with it, then: cardea ship ${environment}`,
  });
}
