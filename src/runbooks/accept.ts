import { z } from 'zod';
import { formatBytes } from '../model/bytes.ts';
import { runId } from '../model/identifiers.ts';
import { defineRunbook } from '../runbook/define.ts';
import { onEachNode } from './each-node.ts';
import { closeRestore, getOpenRestore } from './restore-catalog.ts';
import type { RunbookServices } from './services.ts';

const params = z.object({ restore: runId });
export type AcceptParams = z.output<typeof params>;
const again = { attempts: 3, backoff: '1s', max: '10s' };

/** Accepts a restore in place: the data that it moved aside is deleted, and with it the way back. */
export const acceptRunbook = defineRunbook<AcceptParams, RunbookServices>({
  name: 'accept',
  version: 1,
  title: 'Accept a restore: delete what it moved aside',
  params,
})
  .step({
    id: 'check-restore',
    title: 'The restore waits for a decision',
    effect: 'read',
    needs: [],
    timeout: '1m',
    retry: again,
    result: z.object({ aside: z.string() }),
    run: async ({ run, params, services: { platform } }) => ({
      aside: (await getOpenRestore(platform.bucket, params.restore, run)).aside,
    }),
  })
  .step({
    id: 'delete-aside',
    title: 'Delete the data that was moved aside on every node',
    effect: 'destroy',
    needs: ['check-restore'],
    timeout: '2h',
    retry: again,
    result: z.object({ bytes: z.number() }),
    run: async (context) => {
      const { platform } = context.services;
      const { aside } = context.results['check-restore'];
      const done = await onEachNode(platform, context, 'accept-aside', () => ({ run: aside }));
      await platform.graphLifecycle.acceptIndexAside(aside);
      const bytes = done.reduce((sum, { result }) => sum + result.bytes, 0);
      context.log(`${formatBytes(bytes)} deleted`);
      return { bytes };
    },
  })
  .step({
    id: 'record-accepted',
    title: 'Record the restore as accepted',
    effect: 'write',
    needs: ['delete-aside'],
    timeout: '1m',
    retry: again,
    result: z.object({}),
    run: async ({ run, params, services: { platform, clock } }) => {
      await closeRestore(platform.bucket, params.restore, 'accepted', {
        at: clock.now().toISOString(),
        run: runId.parse(run),
      });
      return {};
    },
  })
  .build();
