import { acceptAside, revertAside, setAside } from './aside-jobs.ts';
import type { JobContext, JobRunners } from './job-context.ts';
import { patientStore } from '../../ports/patient-store.ts';
import type { NodeParts } from '../node-parts.ts';
import { placeLogs } from './place-logs-job.ts';
import { clearSnapshot, deleteBackup } from './delete-backup-job.ts';
import type { LogShipping } from '../shipping/log-shipping.ts';
import { restoreFiles } from './restore-job.ts';
import { takeSnapshot } from './snapshot-job.ts';
import { upload } from './upload-job.ts';
import { verify } from './verify-job.ts';

/** Every kind of job with what does it. Without `shipping` nothing is shipped, and to stop or begin it is no work. */
export function jobRunners(parts: NodeParts, shipping?: LogShipping): JobRunners {
  /** Thousands of objects are read in a row: a bucket that is away for one of them must not make the job begin anew. */
  const patient = ({ signal }: JobContext): NodeParts => ({
    ...parts,
    bucket: patientStore(parts.bucket, parts.clock, signal),
  });
  return {
    snapshot: async (params, context) => takeSnapshot(patient(context), params, context),
    upload: async (params, context) => upload(patient(context), params, context),
    verify: async (params, context) => verify(patient(context), params, context),
    'clear-snapshot': async (params, context) => clearSnapshot(patient(context), params, context),
    'delete-backup': async (params, context) => deleteBackup(patient(context), params, context),
    'set-aside': async (params, context) => setAside(patient(context), params, context),
    'restore-files': async (params, context) => restoreFiles(patient(context), params, context),
    'place-logs': async (params, context) => placeLogs(patient(context), params, context),
    'pause-shipping': async (_params, { signal }) =>
      (await shipping?.pause(signal)) ?? { newest: null, sequence: 0, chain: null },
    'start-shipping': async (params, { signal }) =>
      (await shipping?.begin(params, signal)) ?? { timeline: params.timeline, since: null },
    'accept-aside': async (params, context) => acceptAside(patient(context), params, context),
    'revert-aside': async (params, context) => revertAside(patient(context), params, context),
  };
}
