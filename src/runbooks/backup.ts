import { z } from 'zod';
import { UndecodableRow } from '../graph/codec/byte-reader.ts';
import { commitTimes, readCommitTimes, untimely } from '../graph/commit-times.ts';
import { disksWithoutRoom } from '../model/disk-room.ts';
import { formatBytes } from '../model/bytes.ts';
import { formatSeconds } from '../model/duration.ts';
import { cut, inventoryKey, pointFindings, type RestorePoint, snapshotEnd } from '../model/restore-point.ts';
import { pointId, runId, timelineId } from '../model/identifiers.ts';
import { instantText } from '../model/instant.ts';
import { faultTrace } from '../model/fault-trace.ts';
import { RefusedProblem, asProblem } from '../model/problem.ts';
import { objectPatience, patiently } from '../ports/patience.ts';
import { defineRunbook } from '../runbook/define.ts';
import { askEachNode, onEachNode } from './steps/each-node.ts';
import {
  createPoint,
  findPoint,
  getPoint,
  ownPoints,
  removeRecords,
  requireNewName,
  requireOwnName,
  updatePoint,
} from './catalog/point-catalog.ts';
import { removeOldLogs } from './catalog/log-removal.ts';
import { choosePointsToRemove, pointChoice, pointsWithoutLog, removePoints } from './catalog/point-removal.ts';
import { requireNoUnfinishedRestore } from './catalog/restore-catalog.ts';
import { checkNothingUntold } from './steps/check-aside.ts';
import { requireApartNames, requireHealthyRing } from './steps/ring-check.ts';
import { recordSchema } from './catalog/schema-catalog.ts';
import { patientServices, type RunbookServices } from './services.ts';
import { rereadPoints } from './steps/reread-points.ts';
import { verifyPoint } from './steps/verify-point.ts';
import { checkForm } from './steps/graph-form.ts';
import { stockOf, takeStock } from './steps/graph-stock.ts';
import { keepPrint, printed } from './steps/printed-graph.ts';
import { shipEverywhere, shippedResult, shipStepResult } from './steps/shipping-steps.ts';
import { namesOf, someNames } from './steps/some-names.ts';
import { patientRetry, standardRetry, checkStore, emptyResult } from './steps/standard-steps.ts';
import { requireSameHistory, sameHistoryStep } from './steps/same-history.ts';
import { currentTimeline } from './catalog/timeline-record.ts';

const params = z.object({
  mode: z.enum(['full', 'differential']).default('differential'),
  /**
   * `quiesced`: the caller promises that nothing is written until the snapshots and the fingerprint are taken. A
   * rehearsal finds out if that was wrong. The promise is about the process that he has started: see `isQuiet`.
   */
  cut: cut.exclude(['instant']).default('fuzzy'),
  /** Once this backup is checked, remove the points that retention no longer keeps. */
  retention: z.boolean().default(true),
});
export type BackupParams = z.output<typeof params>;

/** `backup-20260219-020000` for the run `backup-20260219-020000-k3f9`: a resumed run uses the same name again. */
export function pointOfRun(run: string): z.infer<typeof pointId> {
  return pointId.parse(run.slice(0, 'backup-YYYYMMDD-HHMMSS'.length));
}

/**
 * Backs up every node in parallel: first the checks, then a snapshot that Cardea itself hashes, then Medusa's upload,
 * then a check that every file of the snapshot is in the store. Medusa's own report is not trusted: it reports a failed
 * snapshot as a good backup.
 */
