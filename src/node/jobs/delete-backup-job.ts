import { FailedProblem } from '../../model/problem.ts';
import { inventoryKey } from '../../model/restore-point.ts';
import type { JobParams, JobResult } from '../../ports/node-agent.ts';
import type { JobContext } from './job-context.ts';
import type { NodeParts } from '../node-parts.ts';
import { everySnapshotFolder } from './snapshot-folders.ts';

/** Removes the snapshot of a point from the node's disk. `cleared` is false when there was none. */
export async function clearSnapshot(
  { node, database, files, directories }: NodeParts,
  { point }: JobParams['clear-snapshot'],
  { signal }: JobContext,
): Promise<JobResult['clear-snapshot']> {
  const folders = await everySnapshotFolder(files, directories.data, point);
  if (folders.length === 0) return { cleared: false };
  if ((await database.runningPid()) === undefined) {
    // Links to files of tables: with nobody there to ask they are ours to remove.
    for (const folder of folders) await files.remove(folder.absolute);
  } else {
    await database.clearSnapshot(point, signal);
  }
  const left = await everySnapshotFolder(files, directories.data, point);
  const [first] = left;
  if (first === undefined) return { cleared: true };
  throw new FailedProblem({
    code: 'snapshot-stays',
    happened: `nodetool cleared the snapshot ${point} of ${node}, yet ${left.length} folders of it are there, the first ${first.absolute}.`,
    state: 'The backup is not affected; the snapshot takes disk space.',
    next: `Run \`nodetool clearsnapshot -t ${point}\` on the node.`,
    details: left.map((folder) => folder.absolute),
  });
}

/** Removes this node's part of a backup through Medusa, and its inventory. */
export async function deleteBackup(
  { node, bucket, tool }: NodeParts,
  { point }: JobParams['delete-backup'],
  { signal, log }: JobContext,
): Promise<JobResult['delete-backup']> {
  const deleted = await tool.remove(point, { keepFiles: false, signal });
  // The inventory goes last: a kill in between leaves one that names files which are gone, and this job runs again.
  await bucket.delete(inventoryKey(point, node));
  log('backup deleted', { point, deleted });
  return { deleted };
}
