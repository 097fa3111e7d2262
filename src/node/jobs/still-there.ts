import type { JobKind, JobParams } from '../../ports/node-agent.ts';
import type { NodeParts } from '../node-parts.ts';
import { displacedName } from '../../model/displaced-name.ts';
import { asideFolder, findAside } from './aside-marker.ts';
import { areLogsStaged } from './cut-logs.ts';
import { placedLogs } from './place-logs-job.ts';
import { areFilesStaged, placedFiles } from './restore-job.ts';

/** Of a job that has succeeded: whether what it made still lies on the disk. A disk may have been replaced since. */
export type StillThere = (job: JobKind, params: unknown) => Promise<boolean>;

/** The jobs that bring or move files of the database. What any other made, nobody starts a database on. */
export function stillThere(parts: NodeParts): StillThere {
  const { files, directories } = parts;
  const looks: { readonly [K in JobKind]?: (params: JobParams[K]) => Promise<boolean> } = {
    'set-aside': async ({ run }) =>
      (await findAside(files, directories, asideFolder(directories, run)))?.phase === 'kept',
    // Another restore removes what it does not place itself.
    'stage-files': async (params) => areFilesStaged(parts, params),
    'stage-logs': async (params) => areLogsStaged(parts, params),
    'restore-files': async (params) => (await placedFiles(parts, params)) !== undefined,
    'place-logs': async (params) => (await placedLogs(parts, params)) !== undefined,
    'revert-aside': async ({ run }) =>
      (await findAside(files, directories, asideFolder(directories, run))) === undefined &&
      (await findAside(files, directories, asideFolder(directories, displacedName(run))))?.phase === 'kept',
  };
  return async (job, params) => {
    const look = looks[job] as ((of: unknown) => Promise<boolean>) | undefined;
    return look === undefined || look(params);
  };
}