export const backupRunbook = defineRunbook<BackupParams, RunbookServices>({
  name: 'backup',
  version: 9,
  title: 'Back up every node and check the backup in the store',
  params,
})
  .step({
    id: 'check-nodes',
    title: 'Check that every node is up, seen by all others, on one schema',
    effect: 'read',
    needs: [],
    timeout: '1m',
    retry: standardRetry,
    result: z.object({ schemaVersion: z.string(), cassandraVersion: z.string(), timeline: timelineId }),
    run: async (context) => {
      const { platform } = context.services;
      requireApartNames(platform);
      await requireNoUnfinishedRestore(platform.bucket);
      await checkNothingUntold(context);
      await requireNewName(platform.bucket, pointOfRun(context.run));
      const { schemaVersion, cassandraVersion } = await requireHealthyRing(platform, {
        means: 'A backup now would miss data.',
        state: 'Nothing was changed; no backup was taken.',
      });
      await askEachNode(platform, context, 'Asking the agent', async (node) => platform.agent(node).health());
      return { schemaVersion, cassandraVersion, timeline: await currentTimeline(platform.bucket) };
    },
  })
  .step({
    ...sameHistoryStep,
    needs: ['check-nodes'],
    run: async ({ environment, results, services: { platform } }) =>
      requireSameHistory(platform.bucket, environment, results['check-nodes'].timeline),
  })
  .step(checkStore)
  .step({
    id: 'check-disk',
    title: 'Check that every disk has room for the backup',
    effect: 'read',
    needs: [],
    timeout: '30m',
    retry: standardRetry,
    result: z.object({ bytes: z.number(), expectedNewBytes: z.number() }),
    run: async (context) => {
      const { params } = context;
      const { platform, config } = context.services;
      const previous = (await ownPoints(platform.bucket, context.environment)).find(
        (point) => point.proof !== 'failed',
      );
      const reports = await askEachNode(platform, context, 'Asking for the disk', async (node) =>
        platform.agent(node).disk(),
      );
      const demands = reports.map(({ node: name, value: disk }) => {
        // A differential backup uploads what the last one did not hold, and at least a tenth, because compaction
        // rewrites old data as new files.
        const known = previous?.nodes.find((node) => node.node === name)?.bytes ?? 0;
        const grown = Math.max(disk.liveData - known, Math.ceil(disk.liveData / 10));
        return { name, disk, expected: params.mode === 'full' ? disk.liveData : grown };
      });
      const expectedNewBytes = demands.reduce((sum, each) => sum + each.expected, 0);
      const lines = disksWithoutRoom(
        // While a snapshot exists, it keeps files that compaction would delete, so a tenth of the data is reserved for
        // that.
        demands.map(({ name, disk }) => ({ node: name, ...disk, writes: Math.ceil(disk.liveData / 10) })),
        config.backup.minimumFreeShare,
      );
      const store = storeWithoutRoom(
        reports.map(({ value: disk }) => disk.storeFree),
        expectedNewBytes,
      );
      if (lines.length > 0 || store !== undefined) {
        throw new RefusedProblem({
          code: 'disk-too-small',
          happened: 'There is not enough disk space for a backup.',
          state: 'Nothing was changed; no backup was taken.',
          next: 'Free space or enlarge the disk, then start the backup again. `nodetool clearsnapshot --all` removes old snapshots; `cardea restore accept RUN` deletes the old data of a restore.',
          details: [...lines, ...(store === undefined ? [] : [store])],
        });
      }
      return { bytes: reports.reduce((sum, { value: disk }) => sum + disk.liveData, 0), expectedNewBytes };
    },
  })
  .step(checkForm)
  .step({
    id: 'ship-logs',
    title: 'Start shipping on every node whose log is not shipped',
    effect: 'write',
    needs: ['check-nodes', 'same-history', 'check-store', 'check-disk', 'check-form'],
    timeout: '5m',
    retry: standardRetry,
    /** A backup is good also where a node does not ship. */
    result: shipStepResult.omit({ timeline: true, without: true }),
    run: async (context) => {
      if (!context.services.config.backup.log.ship) {
        return { started: namesOf([]), problems: namesOf([]), missed: namesOf([]) };
      }
      const shipped = await shipEverywhere(context);
      const before = shipped.started;
      if (before.length > 0) context.log(`the log of ${before.join(', ')} was not shipped; now it is`);
      const { started, problems, missed } = shippedResult(shipped);
      return { started, problems, missed };
    },
  })
  .step({
    id: 'snapshot',
    title: 'Take a snapshot on every node and hash every file',
    effect: 'write',
    needs: ['check-nodes', 'same-history', 'check-store', 'check-disk', 'check-form', 'ship-logs'],
    timeout: { atLeast: '2h', perGiB: '2m', of: ['check-disk.bytes'] },
    retry: patientRetry,
    result: z.object({
      startedAt: z.iso.datetime(),
      from: instantText,
      to: instantText,
      bytes: z.number(),
      files: z.number(),
      seconds: z.number(),
      /** Nothing was written meanwhile, as the caller promised. */
      quiet: z.boolean(),
    }),
    run: async (context) => {
      const { clock } = context.services;
      const since = clock.monotonic();
      const point = pointOfRun(context.run);
      // Since the check another run may have used the name: this one may have lain interrupted meanwhile.
      await requireOwnName(context.services.platform.bucket, point, context.run);
      const done = await onEachNode(context.services.platform, context, 'snapshot', () => ({ point }));
      const bytes = done.reduce((sum, { result }) => sum + result.bytes, 0);
      context.log(`${point}: ${formatBytes(bytes)} on ${done.length} nodes`);
      return {
        startedAt: context.startedAt.toISOString(),
        ...spanOf(done.map(({ result }) => result)),
        bytes,
        files: done.reduce((sum, { result }) => sum + result.files, 0),
        seconds: clock.monotonic() - since,
        quiet: isQuiet(context),
      };
    },
  })
  .step({
    id: 'record-schema',
    title: "Store the graph's schema, which is needed to read the log",
    effect: 'write',
    needs: ['snapshot'],
    timeout: '5m',
    retry: standardRetry,
    result: z.object({ types: z.number(), why: z.string().optional() }),
    run: async ({ run, log, services: { platform, clock } }) => {
      try {
        return await recordSchema(platform, pointOfRun(run), clock);
      } catch (error) {
        // A keyspace without a graph, or with a graph of an unknown form, is still backed up.
        if (!(error instanceof RefusedProblem) && !(error instanceof UndecodableRow)) throw error;
        log(error.happened);
        return { types: 0, why: error.happened };
      }
    },
  })
  .step({
    id: 'commit-times',
    title: 'Read how JanusGraph sets commit times, which decide where the log is cut',
    effect: 'read',
    needs: ['check-nodes'],
    timeout: '1m',
    result: z.object({ times: commitTimes.optional() }),
    run: async ({ log, services: { platform } }) => {
      try {
        const times = await readCommitTimes(platform.graph);
        const why = untimely(times);
        if (why !== undefined) log(`WARNING: the graph cannot be restored to an instant: ${why}`);
        return { times };
      } catch (error) {
        // A backup is useful even while no server runs.
        log(`the JanusGraph servers do not answer: ${asProblem(error, 'Reading their settings').happened}`);
        for (const line of faultTrace(error)) log(`  ${line}`);
        return {};
      }
    },
  })
  .step({
    id: 'fingerprint',
    title: 'Check the quiet graph, record what is found, and compute its fingerprint',
    effect: 'write',
    needs: ['check-nodes', 'check-form', 'check-disk'],
    when: { param: 'cut', is: 'quiesced' },
    timeout: { atLeast: '12h', perGiB: '10m', of: ['check-disk.bytes'] },
    retry: standardRetry,
    // The fingerprint counts by label and key, of which a schema may have many.
    /** Without either where the promise did not last. */
    result: z.object({ stock: z.object({ fingerprint: printed, findings: pointFindings }).optional() }),
    run: async (context) => {
      if (!isQuiet(context)) return {};
      const { findings, ...fingerprint } = await takeStock(context, pointOfRun(context.run));
      return { stock: { fingerprint: await keepPrint(context, fingerprint), findings } };
    },
  })
  .step({
    id: 'upload',
    title: 'Upload every snapshot with Medusa',
    effect: 'write',
    needs: ['snapshot'],
    timeout: { atLeast: '12h', perGiB: '5m', of: ['snapshot.bytes'], rates: ['snapshot'] },
    retry: patientRetry,
    /** `full` where one node had to store everything anew: see `upload` of the agents. */
    result: z.object({
      bytes: z.number(),
      files: z.number(),
      seconds: z.number(),
      mode: z.enum(['full', 'differential']).optional(),
    }),
    run: async (context) => {
      const { clock } = context.services;
      const since = clock.monotonic();
      const point = pointOfRun(context.run);
      const { mode } = context.params;
      const done = await onEachNode(context.services.platform, context, 'upload', () => ({ point, mode }));
      return {
        bytes: done.reduce((sum, { result }) => sum + result.bytes, 0),
        files: done.reduce((sum, { result }) => sum + result.files, 0),
        mode: done.some(({ result }) => result.mode === 'full') ? 'full' : mode,
        seconds: clock.monotonic() - since,
      };
    },
  })
  .step({
    id: 'record-taken',
    title: 'Record the restore point as taken',
    effect: 'write',
    needs: ['check-nodes', 'same-history', 'snapshot', 'upload', 'fingerprint', 'record-schema', 'commit-times'],
    timeout: '1m',
    retry: standardRetry,
    result: z.object({ point: z.string() }),
    run: async (context) => {
      const { run, environment, params, results, services, log } = context;
      const { platform, config, clock } = services;
      const point = pointOfRun(run);
      // Of a fuzzy one there is none.
      const stock = results.snapshot.quiet ? results.fingerprint?.stock : undefined;
      if (params.cut === 'quiesced' && stock === undefined) {
        log(
          'WARNING: the run was carried on by another process before its snapshots and its fingerprint were taken, and nobody promised that nothing was written meanwhile: the cut of the point is fuzzy',
        );
      }
      const ring = await requireHealthyRing(platform, {
        means: 'A restore point needs the host id and the tokens of every node.',
        state: 'The files are in the store, but no restore point was recorded; clean-up removes them again.',
      });
      const takenAt = clock.now();
      const before = Date.parse(results.snapshot.startedAt);
      const nodes = platform.nodes.map(({ name, datacenter, rack }) => {
        const member = ring.members.get(name);
        return {
          node: name,
          hostId: member?.hostId ?? '',
          tokens: [...(member?.tokens ?? [])],
          datacenter,
          rack,
          bytes: 0,
          files: 0,
          newBytes: 0,
          inventory: inventoryKey(point, name),
        };
      });
      await createPoint(platform.bucket, {
        id: point,
        environment,
        timeline: results['check-nodes'].timeline,
        run: runId.parse(run),
        takenAt: takenAt.toISOString(),
        snapshot: { from: results.snapshot.from, to: results.snapshot.to },
        mode: results.upload.mode ?? params.mode,
        cut: stock === undefined ? 'fuzzy' : 'quiesced',
        proof: 'taken',
        nodes,
        bytes: results.snapshot.bytes,
        newBytes: 0,
        cassandraVersion: results['check-nodes'].cassandraVersion,
        schemaVersion: results['check-nodes'].schemaVersion,
        keyspace: platform.keyspace,
        replicationFactor: config.janusgraph.replicationFactor,
        ...(stock === undefined ? {} : await stockOf(context, stock)),
        ...(results['commit-times'].times === undefined ? {} : { commitTimes: results['commit-times'].times }),
        seconds: { taken: (takenAt.getTime() - before) / 1000 },
      });
      return { point };
    },
  })
  .step({
    id: 'verify',
    title: 'Check that the store holds every file of the snapshots; read new bytes back',
    effect: 'write',
    needs: ['record-taken', 'snapshot', 'upload'],
    timeout: { atLeast: '12h', perGiB: '5m', of: ['snapshot.bytes'], rates: ['snapshot', 'upload'] },
    retry: patientRetry,
    result: z.object({ bytes: z.number(), newBytes: z.number(), files: z.number() }),
    run: async (context) => {
      const { platform, clock } = context.services;
      const point = pointOfRun(context.run);
      const knownPoints = (await ownPoints(platform.bucket, context.environment))
        .filter((each) => each.id !== point && (each.proof === 'checked' || each.proof === 'proven'))
        .map((each) => each.id);
      const before = context.startedAt.getTime();
      const patience = { ...objectPatience, signal: context.signal };
      const done = await verifyPoint(context, point, knownPoints);
      const checkedAt = clock.now();
      const byNode = new Map(done.map(({ node, result }) => [node, result]));
      const checked = ({ failure: _refuted, ...each }: RestorePoint): RestorePoint => {
        const nodes = each.nodes.map((node) => {
          const { bytes, files, newBytes } = byNode.get(node.node) ?? node;
          return { ...node, bytes, files, newBytes };
        });
        return {
          ...each,
          nodes,
          bytes: nodes.reduce((sum, node) => sum + node.bytes, 0),
          newBytes: nodes.reduce((sum, node) => sum + node.newBytes, 0),
          // A rehearsal of what was only taken may have come first.
          proof: each.proof === 'proven' ? each.proof : 'checked',
          checkedAt: checkedAt.toISOString(),
          seconds: { ...each.seconds, checked: (checkedAt.getTime() - before) / 1000 },
        };
      };
      const updated = await patiently(clock, patience, async () => updatePoint(platform.bucket, point, checked));
      return {
        bytes: updated.bytes,
        newBytes: updated.newBytes,
        files: done.reduce((sum, { result }) => sum + result.files, 0),
      };
    },
  })
  .step({
    id: 'reread',
    title: 'Read again, in turn, what older points hold',
    effect: 'write',
    needs: ['verify', 'snapshot', 'upload'],
    timeout: { atLeast: '12h', perGiB: '5m', of: ['verify.bytes'], rates: ['snapshot', 'upload'] },
    retry: patientRetry,
    result: z.object({ bytes: z.number(), files: z.number(), damaged: someNames }),
    run: async (context) => rereadPoints(context, pointOfRun(context.run)),
  })
  .step({
    id: 'choose-points',
    title: 'Decide by the retention rule which points to remove',
    effect: 'read',
    needs: ['reread'],
    when: { param: 'retention', is: true },
    timeout: '10m',
    retry: standardRetry,
    result: pointChoice,
    run: async ({ run, services, log }) => choosePointsToRemove(services, log, await retentionTime(services, run, log)),
  })
  .step({
    id: 'retention',
    title: 'Remove these points with Medusa',
    effect: 'write',
    needs: ['choose-points'],
    when: { param: 'retention', is: true },
    timeout: { atLeast: '2h', perGiB: '10s', of: ['choose-points.bytes'] },
    retry: patientRetry,
    result: z.object({ kept: z.number(), removed: someNames }),
    run: async (context) => {
      const choice = context.results['choose-points'];
      const removed = await removePoints(context, choice, await retentionTime(context.services, context.run));
      return { kept: choice.kept + choice.going.length - removed.length, removed: namesOf(removed, 20) };
    },
  })
  .step({
    id: 'log-retention',
    title: 'Remove shipped log that no point needs any more',
    effect: 'write',
    needs: ['retention'],
    when: { param: 'retention', is: true },
    timeout: '2h',
    retry: standardRetry,
    result: z.object({ objects: z.number(), bytes: z.number(), before: instantText.nullable() }),
    run: async ({ run, services, signal, log }) => {
      const patient = patientServices(services, signal);
      const without = await pointsWithoutLog(patient, await retentionTime(patient, run));
      return removeOldLogs(patient.platform.bucket, { signal, log, clock: services.clock, without });
    },
  })
  .step({
    id: 'clean-up',
    title: 'Clear the snapshots, and remove the remains of a failed backup',
    effect: 'write',
    needs: ['check-disk'],
    always: 'after-change',
    timeout: { atLeast: '1h', perGiB: '1m', of: ['check-disk.bytes'] },
    retry: standardRetry,
    result: emptyResult,
    run: async (context) => {
      const { platform } = context.services;
      const point = pointOfRun(context.run);
      await onEachNode(platform, context, 'clear-snapshot', () => ({ point }));
      // Without its document nobody can restore it, and its name would disturb Medusa's retention.
      if ((await findPoint(platform.bucket, point)) === undefined) {
        await onEachNode(platform, { ...context, step: `${context.step}-remove` }, 'delete-backup', () => ({ point }));
        await removeRecords(platform.bucket, point);
      }
      return {};
    },
  })
  .build();

