import { z } from 'zod';
import { formatBytes } from '../model/bytes.ts';
import { runId } from '../model/identifiers.ts';
import { defineRunbook } from '../runbook/define.ts';
import { onEachNode } from './steps/each-node.ts';
import { closeRestore, getOpenRestore, requireNoOtherRestore, requireUndecided } from './catalog/restore-catalog.ts';
import { resumeOf, type RunbookServices } from './services.ts';
import {
  beginDecisionStep,
  checkRestore,
  decisionParams,
  emptyResult,
  standardRetry,
  startAgents,
} from './steps/standard-steps.ts';
import { RefusedProblem } from '../model/problem.ts';

export type AcceptParams = z.output<typeof decisionParams>;

/**
 * Accepts a restore in place: it deletes the data that the restore moved aside, so the restore cannot be reverted any
 * more.
 */
export const acceptRunbook = defineRunbook<AcceptParams, RunbookServices>({
  name: 'accept',
  version: 3,
  pivot: 'delete-aside',
  mayResume: async ({ run, params: { restore }, stopped, services: { platform } }) => {
    await requireUndecided(platform.bucket, restore, run);
    if (stopped) await requireNoOtherRestore(platform.bucket, [restore, run]);
  },
  title: 'Accept a restore: delete the old data',
  params: decisionParams,
})
  .step(checkRestore('accepting'))
  .step({ ...startAgents, needs: ['check-restore'] })
  .step({
    id: 'check-kept',
    title: 'Every node keeps the old data whole',
    effect: 'read',
    guard: 'until-moved',
    needs: ['check-restore', 'start-agents'],
    timeout: '5m',
    retry: standardRetry,
    result: emptyResult,
    run: async (context) => {
      const { platform } = context.services;
      const { aside, succeeded } = context.results['check-restore'];
      const looks = await onEachNode(platform, context, 'look-aside', () => ({ run: aside }));
      // An accept that broke off has deleted some of it already; only a first one has to find it all.
      const wrong = looks.filter(
        ({ result: { phase } }) => phase !== 'kept' && phase !== 'accepting' && phase !== null,
      );
      const { state } = await getOpenRestore(platform.bucket, context.params.restore, context.run);
      const missing = state === 'open' ? looks.filter(({ result: { phase } }) => phase !== 'kept') : wrong;
      if (missing.length > 0 || (!succeeded && state === 'open')) {
        const resume = await resumeOf(context.services, context.params.restore);
        throw notKept(context.params.restore, context.environment, { resume, missing });
      }
      return {};
    },
  })
  .step({ ...beginDecisionStep('accepting'), needs: ['check-kept'] })
  .step({
    id: 'delete-aside',
    title: 'Delete the old data on every node',
    effect: 'destroy',
    needs: ['check-restore', 'begin-decision'],
    timeout: '6h',
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

function notKept(
  run: string,
  environment: string,
  {
    resume,
    missing,
  }: {
    readonly resume: string | undefined;
    readonly missing: ReadonlyArray<{ readonly node: string; readonly result: { readonly phase: string | null } }>;
  },
): RefusedProblem {
  return new RefusedProblem({
    code: 'restore-unfinished',
    happened: `Not every node keeps the old data of ${environment} whole, so the restore ${run} is not accepted.`,
    state: 'Nothing was deleted.',
    next:
      resume === undefined
        ? `Bring the old data back: cardea restore revert ${run} --confirm ${environment}`
        : `Bring the old data back (cardea restore revert ${run} --confirm ${environment}), or carry the restore on: ${resume}`,
    details: missing.map(({ node, result: { phase } }) => `${node}: ${phase ?? 'nothing lies aside'}`),
  });
}
