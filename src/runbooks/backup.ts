import { z } from 'zod';
import { UndecodableRow } from '../graph/codec/byte-reader.ts';
import { commitTimes, readCommitTimes, untimely } from '../graph/commit-times.ts';
import { fingerprintGraph } from '../graph/fingerprint.ts';
import { disksWithoutRoom } from '../model/disk-room.ts';
import { formatBytes } from '../model/bytes.ts';
import { cut, fingerprint, inventoryKey, type RestorePoint } from '../model/restore-point.ts';
import { pointId, runId, timelineId } from '../model/identifiers.ts';
import { instantText } from '../model/instant.ts';
import { faultTrace } from '../model/fault-trace.ts';
import { FailedProblem, type Problem, RefusedProblem, asProblem } from '../model/problem.ts';
import { objectPatience, patiently } from '../ports/patience.ts';
import { defineRunbook } from '../runbook/define.ts';
import { onEachNode } from './steps/each-node.ts';
import { createPoint, findPoint, listPoints, updatePoint } from './catalog/point-catalog.ts';
import { removeOldLogs } from './catalog/log-removal.ts';
import { choosePointsToRemove, pointChoice, removePoints } from './catalog/point-removal.ts';
import { requireNoUnfinishedRestore } from './catalog/restore-catalog.ts';
import { requireHealthyRing } from './steps/ring-check.ts';
import { recordSchema } from './catalog/schema-catalog.ts';
import { patientServices, type RunbookServices } from './services.ts';
import { patientRetry, standardRetry, checkStore, emptyResult } from './steps/standard-steps.ts';
import { currentTimeline } from './catalog/timeline-record.ts';

const params = z.object({
  mode: z.enum(['full', 'differential']).default('differential'),
  /** `quiesced` is the caller's word that nothing is written until the fingerprint is taken; a rehearsal finds out when it was not true. */
  cut: cut.exclude(['instant']).default('fuzzy'),
  /** Remove what the retention rule lets go once this backup is checked. */
  retention: z.boolean().default(true),
});
export type BackupParams = z.output<typeof params>;

/** `backup-20260219-020000` of `backup-20260219-020000-k3f9`: a resumed run comes to the same name. */
export function pointOfRun(run: string): z.infer<typeof pointId> {
  return pointId.parse(run.slice(0, 'backup-YYYYMMDD-HHMMSS'.length));
}

/**
 * Backs up every node in parallel: checks first, a snapshot that Cardea itself hashes, Medusa's upload, then the proof that what the
 * snapshot held is in the store. Medusa's own word is never taken: it reports a failed snapshot as a good backup.
 */
