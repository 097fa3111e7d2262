import { z } from 'zod';
import { formatBytes } from '../model/bytes.ts';
import { pointId, runId } from '../model/identifiers.ts';
import { FailedProblem, RefusedProblem } from '../model/problem.ts';
import { proof } from '../model/restore-point.ts';
import type { RestorePoint } from '../model/restore-point.ts';
import type { JobParams } from '../ports/node-agent.ts';
import type { Platform } from '../ports/platform.ts';
import { defineRunbook } from '../runbook/define.ts';
import { acceptPoint } from './recovery/choose-point.ts';
import { requireRestoreRoom, restoreDemands } from './recovery/restore-room.ts';
import { findNotes, keepNotes, nodeNotes } from './steps/node-notes.ts';
import { namesIn } from './steps/node-set.ts';
import { checkAsideStep, checkNothingAside, deleteAccepted } from './steps/check-aside.ts';
import { markDisks, markDisksStep } from './steps/mark-disks.ts';
import { requireReplayed } from './steps/replayed-logs.ts';
import { requireTokensAfter, requireTokensBefore, tokensSeal } from './steps/same-tokens.ts';
import { placeWhatIsGone } from './steps/placed-data.ts';
import { recordingDamage, takeFailureBack } from './steps/point-damage.ts';
import { verifiedInventories, verifyPoint } from './steps/verify-point.ts';
import { askEachNode, onEachNode } from './steps/each-node.ts';
import { lookAtKept } from './steps/kept-data.ts';
import { leftTimeline } from './catalog/left-timeline.ts';
import { currentTimeline } from './catalog/timeline-record.ts';
import {
  bindInventories,
  boundInventories,
  inventoriesOf,
  requireSameInventories,
} from './catalog/bound-inventories.ts';
import { getOwnPoint, getPoint } from './catalog/point-catalog.ts';
import { findIdMark } from './catalog/id-mark.ts';
import { requireNothingLeft } from './catalog/left-run.ts';
import { listOpenRestores, openRestore, requireNoOtherRestore, requireUndecided } from './catalog/restore-catalog.ts';
import { repairRolesStep, restoredRoles, rolesResult, rolesAsResult } from './steps/restored-roles.ts';
import {
  indexResult,
  makeGraphSound,
  rebuildIndex,
  verifiedAsResult,
  verifiedResult,
  verifyRestored,
} from './steps/restored-graph.ts';
import type { RunbookServices } from './services.ts';
import { createTablesStep, requireTables } from './steps/added-tables.ts';
import {
  createAddedTables,
  decideLogs,
  extendLogs,
  extendLogsStep,
  logsToPlace,
  placeLogs,
  placeLogsStep,
  planLogsStep,
  planOf,
  stageLogs,
  stageLogsStep,
  verifyLogsStep,
} from './steps/log-steps.ts';
import {
  liveIdsAnswer,
  makeSoundStep,
  noteIds,
  noteIdsStep,
  stopBeforeSound,
  stopDatabases,
} from './steps/id-steps.ts';
import { replayParams, requireTarget, targetName } from './recovery/replay-params.ts';
import { pauseShipping, pauseShippingStep, startShipping, startShippingStep } from './steps/shipping-steps.ts';
import { noteHistoryStep, requireNoRestoreSince, requireSameTimeline, sameHistoryStep } from './steps/same-history.ts';
import { requireRestorableForm } from './steps/graph-form.ts';
import { startAgainStep } from './steps/start-again.ts';
import { openPointTimeline, openReplayedTimeline, openTimelineStep } from './steps/timeline-steps.ts';
import {
  patientRetry,
  standardRetry,
  checkStore,
  emptyResult,
  lookAtServices,
  startAgents,
  startDatabase,
  startGraph,
  stopDatabase,
  stopGraph,
} from './steps/standard-steps.ts';

