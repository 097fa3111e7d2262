import { z } from 'zod';
import { runId } from '../model/identifiers.ts';
import { displacedName } from '../model/displaced-name.ts';
import { RefusedProblem } from '../model/problem.ts';
import { defineRunbook } from '../runbook/define.ts';
import { checkAsideStep } from './steps/check-aside.ts';
import { onEachNode } from './steps/each-node.ts';
import {
  closeOvertaken,
  closeRestore,
  getOpenRestore,
  openRestore,
  requireNoOtherRestore,
  requireUndecided,
} from './catalog/restore-catalog.ts';
import { leftTimeline } from './catalog/left-timeline.ts';
import { exchangedBefore } from './catalog/exchanged-before.ts';
import { decidedRuns, decisionPivots } from './catalog/restore-standing.ts';
import { findIdMark } from './catalog/id-mark.ts';
import { requireNothingLeft } from './catalog/left-run.ts';
import { resumeOf, type RunbookServices } from './services.ts';
import { bytesAside, lookAtKept, lostNodes, lostOptions } from './steps/kept-data.ts';
import { findRecord, findRecordStep, requireWhole } from './steps/find-record.ts';
import { markDisks, markDisksStep } from './steps/mark-disks.ts';
import { makeSoundStep, noteIds, noteIdsStep, stopBeforeSound, stopDatabases } from './steps/id-steps.ts';
import { findNotes, keepNotes, nodeNotes } from './steps/node-notes.ts';
import { indexResult, makeGraphSound, rebuildIndex } from './steps/restored-graph.ts';
import {
  beginDecisionStep,
  patientRetry,
  standardRetry,
  checkRestore,
  lookAtServices,
  decisionParams,
  emptyResult,
  startAgents,
  startDatabase,
  startGraph,
  stopDatabase,
  stopGraph,
} from './steps/standard-steps.ts';
import { pauseShipping, pauseShippingStep, startShipping, startShippingStep } from './steps/shipping-steps.ts';
import { clearStaged, startAgainStep } from './steps/start-again.ts';
import { openRevertedTimeline, openTimelineStep } from './steps/timeline-steps.ts';

const params = decisionParams.extend({
  /** The caller takes a backup afterwards: the old data may hold writes that are in no log. */
  newBase: z.boolean().default(true),
});
export type RevertParams = z.output<typeof params>;

/**
 * Reverts a restore in place that finished or stopped at any step: the old data comes back, and the restored data is
 * kept aside.
 */
