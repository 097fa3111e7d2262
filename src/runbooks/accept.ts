import { z } from 'zod';
import { formatBytes } from '../model/bytes.ts';
import { runId } from '../model/identifiers.ts';
import { defineRunbook } from '../runbook/define.ts';
import { onEachNode } from './steps/each-node.ts';
import { closeRestore } from './catalog/restore-catalog.ts';
import type { RunbookServices } from './services.ts';
import { standardRetry, checkRestore, decisionParams, emptyResult, startAgents } from './steps/standard-steps.ts';

export type AcceptParams = z.output<typeof decisionParams>;

/**
 * Accepts a restore in place: it deletes the data that the restore moved aside, so the restore cannot be reverted any
 * more.
 */
export const acceptRunbook = defineRunbook<AcceptParams, RunbookServices>({
  name: 'accept',
  version: 2,
  title: 'Accept a restore: delete the old data',
  params: decisionParams,
})
  .step(checkRestore)
  .step({ ...startAgents, needs: ['check-restore'] })
  .step({
    id: 'delete-aside',
    title: 'Delete the old data on every node',
    effect: 'destroy',
    needs: ['check-restore', 'start-agents'],
    timeout: '2h',
    retry: standardRetry,
    result: z.object({ bytes: z.number() }),
    run: async (context) => {
      const { platform } = context.services;
      const { aside } = context.results['check-restore'];
      const done = await onEachNode(platform, context, 'accept-aside', () => ({ run: aside }));
      await platform.graphLifecycle.acceptIndexAside(aside);
      const bytes = done.reduce((sum, { result }) => sum + result.bytes, 0);
      context.log(`${formatBytes(bytes)} of old data deleted`);
      return { bytes };
    },
  })
  .step({
    id: 'record-accepted',
    title: 'Record the restore as accepted',
    effect: 'write',
    needs: ['delete-aside'],
    timeout: '1m',
    retry: standardRetry,
    result: emptyResult,
    run: async ({ run, params, services: { platform, clock } }) => {
      await closeRestore(platform.bucket, params.restore, 'accepted', {
        at: clock.now().toISOString(),
        run: runId.parse(run),
      });
      return {};
    },
  })
  .build();
