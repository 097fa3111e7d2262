import type { DiskReport } from '../ports/node-agent.ts';
import { logStagingFolder, stagingFolder } from './jobs/placement-marker.ts';
import type { NodeParts } from './node-parts.ts';

/** Bytes on the node's disk. `storeDirectory`: the bucket, if it is a directory of this machine. */
export async function diskReport(
  { files, directories }: Pick<NodeParts, 'files' | 'directories'>,
  storeDirectory: string | undefined,
): Promise<DiskReport> {
  const { total, free } = await files.space(directories.data);
  let liveData = 0;
  const live = new Set<string>();
  const snapshotted: Array<{ identity: string; bytes: number }> = [];
  for await (const { path, identity, bytes } of files.walk(directories.data)) {
    // <keyspace>/<table>/snapshots/<tag>/…; incremental backups lie in `backups` in the same way.
    const part = path.split('/')[2];
    if (part === 'snapshots' || part === 'backups') snapshotted.push({ identity, bytes });
    else {
      liveData += bytes;
      live.add(identity);
    }
  }
  let snapshots = 0;
  // A snapshot consists of hard links: it takes room only for files that are no longer live.
  for (const { identity, bytes } of snapshotted) {
    if (live.has(identity)) continue;
    live.add(identity);
    snapshots += bytes;
  }
  let aside = 0;
  for await (const { bytes } of files.walk(directories.aside)) aside += bytes;
  let staged = 0;
  for (const folder of [stagingFolder(directories), logStagingFolder(directories)]) {
    for await (const { bytes } of files.walk(folder)) staged += bytes;
  }
  const store = storeDirectory === undefined ? undefined : await files.space(storeDirectory);
  return { total, free, liveData, aside, snapshots, staged, ...(store === undefined ? {} : { storeFree: store.free }) };
}