const params = z
  .object({
    point: pointId,
    /** Restore a point that was only taken, never checked. */
    allowTaken: z.boolean().default(false),
    /** Check a point anew that failed its last check, and restore it if every file is right. */
    allowFailed: z.boolean().default(false),
    /**
     * The caller takes a backup afterwards, as a separate run: the graph already serves then, and if it fails, the
     * restore has not failed.
     */
    newBase: z.boolean().default(true),
    /**
     * Files and logs are brought beside the data while the graph serves. Without it that happens when it has stopped:
     * no room need stay free for a database that still writes, and the graph is away for longer.
     */
    stage: z.boolean().default(true),
    ...replayParams,
  })
  .superRefine(requireTarget);
export type RestoreParams = z.output<typeof params>;

/**
 * Restores an environment in place, whatever its state: nodes down, a disk empty, the graph damaged. The old data is
 * moved aside by rename and is kept until a person accepts or reverts the restore. The steps before the first destructive
 * one move and stop nothing: they look, start agents, write down the log plan, and bring the files beside the data.
 */
export const restoreRunbook = defineRunbook<RestoreParams, RunbookServices>({
  name: 'restore',
  version: 16,
  title: 'Restore in place',
  params,
  pivot: 'set-aside',
  noWayOn: ['placed-gone'],
  wayBack: (run, environment) => `cardea restore revert ${run} --confirm ${environment}`,
  mayResume: async ({ run, stopped, services }) => {
    const { bucket } = services.platform;
    await requireUndecided(bucket, run);
    if (!stopped) return;
    await requireNoOtherRestore(bucket, [run]);
    await requireNothingLeft(services, { by: run });
  },
})
  .step({
    id: 'check-point',
    title: 'Check that the point is good and fits this environment',
    effect: 'read',
    // From then on what is placed is compared with the inventory, file by file: nothing that somebody finds out about the point may stand
    // between a half restored environment and its end.
    guard: 'until-moved',
    needs: [],
    timeout: '10m',
    retry: standardRetry,
    /** `tokens`: see `tokensSeal`. */
    result: z.object({ proof, bytes: z.number(), warning: z.string().optional(), tokens: z.string().optional() }),
    run: async ({ run, params, environment, log, services }) => {
      const { platform } = services;
      const point = await getOwnPoint(platform.bucket, params.point, environment);
      const { warning } = acceptPoint(point, { taken: params.allowTaken, failed: params.allowFailed });
      if (warning !== undefined) log(warning);
      requireSameLayout(point, platform);
      if (!(await isUnderWay(platform, run))) {
        await requireTokensBefore(platform, point);
        await requireRestorableForm(platform, point, params.replay);
      }
      await requireNoOpenRestore(platform, run);
      await requireNothingLeft(services, { by: run });
      const told = { proof: point.proof, bytes: point.bytes, tokens: tokensSeal(point) };
      return { ...told, ...(warning === undefined ? {} : { warning }) };
    },
  })
  .step(checkStore)
  .step({
    ...noteHistoryStep,
    needs: ['check-point'],
    run: async ({ run, begun, environment, services: { platform } }) => {
      // It may be noted only now, by a process that carries the run on.
      await requireNoRestoreSince(platform.bucket, { run, environment, begun });
      return { timeline: await currentTimeline(platform.bucket) };
    },
  })
  .step({
    ...sameHistoryStep,
    guard: 'until-moved',
    needs: ['note-history'],
    run: async ({ environment, results, services: { platform } }) =>
      requireSameTimeline(platform.bucket, environment, results['note-history'].timeline),
  })
  .step({ ...startAgents, needs: ['check-point', 'check-store'] })
  .step({
    id: 'check-files',
    title: 'Check that every file of the point is in the store',
    effect: 'read',
    needs: ['check-point', 'check-store', 'start-agents'],
    timeout: { atLeast: '1h', perGiB: '2m', of: ['check-point.bytes'] },
    retry: patientRetry,
    result: z.object({ files: z.number(), bytes: z.number(), inventories: boundInventories }),
    run: async (context) => {
      const { point } = context.params;
      const done = await verifyPoint(context, point, [point]);
      return { ...filesOf(done), inventories: bindInventories(verifiedInventories(done)) };
    },
  })
  .step({
    ...planLogsStep,
    run: async (context) => {
      const { platform } = context.services;
      return decideLogs(context, context.params, { idsKnown: await liveIdsAnswer(platform, context.log) });
    },
  })
  .step(verifyLogsStep)
  .step({
    id: 'clear-stage',
    title: 'Remove what earlier restores brought beside the data and never placed',
    effect: 'write',
    needs: ['check-point', 'start-agents'],
    // What an earlier restore left there is about as much as a point.
    timeout: { atLeast: '1h', perGiB: '1m', of: ['check-point.bytes'] },
    retry: standardRetry,
    result: emptyResult,
    run: async (context) => {
      const { point, stage } = context.params;
      // Without the staging step nobody would look whether what lies there has changed.
      await onEachNode(context.services.platform, context, 'clear-stage', () => (stage ? { keepPoint: point } : {}));
      await deleteAccepted(context);
      return {};
    },
  })
  .step({
    id: 'check-disk',
    title: 'Check that every disk has room for the restored data beside the present data',
    effect: 'read',
    guard: 'until-moved',
    needs: ['check-point', 'clear-stage', 'verify-logs'],
    timeout: '30m',
    retry: standardRetry,
    result: z.object({ stageLogs: z.boolean() }),
    run: async (context) => {
      const { params, results, services } = context;
      const { platform, config } = services;
      const point = await getPoint(platform.bucket, params.point);
      const plan = params.replay ? await planOf(platform, context, results['verify-logs']) : undefined;
      const disks = await askEachNode(platform, context, 'Asking for the disk', async (node) =>
        platform.agent(node).disk(),
      );
      const demands = await restoreDemands(platform, { point, plan }, disks);
      requireRestoreRoom(demands, { stage: params.stage, share: config.backup.minimumFreeShare });
      return { stageLogs: params.stage && params.replay };
    },
  })
  .step({ ...checkAsideStep, run: async (context) => checkNothingAside(context) })
  .step({
    id: 'stage-files',
    title: 'Bring the files of the point beside the data and hash each, while the graph serves',
    effect: 'write',
    // Another restore may have removed them since.
    guard: 'until-stopped',
    needs: ['check-files', 'check-disk', 'check-aside'],
    when: { param: 'stage', is: true },
    timeout: { atLeast: '12h', perGiB: '5m', of: ['check-files.bytes'] },
    retry: patientRetry,
    result: z.object({ files: z.number(), bytes: z.number() }),
    run: async (context) => {
      const { point } = context.params;
      const { platform } = context.services;
      const paramsOf = await filesParams(context);
      const done = await recordingDamage(context, point, async (failed) =>
        onEachNode(platform, context, 'stage-files', paramsOf, failed),
      );
      await takeFailureBack(context, point);
      return filesOf(done);
    },
  })
  .step({
    ...stageLogsStep,
    needs: ['verify-logs', 'check-disk', 'check-aside'],
    when: { result: 'check-disk.stageLogs', is: true },
    run: async (context) => stageLogs(context, context.services.platform, context.results['verify-logs']),
  })
  .step({
    id: 'same-files',
    title: 'Nobody has exchanged what the bucket says of the files since they were checked',
    effect: 'read',
    guard: 'until-moved',
    needs: ['check-files', 'stage-files'],
    timeout: { atLeast: '30m', perGiB: '1s', of: ['check-files.bytes'] },
    retry: standardRetry,
    result: emptyResult,
    run: async ({ params, results, services: { platform } }) => {
      const point = await getPoint(platform.bucket, params.point);
      await requireSameInventories(platform.bucket, point, results['check-files'].inventories);
      return {};
    },
  })
  .step({
    ...markDisksStep,
    // After all that may take hours, and the look at the services with it: until then others start, stop and replace things.
    needs: [
      'start-agents',
      'check-files',
      'check-disk',
      'check-aside',
      'stage-files',
      'stage-logs',
      'verify-logs',
      'same-files',
      'same-history',
    ],
    run: markDisks,
  })
  .step({ ...lookAtServices, needs: ['start-agents', 'mark-disks'] })
  .step({
    ...stopGraph,
    needs: [
      'check-files',
      'check-disk',
      'check-aside',
      'stage-files',
      'stage-logs',
      'verify-logs',
      'look-services',
      'mark-disks',
      'same-files',
      'same-history',
    ],
  })
  .step({ ...pauseShippingStep, needs: ['stop-graph'], run: async (context) => pauseShipping(context) })
  .step({
    ...extendLogsStep,
    needs: ['plan-logs', 'verify-logs', 'pause-shipping'],
    when: { param: 'toEnd', is: true },
    run: async (context) => {
      const { params, results } = context;
      return extendLogs(context, params, { planned: results['plan-logs'], verified: results['verify-logs'] });
    },
  })
  .step({
    ...noteIdsStep,
    needs: ['stop-graph'],
    run: async (work) =>
      // What is refused now, such as the login, would be refused after the restore, too, with the data aside. But that
      // there is no graph any more may be the very disaster.
      noteIds(work, {
        passOver: (problem) => !(problem instanceof RefusedProblem) || problem.code === 'graph-missing',
      }),
  })
  .step({
    ...stopDatabase,
    needs: ['stop-graph', 'note-ids', 'pause-shipping', 'extend-logs'],
    run: async (context) => stopDatabases(context, context.params),
  })
  .step({
    id: 'open-record',
    title: 'Record that this restore moves data aside, and how to go back',
    effect: 'write',
    // Between two processes the environment may have served, and shipped more of the timeline that is left.
    guard: 'until-moved',
    needs: ['stop-database', 'pause-shipping'],
    timeout: '1m',
    retry: standardRetry,
    result: emptyResult,
    run: async (context) => {
      const { platform, clock } = context.services;
      await openRestore(platform.bucket, recordOf(context, context.results['pause-shipping'], clock.now()));
      return {};
    },
  })
  .step({
    id: 'set-aside',
    title: 'Move the present data, logs, hints and index aside',
    effect: 'destroy',
    needs: ['open-record', 'stop-database', 'start-agents'],
    timeout: '1h',
    retry: standardRetry,
    result: z.object({ bytes: z.number() }),
    run: async (context) => {
      const { platform } = context.services;
      if (context.attempt > 1) await renewRecord(context);
      const done = await onEachNode(platform, context, 'set-aside', () => ({ run: context.run }));
      await platform.graphLifecycle.setIndexAside(context.run);
      const bytes = done.reduce((sum, { result }) => sum + result.bytes, 0);
      context.log(`${formatBytes(bytes)} moved aside; \`cardea restore revert ${context.run}\` brings them back`);
      return { bytes };
    },
  })
  .step({
    id: 'restore-files',
    title: 'Move the files of the point into place on every node; roles and passwords stay as they are',
    effect: 'destroy',
    needs: ['set-aside', 'stop-database', 'start-agents', 'look-services', 'check-files'],
    timeout: { atLeast: '12h', perGiB: '5m', of: ['check-files.bytes'] },
    retry: patientRetry,
    result: z.object({ files: z.number(), bytes: z.number(), roles: rolesResult }),
    run: async (context) => {
      const filesOfNode = await filesToPlace(context);
      const done = await onEachNode(context.services.platform, context, 'restore-files', filesOfNode);
      const roles = restoredRoles(
        done,
        namesIn(context.services.platform, context.results['look-services'].running),
        context.log,
      );
      return { ...filesOf(done), roles: rolesAsResult(context.services.platform, roles) };
    },
  })
  .step({
    ...createTablesStep,
    // It starts and stops the nodes itself, so that what a resume does again comes before it.
    needs: ['restore-files', 'plan-logs', 'verify-logs', 'check-files', 'stop-graph', 'stop-database', 'start-agents'],
    when: { result: 'plan-logs.createTables', is: true },
    run: async (context) => {
      const { platform } = context.services;
      await placeWhatIsGone(context, platform, { files: await filesToPlace(context), once: false });
      return createAddedTables(context, platform, context.results['verify-logs']);
    },
  })
  .step({
    ...placeLogsStep,
    needs: [
      'restore-files',
      'plan-logs',
      'verify-logs',
      'extend-logs',
      'create-tables',
      'stop-database',
      'start-agents',
      'check-files',
    ],
    when: { param: 'replay', is: true },
    run: async (context) => {
      const { platform } = context.services;
      const once = context.results['plan-logs'].createTables;
      // Files are placed only beside no log.
      await placeWhatIsGone(context, platform, { files: await filesToPlace(context), once });
      return placeLogs(context, platform, plannedLogs(context));
    },
  })
  .step({
    ...startDatabase,
    title: 'See that what was placed lies on every disk, start every node and wait for one schema',
    needs: [
      'check-point',
      'restore-files',
      'place-logs',
      'check-files',
      'plan-logs',
      'verify-logs',
      'extend-logs',
      'look-services',
      'start-agents',
    ],
    // Cassandra replays the log before it answers.
    timeout: { atLeast: '6h', perGiB: '5m', of: ['check-files.bytes', 'verify-logs.bytes', 'extend-logs.bytes'] },
    result: z.object({
      roles: rolesResult,
      /** Of each node: the highest id of the commit log segments that were placed there, null when there were none. */
      lastSegments: nodeNotes,
    }),
    run: async (context) => {
      const { params, results, services, log, earlier } = context;
      const { platform } = services;
      const tablesMade = params.replay && results['plan-logs'].createTables;
      const { looks, again } = await placeWhatIsGone(context, platform, {
        files: await filesToPlace(context),
        ...(params.replay ? { logs: await logsToPlace(context, platform, plannedLogs(context)) } : {}),
        // Once the ring has run, applications may have written what no file and no log here holds.
        once: tablesMade || earlier !== undefined,
      });
      await startDatabase.run(context);
      const { tokens } = results['check-point'];
      if (tokens !== undefined) await requireTokensAfter(platform, tokens);
      if (params.replay) await requireReplayed(platform, context);
      if (params.replay && earlier === undefined) {
        await requireTables(platform, await planOf(platform, context, results['verify-logs']));
      }
      const ran = namesIn(platform, results['look-services'].running);
      const roles = restoredRoles(looks, ran, again.length === 0 ? () => undefined : log);
      const last = Object.fromEntries(looks.map(({ node, result }) => [node, result.lastSegment]));
      return { roles: rolesAsResult(platform, roles), lastSegments: await keepNotes(context, last) };
    },
  })
  .step({ ...repairRolesStep, needs: ['start-database', 'start-agents'] })
  .step({
    ...openTimelineStep,
    needs: ['start-database', 'verify-logs', 'extend-logs'],
    run: async (context) => {
      const { results, params, services } = context;
      if (!params.replay) {
        return openPointTimeline(context, await getPoint(services.platform.bucket, params.point));
      }
      const planned = params.toEnd ? results['extend-logs'] : results['verify-logs'];
      return openReplayedTimeline(context, await planOf(services.platform, context, planned));
    },
  })
  .step({
    ...startShippingStep,
    needs: ['start-database', 'open-timeline', 'start-agents'],
    run: async (context) => {
      const { results } = context;
      // Without them nothing of before is shipped either: Cassandra has replayed and removed those segments when it answers.
      const after = await findNotes(context, 'start-database', results['start-database'].lastSegments);
      return startShipping(context, results['open-timeline'].timeline, after);
    },
  })
  .step({
    ...makeSoundStep,
    needs: ['start-database', 'repair-roles', 'start-shipping', 'note-ids', 'check-files'],
    timeout: { ...makeSoundStep.timeout, of: ['check-files.bytes'] },
    retry: standardRetry,
    run: async (context) => {
      const graphRan = await stopBeforeSound(context);
      const mark = await findIdMark(context.services.platform.bucket, context.run, context.log);
      return { ...(await makeGraphSound({ ...context, ...context.services }, mark)), graphRan };
    },
  })
  .step({ ...startGraph, needs: ['start-database', 'make-sound'] })
  .step({
    id: 'rebuild-index',
    title: 'Rebuild the mixed index from the restored data',
    effect: 'write',
    needs: ['start-graph', 'check-files'],
    timeout: { atLeast: '12h', perGiB: '10m', of: ['check-files.bytes'] },
    retry: patientRetry,
    result: indexResult,
    run: async (context) => rebuildIndex({ ...context, ...context.services }),
  })
  .step({
    id: 'verify',
    title: 'Check every invariant of the graph, and the fingerprint if the point recorded one',
    effect: 'read',
    needs: ['start-graph', 'rebuild-index', 'check-files', 'verify-logs', 'extend-logs'],
    timeout: { atLeast: '12h', perGiB: '10m', of: ['check-files.bytes'] },
    retry: patientRetry,
    result: verifiedResult,
    run: async (context) => {
      const { results, params, services } = context;
      const planned = params.toEnd ? results['extend-logs'] : results['verify-logs'];
      const plan = params.replay ? await planOf(services.platform, context, planned) : undefined;
      const point = await getPoint(context.services.platform.bucket, context.params.point);
      const remedy = keepsUnproven(context);
      const wanted = context.params.replay ? undefined : point.fingerprint;
      const restored = { name: targetName(context.params), point, wanted, plan };
      return verifiedAsResult(context, await verifyRestored({ ...context, ...context.services }, restored, remedy));
    },
  })
  .step({
    id: 'same-ids',
    title: 'No JanusGraph ran on the restored data before its ids were moved ahead',
    effect: 'read',
    // Last: the graph serves, and everything else is known, when a person decides.
    needs: ['make-sound', 'verify'],
    timeout: '1m',
    result: emptyResult,
    run: async (context) => {
      if (context.results['make-sound'].graphRan) throw idsGivenTwice(context);
      return {};
    },
  })
  .step({
    ...startAgainStep,
    needs: ['look-services', 'check-files', 'verify-logs'],
    timeout: { ...startAgainStep.timeout, of: ['check-files.bytes', 'verify-logs.bytes'] },
  })
  .build();

