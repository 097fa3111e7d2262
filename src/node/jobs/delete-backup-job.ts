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
    // These are links to files of tables: while Cassandra does not run, we may remove them.
    for (const folder of folders) await files.remove(folder.absolute);
  } else {
    await database.clearSnapshot(point, signal);
  }
  const left = await everySnapshotFolder(files, directories.data, point);
  const [first] = left;
  if (first === undefined) return { cleared: true };
  throw new FailedProblem({
    code: 'snapshot-stays',
    happened: `nodetool cleared the snapshot ${point} on ${node}, but ${left.length} folders of it remain; the first is ${first.absolute}.`,
    state: 'The backup is not affected, but the snapshot takes disk space.',
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
  // The inventory is removed last: a kill before that leaves an inventory whose files are gone, and this job runs
  // again.
  await bucket.delete(inventoryKey(point, node));
  log('backup deleted', { point, deleted });
  return { deleted };
}