export const revertRunbook = defineRunbook<RevertParams, RunbookServices>({
  name: 'revert',
  version: 15,
  pivot: decisionPivots.reverting,
  noWayOn: ['nothing-aside'],
  ends: async ({ run, params: { restore }, services: { platform } }) => decidedRuns(platform.bucket, restore, run),
  mayResume: async ({ run, params: { restore }, stopped, services: { platform } }) => {
    await requireUndecided(platform.bucket, restore, run);
    if (stopped) await requireNoOtherRestore(platform.bucket, [restore, run]);
  },
  title: 'Revert a restore: bring back the old data',
  params,
})
  .step({ ...findRecordStep, run: async (context) => findRecord(context, requireWhole) })
  .step({ ...checkRestore('reverting'), needs: ['find-record'] })
  .step({ ...startAgents, needs: ['check-restore'] })
  .step({
    id: 'check-kept',
    title: 'Every node keeps the old data',
    effect: 'read',
    guard: 'until-moved',
    needs: ['check-restore', 'start-agents'],
    timeout: '30m',
    retry: standardRetry,
    result: z.object({ bytes: z.number() }),
    run: async (context) => {
      const { platform } = context.services;
      const { aside, succeeded, disks, whole } = context.results['check-restore'];
      const { restore } = context.params;
      await requireNothingLeft(context.services, { by: context.run, of: restore });
      const lost = lostNodes(await lookAtKept(platform, context, { aside, mark: restore }), { disks, whole });
      if (lost.length === 0) return { bytes: await bytesAside(platform, context) };
      const resume = succeeded ? undefined : await resumeOf(context.services, restore);
      throw nothingKept(context.environment, { restore, lost, resume, state: 'Nothing was stopped or moved.' });
    },
  })
  .step({
    id: 'clear-stage',
    title: 'Remove what the restore brought beside the data and never placed',
    effect: 'write',
    needs: ['check-kept', 'start-agents'],
    // About as much as lies aside.
    timeout: { atLeast: '1h', perGiB: '1m', of: ['check-kept.bytes'] },
    retry: standardRetry,
    result: emptyResult,
    // First of all: it may be what fills the disk of a node.
    run: async (context) => {
      await clearStaged(context);
      return {};
    },
  })
  .step({ ...checkAsideStep, needs: ['start-agents', 'clear-stage'] })
  .step({
    ...markDisksStep,
    needs: ['start-agents', 'check-aside', 'check-kept'],
    run: markDisks,
  })
  .step({ ...lookAtServices, needs: ['start-agents', 'mark-disks'] })
  .step({
    ...stopGraph,
    needs: ['check-restore', 'start-agents', 'check-aside', 'check-kept', 'look-services', 'mark-disks'],
  })
  .step({ ...pauseShippingStep, needs: ['stop-graph'], run: async (context) => pauseShipping(context) })
  // Nothing about ids keeps the old data from coming back.
  .step({ ...noteIdsStep, needs: ['stop-graph'], run: async (work) => noteIds(work, { passOver: () => true }) })
  .step({
    ...stopDatabase,
    needs: ['stop-graph', 'note-ids', 'pause-shipping'],
    run: async (context) => stopDatabases(context, { toEnd: false }),
  })
  .step({ ...beginDecisionStep('reverting'), needs: ['check-restore', 'stop-database'] })
  .step({
    id: 'bring-back',
    title: 'Exchange the restored data with the old data',
    effect: 'destroy',
    needs: ['stop-database', 'begin-decision', 'check-restore', 'check-kept', 'start-agents'],
    // Renames; but what was brought beside the data and never placed is deleted.
    timeout: { atLeast: '1h', perGiB: '1m', of: ['check-kept.bytes'] },
    retry: standardRetry,
    result: z.object({
      /** Of each node: the highest id of the segments of the data that came back, null when it has none. */
      lastSegments: nodeNotes,
      /** Of the mixed index there is no old one any more. */
      indexLost: z.boolean().default(false),
    }),
    run: async (context) => {
      const { platform } = context.services;
      const { aside, whole, served, disks } = context.results['check-restore'];
      const mayBeAbsent = !whole;
      const job = {
        run: aside,
        mayBeAbsent,
        ...(disks === 'no' ? {} : { mark: context.params.restore }),
        ...(disks === 'unknown' ? {} : { whole: served }),
      };
      const lost: string[] = [];
      const done = await onEachNode(
        platform,
        context,
        'revert-aside',
        () => job,
        ({ node, problem }) => {
          if (problem.code === 'nothing-aside') lost.push(node);
        },
      ).catch((thrown: unknown) => {
        if (lost.length === 0) throw thrown;
        const state = 'The other nodes have the old data again or still keep it. The servers are stopped.';
        throw nothingKept(context.environment, { restore: context.params.restore, lost, resume: undefined, state });
      });
      const { lost: indexLost } = await platform.graphLifecycle.revertIndexAside(aside, { mayBeAbsent });
      if (indexLost) context.log('the old mixed index is gone: it is made anew from the old data');
      await clearStaged(context);
      const last = Object.fromEntries(done.map(({ node, result }) => [node, result.lastSegment]));
      return { lastSegments: await keepNotes(context, last), indexLost };
    },
  })
  .step({
    ...startDatabase,
    title: 'See that every node has the old data, start it and wait for one schema',
    needs: ['bring-back', 'check-kept', 'check-restore', 'start-agents'],
    // The log that lay aside with the data is replayed.
    timeout: { atLeast: '6h', perGiB: '5m', of: ['check-kept.bytes'] },
    run: async (context) => {
      const { environment, params, results, run, services } = context;
      const looks = await lookAtKept(services.platform, context, { aside: results['check-restore'].aside, mark: run });
      // On the disk on which this run has brought it back, what was displaced lies aside.
      const lost = looks
        .filter(({ phase, exchanged, itself }) => phase !== null || !exchanged || !itself)
        .map(({ node }) => node);
      if (lost.length > 0) {
        const state = 'No server was started on an empty disk. The other nodes have the old data again.';
        throw nothingKept(environment, { restore: params.restore, lost, resume: undefined, state });
      }
      return startDatabase.run(context);
    },
  })
  .step({
    ...openTimelineStep,
    needs: ['start-database', 'pause-shipping'],
    run: async (context) => {
      const { params, run, results, services } = context;
      const { bucket } = services.platform;
      const record = await getOpenRestore(bucket, params.restore, run);
      const paused = leftTimeline(results['pause-shipping']);
      const before = await exchangedBefore(bucket, { restore: params.restore, by: run, timeline: paused.timeline });
      // The data in place is then the end of the timeline which that one had opened, with what was written since.
      return openRevertedTimeline(context, record, before === undefined ? record.left : paused);
    },
  })
  .step({
    ...startShippingStep,
    needs: ['start-database', 'open-timeline', 'bring-back', 'start-agents'],
    run: async (context) => {
      const { results } = context;
      // Without them nothing of before is shipped either: Cassandra has replayed and removed those segments when it answers.
      const after = await findNotes(context, 'bring-back', results['bring-back'].lastSegments);
      return startShipping(context, results['open-timeline'].timeline, after);
    },
  })
  .step({
    ...makeSoundStep,
    needs: ['start-database', 'start-shipping', 'note-ids', 'check-restore', 'check-kept'],
    timeout: { ...makeSoundStep.timeout, of: ['check-kept.bytes'] },
    retry: standardRetry,
    run: async (context) => {
      const { results, run, services } = context;
      const graphRan = await stopBeforeSound(context);
      const mark = await findIdMark(services.platform.bucket, run, context.log);
      // Where no server ever started on the restored data, the old data knows every id that was given out.
      const none = results['check-restore'].served ? undefined : { mark: [] };
      try {
        return { ...(await makeGraphSound({ ...context, ...services }, mark ?? none)), graphRan };
      } catch (error) {
        // The old data is as it was, also that of a graph whose ids Cardea does not read.
        if (!(error instanceof RefusedProblem)) throw error;
        context.log(`the ids of the old data were not moved ahead: ${error.happened}`);
        return { instancesCleared: 0, locksCleared: 0, idBlocksAdvanced: 0, graphRan };
      }
    },
  })
  .step({ ...startGraph, needs: ['start-database', 'make-sound'] })
  .step({
    id: 'rebuild-index',
    title: 'Make the mixed index anew, because the old one is gone',
    effect: 'write',
    needs: ['start-graph', 'bring-back', 'check-kept'],
    when: { result: 'bring-back.indexLost', is: true },
    timeout: { atLeast: '12h', perGiB: '10m', of: ['check-kept.bytes'] },
    retry: patientRetry,
    result: indexResult,
    run: async (context) => rebuildIndex({ ...context, ...context.services }),
  })
  .step({
    id: 'record-reverted',
    title: 'Record the restore as reverted',
    effect: 'write',
    needs: ['start-graph', 'rebuild-index', 'check-restore', 'pause-shipping', 'open-timeline', 'start-agents'],
    timeout: '5m',
    retry: standardRetry,
    /** `half`: what it moved aside was never a whole environment. */
    result: z.object({ half: z.boolean() }),
    run: async (context) => {
      const { run, epoch, environment, params, results } = context;
      const { platform, clock } = context.services;
      // The restored data, and what was written to it since, now lies aside until this revert is accepted or reverted
      // in turn: not before its run has succeeded, wherever it breaks off here.
      const { aside, point, served } = results['check-restore'];
      const [id, at] = [runId.parse(run), clock.now().toISOString()];
      // An earlier revert that broke off may have known it, and told the nodes.
      const displaced = await onEachNode(platform, context, 'look-aside', () => ({ run: displacedName(aside) }));
      const half = !served || displaced.some(({ result }) => result.whole === false);
      await closeRestore(platform.bucket, params.restore, 'reverted', { at, run: id, epoch });
      const paused = leftTimeline(results['pause-shipping']);
      const asked = { restore: params.restore, by: run, timeline: paused.timeline };
      const before = await exchangedBefore(platform.bucket, asked);
      const left = before === undefined ? paused : before.left;
      const record = {
        run: id,
        environment,
        ...(point === undefined ? {} : { point }),
        aside: displacedName(aside),
        ...(left === undefined ? {} : { left }),
        // Where a server of the graph may have run on it, it may hold what was acknowledged since, proven or not.
        ...(half ? { half: true } : {}),
        startedAt: at,
        epoch,
      };
      await closeOvertaken(platform.bucket, record, at);
      await openRestore(platform.bucket, record);
      return { half };
    },
  })
  .step({
    ...startAgainStep,
    needs: ['look-services', 'check-kept'],
    timeout: { ...startAgainStep.timeout, of: ['check-kept.bytes'] },
  })
  .build();

function nothingKept(
  environment: string,
  {
    restore,
    lost,
    resume,
    state,
  }: {
    readonly restore: string;
    readonly lost: readonly string[];
    readonly resume: string | undefined;
    readonly state: string;
  },
): RefusedProblem {
  const giveUp = `cardea restore accept ${restore} ${lostOptions(lost)} --confirm ${environment}`;
  return new RefusedProblem({
    code: 'nothing-aside',
    happened: `There is no old data of ${restore} on ${lost.join(', ')}: the disk was replaced, emptied or set back since, or held none before the restore. So the data from before the restore cannot be brought back whole.`,
    state,
    next:
      resume === undefined
        ? `Give up what the others keep of it: ${giveUp}. For another state of the data, restore it: cardea window ${environment} lists what can be restored.`
        : `Carry the restore on: ${resume}. Where that does not succeed, give it up (${giveUp}), and restore another point or instant.`,
  });
}