function keepsUnproven({ run, environment }: Pick<Recorded, 'run' | 'environment'>): string {
  return `When you have looked at the graph and keep it as it is: cardea restore accept ${run} --unproven --confirm ${environment}.`;
}

function idsGivenTwice({ run, environment }: Pick<Recorded, 'run' | 'environment'>): FailedProblem {
  return new FailedProblem({
    code: 'graph-started',
    happened: `A JanusGraph of ${environment} was started by something else on the restored data before its ids were moved ahead, so ids that had been given out after the restored state may have been given out again.`,
    state:
      'The restored graph serves, and every other check of it passed. New ids are beyond all that were ever given out.',
    next: `${keepsUnproven({ run, environment })} Or bring the old data back: cardea restore revert ${run} --confirm ${environment}; then switch off what starts JanusGraph by itself (a supervisor, a timer, a person), and restore again.`,
  });
}

interface Recorded {
  readonly run: string;
  readonly epoch: number;
  readonly environment: string;
  readonly params: RestoreParams;
}

function recordOf(
  { run, epoch, environment, params }: Recorded,
  paused: Parameters<typeof leftTimeline>[0],
  now: Date,
) {
  return {
    left: leftTimeline(paused),
    run: runId.parse(run),
    environment,
    point: params.point,
    aside: run,
    startedAt: now.toISOString(),
    epoch,
  };
}

