import { z } from 'zod';
import { pointId, runId } from '../model/identifiers.ts';
import { defineRunbook } from '../runbook/define.ts';
import { onEachNode } from './each-node.ts';
import { closeRestore, getOpenRestore, openRestore } from './restore-catalog.ts';
import type { RunbookServices } from './services.ts';

const params = z.object({ restore: runId });
export type RevertParams = z.output<typeof params>;
const nothing = z.object({});
const again = { attempts: 3, backoff: '1s', max: '10s' };

/** Reverts a restore in place, finished or broken off at any step: what it moved aside comes back, and what it brought is kept aside in turn. */
export const revertRunbook = defineRunbook<RevertParams, RunbookServices>({
  name: 'revert',
  version: 1,
  title: 'Revert a restore: bring back what it moved aside',
  params,
})
  .step({
    id: 'check-restore',
    title: 'The restore waits for a decision',
    effect: 'read',
    needs: [],
    timeout: '1m',
    retry: again,
    result: z.object({ aside: z.string(), point: pointId }),
    run: async ({ run, params, services: { platform } }) => {
      const { aside, point } = await getOpenRestore(platform.bucket, params.restore, run);
      return { aside, point };
    },
  })
  .step({
    id: 'stop-graph',
    title: 'Stop every JanusGraph server',
    effect: 'destroy',
    needs: ['check-restore'],
    timeout: '5m',
    retry: again,
    result: nothing,
    run: async ({ services: { platform }, signal }) => {
      await platform.graphLifecycle.stopAll(signal);
      return {};
    },
  })
  .step({
    id: 'stop-database',
    title: 'Drain and stop every node',
    effect: 'destroy',
    needs: ['stop-graph'],
    timeout: '15m',
    retry: again,
    result: nothing,
    run: async ({ services: { platform }, signal }) => {
      await platform.databaseLifecycle.stopAll(signal);
      return {};
    },
  })
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
  .step({
    id: 'start-database',
    title: 'Start every node and wait for one schema',
    effect: 'write',
    needs: ['bring-back'],
    timeout: '30m',
    retry: again,
    result: nothing,
    run: async ({ services: { platform }, signal }) => {
      await platform.databaseLifecycle.startAll(signal);
      return {};
    },
  })
  .step({
    id: 'start-graph',
    title: 'Start JanusGraph and wait until it answers',
    effect: 'write',
    needs: ['start-database'],
    timeout: '10m',
    retry: again,
    result: nothing,
    run: async ({ services: { platform }, signal }) => {
      await platform.graphLifecycle.startAll(signal);
      return {};
    },
  })
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
