import { z } from 'zod';
import { formatBytes } from '../model/bytes.ts';
import { displacedName } from '../model/displaced-name.ts';
import { runId } from '../model/identifiers.ts';
import { defineRunbook } from '../runbook/define.ts';
import { safeName } from '../model/safe-name.ts';
import { onEachNode } from './steps/each-node.ts';
import { findRecord, findRecordStep } from './steps/find-record.ts';
import { bytesAside, type KeptData, lookAtKept, lostNodes, lostOptions } from './steps/kept-data.ts';
import { closeRestore, getOpenRestore, requireNoOtherRestore, requireUndecided } from './catalog/restore-catalog.ts';
import { requireNothingLeft } from './catalog/left-run.ts';
import { decidedRuns, decisionPivots } from './catalog/restore-standing.ts';
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

const params = decisionParams.extend({
  /** Nodes that keep nothing any more, because their disks were replaced: what the others keep is given up. */
  lost: z.array(safeName).default([]),
  /** A restore whose graph serves and could not be proven: a person has looked at it and keeps it. */
  unproven: z.boolean().default(false),
});
export type AcceptParams = z.output<typeof params>;

/**
 * Accepts a restore in place: it deletes the data that the restore moved aside, so the restore cannot be reverted any
 * more.
 */
export const acceptRunbook = defineRunbook<AcceptParams, RunbookServices>({
  name: 'accept',
  version: 9,
  pivot: decisionPivots.accepting,
  ends: async ({ run, params: { restore }, services: { platform } }) => decidedRuns(platform.bucket, restore, run),
  mayResume: async ({ run, params: { restore }, stopped, services: { platform } }) => {
    await requireUndecided(platform.bucket, restore, run);
    if (stopped) await requireNoOtherRestore(platform.bucket, [restore, run]);
  },
  title: 'Accept a restore: delete the old data',
  params,
})
  .step({ ...findRecordStep, run: async (context) => findRecord(context) })
  .step({ ...checkRestore('accepting'), needs: ['find-record'] })
  .step({ ...startAgents, needs: ['check-restore'] })
  .step({
    id: 'check-kept',
    title: 'Every node keeps the old data whole',
    effect: 'read',
    guard: 'until-moved',
    needs: ['check-restore', 'start-agents'],
    timeout: '30m',
    retry: standardRetry,
    result: z.object({ bytes: z.number() }),
    run: async (context) => {
      const { platform } = context.services;
      const { aside, finished: succeeded, givenUp, disks, whole } = context.results['check-restore'];
      const { restore, lost } = context.params;
      await requireNothingLeft(context.services, { by: context.run, of: restore });
      const looks = await lookAtKept(platform, context, { aside, mark: restore });
      requireLost(lost, lostNodes(looks, { disks, whole }));
      if (givenUp) return { bytes: await bytesAside(platform, context) };
      const { state } = await getOpenRestore(platform.bucket, restore, context.run);
      // An accept that broke off has deleted some of it already; only a first one has to find it all.
      const missing = looks
        .filter(({ node }) => !lost.includes(node))
        .filter(({ phase }) => phase !== 'kept' && (state === 'open' || (phase !== 'accepting' && phase !== null)));
      if (missing.length === 0 && (succeeded || state !== 'open'))
        return { bytes: await bytesAside(platform, context) };
      const resume = succeeded ? undefined : await resumeOf(context.services, restore);
      throw notKept(restore, context.environment, { resume, missing, lost: lostNodes(missing, { disks, whole }) });
    },
  })
  .step({ ...beginDecisionStep('accepting'), needs: ['check-restore', 'check-kept'] })
  .step({
    id: 'delete-aside',
    title: 'Delete the old data on every node',
    effect: 'destroy',
    needs: ['check-restore', 'check-kept', 'begin-decision', 'start-agents'],
    timeout: { atLeast: '6h', perGiB: '1m', of: ['check-kept.bytes'] },
    retry: standardRetry,
    result: z.object({ bytes: z.number() }),
    run: async (context) => {
      const { platform } = context.services;
      const { aside, givenUp } = context.results['check-restore'];
      let bytes = 0;
      // Of a revert that is given up, some nodes have exchanged the two already.
      for (const name of context.params.lost.length > 0 ? [aside, displacedName(aside)] : [aside]) {
        const done = await onEachNode(platform, context, 'accept-aside', () => ({
          run: name,
          ...(givenUp ? { givenUp } : {}),
        }));
        await platform.graphLifecycle.acceptIndexAside(name);
        bytes += done.reduce((sum, { result }) => sum + result.bytes, 0);
      }
      context.log(`${formatBytes(bytes)} of old data deleted`);
      if (givenUp) context.log(`what is in place is no whole environment: restore ${context.environment} now`);
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
    run: async ({ run, epoch, params, services: { platform, clock } }) => {
      await closeRestore(platform.bucket, params.restore, 'accepted', {
        at: clock.now().toISOString(),
        run: runId.parse(run),
        epoch,
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
    lost,
  }: {
    readonly resume: string | undefined;
    readonly missing: readonly KeptData[];
    readonly lost: readonly string[];
  },
): RefusedProblem {
  const revert = `cardea restore revert ${run} --confirm ${environment}`;
  const next =
    lost.length > 0
      ? `If ${lost.join(', ')} lost ${lost.length === 1 ? 'its disk' : 'their disks'} since then, the restore cannot be reverted any more. Accept it with what there is: cardea restore accept ${run} ${lostOptions(lost)} --confirm ${environment}`
      : `Bring the old data back: ${revert}`;
  return new RefusedProblem({
    code: 'restore-unfinished',
    happened: `Not every node keeps the old data of ${environment} whole, so the restore ${run} is not accepted.`,
    state: 'Nothing was deleted.',
    next: resume === undefined ? next : `Carry the restore on (${resume}), or bring the old data back: ${revert}`,
    details: missing.map(({ node, phase }) => `${node}: ${phase ?? 'nothing lies aside'}`),
  });
}

/** Throws RefusedProblem `not-lost` for a node that was named as lost and keeps its data, or is none. */
function requireLost(named: readonly string[], lost: readonly string[]): void {
  const wrong = named.filter((node) => !lost.includes(node));
  if (wrong.length === 0) return;
  throw new RefusedProblem({
    code: 'not-lost',
    happened: `${wrong.join(', ')} ${wrong.length === 1 ? 'is' : 'are'} named with --lost, and ${wrong.length === 1 ? 'is no node that has' : 'are no nodes that have'} lost what was moved aside.`,
    state: 'Nothing was deleted.',
    next: lost.length === 0 ? 'Every node keeps it: leave --lost out.' : `Lost are: ${lost.join(', ')}.`,
  });
}