/**
 * Begun before, and nothing was moved: between two processes the environment may have served and shipped, so where the
 * timeline ends that is left is asked again.
 */
async function renewRecord(context: Parameters<typeof pauseShipping>[0] & Recorded): Promise<void> {
  const { run, step, services } = context;
  const { platform, clock } = services;
  const kept = await lookAtKept(platform, { ...context, step: `${step}-look` }, { aside: run, mark: run });
  if (kept.some(({ phase }) => phase !== null)) return;
  const paused = await pauseShipping({ ...context, step: `${step}-pause` });
  await openRestore(platform.bucket, recordOf(context, paused, clock.now()));
}

/** What each node's agent is told to bring: only the files that were checked. */
async function filesParams({
  params: { point: id },
  results,
  services: { platform },
}: {
  readonly params: Pick<RestoreParams, 'point'>;
  readonly results: { readonly 'check-files': { readonly inventories: z.output<typeof boundInventories> } };
  readonly services: RunbookServices;
}): Promise<(node: string) => JobParams['stage-files']> {
  const point = await getPoint(platform.bucket, id);
  const inventoryOf = await inventoriesOf(platform.bucket, point, results['check-files'].inventories);
  return (node) => ({ point: id, source: node, inPlace: true, inventorySha256: inventoryOf(node) });
}

