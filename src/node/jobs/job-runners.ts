import { acceptAside, revertAside, setAside } from './aside-jobs.ts';
import type { JobRunners } from './job-context.ts';
import type { NodeParts } from '../node-parts.ts';
import { placeLogs } from './place-logs-job.ts';
import { clearSnapshot, deleteBackup } from './delete-backup-job.ts';
import type { LogShipping } from '../shipping/log-shipping.ts';
import { restoreFiles } from './restore-job.ts';
import { takeSnapshot } from './snapshot-job.ts';
import { upload } from './upload-job.ts';
import { verify } from './verify-job.ts';

/**
 * Every kind of job with its function. Without `shipping` no log is shipped, and stopping or starting it does nothing.
 */
export function jobRunners(parts: NodeParts, shipping?: LogShipping): JobRunners {
  return {
    snapshot: async (params, context) => takeSnapshot(parts, params, context),
    upload: async (params, context) => upload(parts, params, context),
    verify: async (params, context) => verify(parts, params, context),
    'clear-snapshot': async (params, context) => clearSnapshot(parts, params, context),
    'delete-backup': async (params, context) => deleteBackup(parts, params, context),
    'set-aside': async (params, context) => setAside(parts, params, context),
    'restore-files': async (params, context) => restoreFiles(parts, params, context),
    'place-logs': async (params, context) => placeLogs(parts, params, context),
    'pause-shipping': async (_params, { signal }) =>
      (await shipping?.pause(signal)) ?? { newest: null, sequence: 0, chain: null },
    'start-shipping': async (params, { signal }) =>
      (await shipping?.begin(params, signal)) ?? { timeline: params.timeline, since: null },
    'accept-aside': async (params, context) => acceptAside(parts, params, context),
    'revert-aside': async (params, context) => revertAside(parts, params, context),
  };
}