export const backupRunbook = defineRunbook<BackupParams, RunbookServices>({
  name: 'backup',
  version: 3,
  title: 'Back up every node and check what arrived',
  params,
})
  .step({
    id: 'check-nodes',
    title: 'Every node is up, seen by all, on one schema',
    effect: 'read',
    needs: [],
    timeout: '1m',
    retry: standardRetry,
    result: z.object({ schemaVersion: z.string(), cassandraVersion: z.string(), timeline: timelineId }),
    run: async ({ services: { platform } }) => {
      await requireNoUnfinishedRestore(platform.bucket);
      const { schemaVersion, cassandraVersion } = await requireHealthyRing(platform, {
        means: 'A backup now would miss data.',
        state: 'Nothing was changed; no backup was taken.',
      });
      await Promise.all(platform.nodes.map(async (node) => platform.agent(node.name).health()));
      return { schemaVersion, cassandraVersion, timeline: await currentTimeline(platform.bucket) };
    },
  })
  .step(checkStore)
  .step({
    id: 'check-disk',
    title: 'Every disk has room for the backup',
    effect: 'read',
    needs: [],
    timeout: '1m',
    retry: standardRetry,
    result: z.object({ bytes: z.number(), expectedNewBytes: z.number() }),
    run: async ({ params, services: { platform, config } }) => {
      const previous = (await listPoints(platform.bucket)).find((point) => point.proof !== 'failed');
      const reports = await Promise.all(
        platform.nodes.map(async ({ name }) => ({ name, disk: await platform.agent(name).disk() })),
      );
      const demands = reports.map(({ name, disk }) => {
        // A differential backup uploads what the last one did not hold; a tenth is the floor, because compaction rewrites old data as new files.
        const known = previous?.nodes.find((node) => node.node === name)?.bytes ?? 0;
        const grown = Math.max(disk.liveData - known, Math.ceil(disk.liveData / 10));
        return { name, disk, expected: params.mode === 'full' ? disk.liveData : grown };
      });
      const expectedNewBytes = demands.reduce((sum, each) => sum + each.expected, 0);
      const lines = disksWithoutRoom(
        // While a snapshot lasts it pins what compaction would delete, so a tenth of the data is set aside for that.
        demands.map(({ name, disk }) => ({ node: name, ...disk, writes: Math.ceil(disk.liveData / 10) })),
        config.backup.minimumFreeShare,
      );
      const store = storeWithoutRoom(
        reports.map(({ disk }) => disk.storeFree),
        expectedNewBytes,
      );
      if (lines.length > 0 || store !== undefined) {
        throw new RefusedProblem({
          code: 'disk-too-small',
          happened: 'There is not enough disk space for a backup.',
          state: 'Nothing was changed; no backup was taken.',
          next: 'Free space (nodetool clearsnapshot --all removes forgotten snapshots; `cardea restore accept` removes what an old restore left aside) or enlarge the disk, then start again.',
          details: [...lines, ...(store === undefined ? [] : [store])],
        });
      }
      return { bytes: reports.reduce((sum, { disk }) => sum + disk.liveData, 0), expectedNewBytes };
    },
  })
  .step({
    id: 'snapshot',
    title: 'Snapshot on every node, every file hashed',
    effect: 'write',
    needs: ['check-nodes', 'check-store', 'check-disk'],
    timeout: '2h',
    retry: patientRetry,
    result: z.object({
      startedAt: z.iso.datetime(),
      from: instantText,
      to: instantText,
      bytes: z.number(),
      files: z.number(),
    }),
    run: async (context) => {
      const point = pointOfRun(context.run);
      const done = await onEachNode(context.services.platform, context, 'snapshot', () => ({ point }));
      const bytes = done.reduce((sum, { result }) => sum + result.bytes, 0);
      context.log(`${point}: ${formatBytes(bytes)} on ${done.length} nodes`);
      return {
        startedAt: context.startedAt.toISOString(),
        ...spanOf(done.map(({ result }) => result)),
        bytes,
        files: done.reduce((sum, { result }) => sum + result.files, 0),
      };
    },
  })
  .step({
    id: 'record-schema',
    title: "Keep the graph's types, which name what the log holds",
    effect: 'write',
    needs: ['snapshot'],
    timeout: '5m',
    retry: standardRetry,
    result: z.object({ types: z.number(), why: z.string().optional() }),
    run: async ({ run, log, services: { platform, clock } }) => {
      try {
        return await recordSchema(platform, pointOfRun(run), clock);
      } catch (error) {
        // A keyspace without a graph, or with one of a form not known here, is backed up all the same.
        if (!(error instanceof RefusedProblem) && !(error instanceof UndecodableRow)) throw error;
        log(error.happened);
        return { types: 0, why: error.happened };
      }
    },
  })
  .step({
    id: 'commit-times',
    title: 'Ask how the graph times its transactions, which the log is cut by',
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
        // A backup is worth taking while no server runs.
        log(`the graph's servers cannot be asked: ${asProblem(error, 'Asking for the settings').happened}`);
        for (const line of faultTrace(error)) log(`  ${line}`);
        return {};
      }
    },
  })
  .step({
    id: 'fingerprint',
    title: 'Fingerprint of the quiet graph',
    effect: 'read',
    needs: ['check-nodes'],
    when: { param: 'cut', is: 'quiesced' },
    timeout: '4h',
    retry: standardRetry,
    result: fingerprint,
    run: async ({ services: { platform }, progress, signal }) =>
      fingerprintGraph(platform.database, platform.keyspace, {
        signal,
        onPart: (done, total) => progress({ done, total, unit: 'items', label: 'parts of the ring' }),
      }),
  })
  .step({
    id: 'upload',
    title: 'Medusa uploads every snapshot',
    effect: 'write',
    needs: ['snapshot'],
    timeout: '12h',
    retry: patientRetry,
    result: z.object({ bytes: z.number(), files: z.number() }),
    run: async (context) => {
      const point = pointOfRun(context.run);
      const { mode } = context.params;
      const done = await onEachNode(context.services.platform, context, 'upload', () => ({ point, mode }));
      return {
        bytes: done.reduce((sum, { result }) => sum + result.bytes, 0),
        files: done.reduce((sum, { result }) => sum + result.files, 0),
      };
    },
  })
  .step({
    id: 'record-taken',
    title: 'Record the restore point as taken',
    effect: 'write',
    needs: ['check-nodes', 'snapshot', 'upload', 'fingerprint', 'record-schema', 'commit-times'],
    timeout: '1m',
    retry: standardRetry,
    result: z.object({ point: z.string() }),
    run: async ({ run, environment, params, results, services: { platform, config, clock } }) => {
      const point = pointOfRun(run);
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
        mode: params.mode,
        cut: params.cut,
        proof: 'taken',
        nodes,
        bytes: results.snapshot.bytes,
        newBytes: 0,
        cassandraVersion: results['check-nodes'].cassandraVersion,
        schemaVersion: results['check-nodes'].schemaVersion,
        keyspace: platform.keyspace,
        replicationFactor: config.janusgraph.replicationFactor,
        ...(params.cut === 'quiesced' ? { fingerprint: results.fingerprint } : {}),
        ...(results['commit-times'].times === undefined ? {} : { commitTimes: results['commit-times'].times }),
        seconds: { taken: (takenAt.getTime() - before) / 1000 },
      });
      return { point };
    },
  })
  .step({
    id: 'verify',
    title: 'What the snapshots held is in the store; new bytes read back and equal',
    effect: 'write',
    needs: ['record-taken'],
    timeout: '12h',
    retry: patientRetry,
    result: z.object({ bytes: z.number(), newBytes: z.number(), files: z.number() }),
    run: async (context) => {
      const { platform, clock } = context.services;
      const point = pointOfRun(context.run);
      const knownPoints = (await listPoints(platform.bucket))
        .filter((each) => each.id !== point && (each.proof === 'checked' || each.proof === 'proven'))
        .map((each) => each.id);
      const before = context.startedAt.getTime();
      const patience = { ...objectPatience, signal: context.signal };
      const damage: Problem[] = [];
      const done = await onEachNode(
        platform,
        context,
        'verify',
        () => ({ point, knownPoints }),
        ({ problem }) => {
          if (meansDamage(problem)) damage.push(problem);
        },
      ).catch(async (error: unknown) => {
        const [first] = damage;
        // Told to stop, by Ctrl-C, a cancel, the time limit or a lost lease, a check says nothing; and without the
        // lease nothing is written.
        if (first !== undefined && !context.signal.aborted) {
          const mark = (each: RestorePoint): RestorePoint => ({ ...each, proof: 'failed', failure: first.happened });
          await patiently(clock, patience, async () => updatePoint(platform.bucket, point, mark));
        }
        throw error;
      });
      const checkedAt = clock.now();
      const byNode = new Map(done.map(({ node, result }) => [node, result]));
      const checked = ({ failure: _refuted, ...each }: RestorePoint): RestorePoint => {
        const nodes = each.nodes.map((node) => ({ ...node, ...byNode.get(node.node) }));
        return {
          ...each,
          nodes,
          bytes: nodes.reduce((sum, node) => sum + node.bytes, 0),
          newBytes: nodes.reduce((sum, node) => sum + node.newBytes, 0),
          proof: 'checked',
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
    id: 'choose-points',
    title: 'Decide, by the retention rule, which points go',
    effect: 'read',
    needs: ['verify'],
    when: { param: 'retention', is: true },
    timeout: '10m',
    retry: standardRetry,
    result: pointChoice,
    run: async ({ services }) => choosePointsToRemove(services),
  })
  .step({
    id: 'retention',
    title: 'Remove, through Medusa, the points that retention lets go',
    effect: 'write',
    needs: ['choose-points'],
    when: { param: 'retention', is: true },
    timeout: '2h',
    retry: patientRetry,
    result: z.object({ kept: z.number(), removed: z.array(z.string()) }),
    run: async (context) => {
      const choice = context.results['choose-points'];
      await removePoints(context, choice);
      return { kept: choice.kept, removed: choice.going.map(({ point }) => point) };
    },
  })
  .step({
    id: 'log-retention',
    title: 'Remove the shipped log that no point needs any more',
    effect: 'write',
    needs: ['retention'],
    when: { param: 'retention', is: true },
    timeout: '2h',
    retry: standardRetry,
    result: z.object({ objects: z.number(), bytes: z.number(), before: instantText.nullable() }),
    run: async ({ services, signal, log }) =>
      removeOldLogs(patientServices(services, signal).platform.bucket, { signal, log }),
  })
  .step({
    id: 'clean-up',
    title: 'Clear the snapshots; remove what a failed backup left behind',
    effect: 'write',
    needs: [],
    always: 'after-change',
    timeout: '10m',
    retry: standardRetry,
    result: emptyResult,
    run: async (context) => {
      const { platform } = context.services;
      const point = pointOfRun(context.run);
      await onEachNode(platform, context, 'clear-snapshot', () => ({ point }));
      // Without its document nobody could restore it, and its name would be in the way of Medusa's retention.
      if ((await findPoint(platform.bucket, point)) === undefined) {
        await onEachNode(platform, { ...context, step: `${context.step}-remove` }, 'delete-backup', () => ({ point }));
      }
      return {};
    },
  })
  .build();

/** Codes of a check that found the backup itself to be no good, for good. */
const damageCodes: ReadonlySet<string> = new Set(['backup-damaged', 'inventory-missing', 'object-missing']);

/** Whatever else ends a check, it was not finished: another one may find the backup whole. Pure. */
function meansDamage(problem: Problem): boolean {
  return problem instanceof FailedProblem && damageCodes.has(problem.code);
}

/** From the first node's start to the last node's end: instants of one length sort as text. */
function spanOf(parts: ReadonlyArray<{ readonly from: string; readonly to: string }>): { from: string; to: string } {
  return {
    from: parts.map(({ from }) => from).reduce((least, each) => (each < least ? each : least)),
    to: parts.map(({ to }) => to).reduce((most, each) => (each > most ? each : most)),
  };
}

/** One line when the store lies on a disk of a node and cannot hold the new bytes. Nodes of one machine share it, so the least is taken. */
function storeWithoutRoom(free: ReadonlyArray<number | undefined>, newBytes: number): string | undefined {
  const known = free.filter((bytes) => bytes !== undefined);
  if (known.length === 0) return undefined;
  const least = Math.min(...known);
  return least >= newBytes
    ? undefined
    : `the store: ${formatBytes(least)} free; about ${formatBytes(newBytes)} of new files will be written to it`;
}