/** What each node's agent is told to place: roles and passwords stay as they were. */
async function filesToPlace(
  context: Parameters<typeof filesParams>[0] & { readonly run: string },
): Promise<(node: string) => JobParams['restore-files']> {
  const paramsOf = await filesParams(context);
  return (node) => ({ ...paramsOf(node), rolesOf: context.run });
}

function plannedLogs({
  params,
  results,
}: {
  readonly params: Pick<RestoreParams, 'toEnd'>;
  readonly results: {
    readonly 'plan-logs': { readonly createTables: boolean };
    readonly 'verify-logs': { readonly sha256: string };
    readonly 'extend-logs': { readonly sha256: string };
  };
}): Parameters<typeof placeLogs>[2] {
  return {
    sha256: results['verify-logs'].sha256,
    ...(params.toEnd ? { extension: results['extend-logs'].sha256 } : {}),
    afterDrain: results['plan-logs'].createTables,
  };
}

/** What all nodes brought or moved. */
function filesOf(done: ReadonlyArray<{ readonly result: { readonly files: number; readonly bytes: number } }>): {
  readonly files: number;
  readonly bytes: number;
} {
  return {
    files: done.reduce((sum, { result }) => sum + result.files, 0),
    bytes: done.reduce((sum, { result }) => sum + result.bytes, 0),
  };
}