/**
 * Whether the promise of a quiesced backup holds: for the process that was started with it. Whoever carries the run on
 * later knows nothing of what was written in between, and a part taken then is of another instant.
 */
function isQuiet({ params, begun, epoch }: Quiet): boolean {
  return params.cut === 'quiesced' && epoch === begun;
}

interface Quiet {
  readonly params: Pick<BackupParams, 'cut'>;
  /** Of the lease, with which the run began and which it has now. */
  readonly begun: number;
  readonly epoch: number;
}

/** Milliseconds by which clocks may differ without a word. */
const fewDifference = 60_000;

/**
 * The time that retention goes by: the end of this backup's snapshots by the nodes' clocks, or the clock here when that
 * is behind. Of clocks that differ the earlier one removes less.
 */
async function retentionTime(
  { platform, clock }: RunbookServices,
  run: string,
  log: (line: string) => void = () => undefined,
): Promise<Date> {
  const point = await getPoint(platform.bucket, pointOfRun(run));
  const begun = Date.parse(point.takenAt) - point.seconds.taken * 1000;
  const ahead = begun - Date.parse(point.snapshot?.from ?? point.takenAt);
  if (ahead > fewDifference) {
    log(`WARNING: the clock of this machine is ${formatSeconds(ahead / 1000)} ahead of the nodes': theirs count here`);
  }
  return new Date(Math.min(clock.now().getTime(), snapshotEnd(point)));
}

/** From the first node's start to the last node's end. Instants of equal length can be sorted as text. */
function spanOf(parts: ReadonlyArray<{ readonly from: string; readonly to: string }>): { from: string; to: string } {
  return {
    from: parts.map(({ from }) => from).reduce((least, each) => (each < least ? each : least)),
    to: parts.map(({ to }) => to).reduce((most, each) => (each > most ? each : most)),
  };
}

/**
 * One line if the store is on a node's disk and lacks room for the new bytes. Nodes of one machine share that disk, so
 * the least counts.
 */
function storeWithoutRoom(free: ReadonlyArray<number | undefined>, newBytes: number): string | undefined {
  const known = free.filter((bytes) => bytes !== undefined);
  if (known.length === 0) return undefined;
  const least = Math.min(...known);
  return least >= newBytes
    ? undefined
    : `the store: ${formatBytes(least)} free; the backup writes about ${formatBytes(newBytes)} of new files`;
}
