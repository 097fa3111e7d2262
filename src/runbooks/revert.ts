import type { z } from 'zod';
import { runId } from '../model/identifiers.ts';
import { defineRunbook } from '../runbook/define.ts';
import { onEachNode } from './each-node.ts';
import { closeRestore, openRestore } from './restore-catalog.ts';
import type { RunbookServices } from './services.ts';
import {
  again,
  checkRestore,
  decisionParams,
  nothing,
  startDatabase,
  startGraph,
  stopDatabase,
  stopGraph,
} from './shared-steps.ts';

export type RevertParams = z.output<typeof decisionParams>;

/** Reverts a restore in place, finished or broken off at any step: what it moved aside comes back, and what it brought is kept aside in turn. */
export const revertRunbook = defineRunbook<RevertParams, RunbookServices>({
  name: 'revert',
  version: 1,
  title: 'Revert a restore: bring back what it moved aside',
  params: decisionParams,
})
  .step(checkRestore)
  .step({ ...stopGraph, needs: ['check-restore'] })
  .step({ ...stopDatabase, needs: ['stop-graph'] })
  .step({
    id: 'bring-back',
    title: 'Exchange the restored data with the data that was moved aside',
    effect: 'destroy',
    needs: ['stop-database', 'check-restore'],
    timeout: '10m',
    retry: again,
    result: nothing,
    run: async (context) => {
      const { platform } = context.services;
      const { aside } = context.results['check-restore'];
      await onEachNode(platform, context, 'revert-aside', () => ({ run: aside }));
      await platform.graphLifecycle.revertIndexAside(aside);
      return {};
    },
  })
  .step({ ...startDatabase, needs: ['bring-back'] })
  .step({ ...startGraph, needs: ['start-database'] })
  .step({
    id: 'record-reverted',
    title: 'Record the restore as reverted',
    effect: 'write',
    needs: ['start-graph', 'check-restore'],
    timeout: '1m',
    retry: again,
    result: nothing,
    run: async ({ run, environment, params, results, services: { platform, clock } }) => {
      // What the restore had brought, and what was written since, lies aside now in its turn, until this decision too is accepted or reverted.
      const { aside, point } = results['check-restore'];
      await openRestore(platform.bucket, {
        run: runId.parse(run),
        environment,
        point,
        aside: `revert-${aside}`,
        startedAt: clock.now().toISOString(),
      });
      await closeRestore(platform.bucket, params.restore, 'reverted', {
        at: clock.now().toISOString(),
        run: runId.parse(run),
      });
      return {};
    },
  })
  .build();