/** A restore in place keeps each node's identity and tokens, so the point must come from nodes of the same names. */
function requireSameLayout(point: RestorePoint, platform: Platform): void {
  const here = platform.nodes.map((node) => node.name).sort();
  const there = point.nodes.map((node) => node.node).sort();
  const mistakes = [
    ...there
      .filter((name) => !here.includes(name))
      .map((name) => `${name} is in the point, but not in ${platform.environment}`),
    ...here
      .filter((name) => !there.includes(name))
      .map((name) => `${name} is in ${platform.environment}, but not in the point`),
    ...(point.keyspace === platform.keyspace
      ? []
      : [`the point holds the keyspace ${point.keyspace}, the environment uses ${platform.keyspace}`]),
  ];
  if (mistakes.length === 0) return;
  throw new RefusedProblem({
    code: 'layout-differs',
    happened: `${point.id} does not fit the present nodes of ${platform.environment}.`,
    state: 'Nothing was changed.',
    next: `Restore it into a new environment beside this one: cardea restore ${platform.environment} --to ${point.id} --into NAME.`,
    details: mistakes,
  });
}

/** From then on the living data is set aside, and says nothing about what comes back. */
async function isUnderWay(platform: Platform, run: string): Promise<boolean> {
  return (await listOpenRestores(platform.bucket)).some((record) => record.run === run);
}

async function requireNoOpenRestore(platform: Platform, run: string): Promise<void> {
  const open = (await listOpenRestores(platform.bucket)).filter((record) => record.run !== run);
  if (open.length === 0) return;
  throw new RefusedProblem({
    code: 'restore-open',
    happened: `An earlier restore of ${platform.environment} was neither accepted nor reverted; its old data is still on the nodes: ${open.map((record) => record.run).join(', ')}.`,
    state: 'Nothing was changed.',
    // Of one that broke off, or whose decision did, not both ways are open: only the status knows which.
    next: `Decide that one first: cardea status ${platform.environment} names the command.`,
    details: open.map(
      (record) =>
        `${record.run} (${record.point === undefined ? '' : `to ${record.point}, `}started ${record.startedAt})`,
    ),
  });
}
