import { acceptAside, checkAside, lookAside, revertAside, setAside } from './aside-jobs.ts';
import { RetryableProblem } from '../../model/problem.ts';
import { rolesKeyspace } from './living-roles.ts';
import type { JobContext, JobRunners } from './job-context.ts';
import { patientStore } from '../../ports/patient-store.ts';
import type { NodeParts } from '../node-parts.ts';
import { noteDrained } from './drained-log.ts';
import { markDisk } from './disk-mark.ts';
import { placedLogs, placeLogs, unreplayedLogs } from './place-logs-job.ts';
import { reread } from './reread-job.ts';
import { clearSnapshot, deleteBackup } from './delete-backup-job.ts';
import type { ShippingLoop } from '../shipping/shipping-loop.ts';
import { clearStage, placedFiles, restoreFiles, stageFiles } from './restore-job.ts';
import { stageLogs } from './stage-logs-job.ts';
import { takeSnapshot } from './snapshot-job.ts';
import { upload } from './upload-job.ts';
import { verify } from './verify-job.ts';

/**
 * Every kind of job with its function. Without `shipping` no log is shipped, and stopping or starting it does nothing.
 */
export function jobRunners(parts: NodeParts, shipping?: Pick<ShippingLoop, 'pause' | 'begin' | 'hold'>): JobRunners {
  /** Thousands of objects are read in a row: a bucket that is away for one of them must not make the job begin anew. */
  const patient = ({ signal }: JobContext): NodeParts => ({
    ...parts,
    bucket: patientStore(parts.bucket, parts.clock, signal),
  });
  const checks = brokenOffChecks(parts);
  return {
    snapshot: async (params, context) => takeSnapshot(patient(context), params, context),
    upload: async (params, context) => upload(patient(context), params, context),
    verify: async (params, context) =>
      checks.goOn(params.point, async (sound) => verify(patient(context), params, context, sound)),
    reread: async (params, context) =>
      checks.goOn(`again ${params.points.join(' ')}`, async (sound) =>
        reread(patient(context), params, context, sound),
      ),
    'clear-snapshot': async (params, context) => clearSnapshot(patient(context), params, context),
    'delete-backup': async (params, context) => deleteBackup(patient(context), params, context),
    'stage-files': async (params, context) => stageFiles(patient(context), params, context),
    'stage-logs': async (params, context) => stageLogs(patient(context), params, context),
    'clear-stage': async (params) => clearStage(parts, params),
    'check-aside': async () => checkAside(parts),
    'look-aside': async (params) => lookAside(parts, params),
    'mark-disk': async (params) => markDisk(parts, params),
    'look-placed': async ({ files, logs }) => {
      const placed = await placedFiles(parts, files);
      const replayed = logs === undefined ? undefined : await placedLogs(parts, logs);
      return {
        files: placed !== undefined,
        logs: logs === undefined || replayed !== undefined,
        ...(placed?.roles === undefined ? {} : { roles: placed.roles }),
        lastSegment: replayed?.outcome.lastSegment ?? null,
      };
    },
    'look-replayed': async () => unreplayedLogs(parts),
    'set-aside': async (params, context) => {
      // Told to pause while it was away: what is moved and placed from now on is not the log that it ships.
      await shipping?.hold();
      return setAside(patient(context), params, context);
    },
    'restore-files': async (params, context) => restoreFiles(patient(context), params, context),
    'repair-roles': async (_params, { signal }) => {
      await parts.database.repair(rolesKeyspace, signal);
      return {};
    },
    'note-drained': async (params, context) => noteDrained(parts, params, context),
    'place-logs': async (params, context) => placeLogs(patient(context), params, context),
    'pause-shipping': async (_params, { signal }) =>
      (await shipping?.pause(signal)) ?? { newest: null, sequence: 0, chain: null },
    'start-shipping': async (params, { signal }) =>
      (await shipping?.begin(params, signal)) ?? { timeline: params.timeline, since: null },
    'accept-aside': async (params, context) => acceptAside(patient(context), params, context),
    'revert-aside': async (params, context) => {
      await shipping?.hold();
      return revertAside(patient(context), params, context);
    },
  };
}

/** Milliseconds for which what was read back is still believed. */
const believed = 3_600_000;

/**
 * Lets a check that a fault of the moment ended go on, when it is asked for again soon, with what it has not read yet.
 */
function brokenOffChecks({ clock }: Pick<NodeParts, 'clock'>) {
  const left = new Map<string, { readonly sound: Set<string>; readonly at: number }>();
  return {
    async goOn<T>(point: string, check: (sound: Set<string>) => Promise<T>): Promise<T> {
      const before = left.get(point);
      left.delete(point);
      const sound =
        before !== undefined && clock.now().getTime() - before.at < believed ? before.sound : new Set<string>();
      try {
        return await check(sound);
      } catch (thrown) {
        if (thrown instanceof RetryableProblem) left.set(point, { sound, at: clock.now().getTime() });
        throw thrown;
      }
    },
  };
}
