import type { NodeFiles, WalkedFile } from '../../ports/node-files.ts';

/** Medusa leaves this keyspace out of its backups, so an inventory does not contain it either. */
export const keyspaceNotBackedUp = 'system_traces';

/** Files that Cassandra writes into a snapshot folder beside the data. Medusa does not upload them. */
const notData = new Set(['manifest.json', 'schema.cql']);

export interface SnapshotFolder {
  readonly keyspace: string;
  /** Table folder: name, dash, table id. */
  readonly table: string;
  readonly absolute: string;
}

/** The snapshot folders of this tag that a backup takes, ascending by keyspace and table. */
export async function snapshotFolders(
  files: NodeFiles,
  dataDirectory: string,
  tag: string,
): Promise<readonly SnapshotFolder[]> {
  const all = await everySnapshotFolder(files, dataDirectory, tag);
  return all.filter(({ keyspace }) => keyspace !== keyspaceNotBackedUp);
}

/** Every snapshot folder of this tag in the data directory, ascending by keyspace and table. */
export async function everySnapshotFolder(
  files: NodeFiles,
  dataDirectory: string,
  tag: string,
): Promise<readonly SnapshotFolder[]> {
  const found: SnapshotFolder[] = [];
  for (const keyspace of (await files.entries(dataDirectory)) ?? []) {
    if (!keyspace.directory) continue;
    for (const table of (await files.entries(`${dataDirectory}/${keyspace.name}`)) ?? []) {
      const absolute = `${dataDirectory}/${keyspace.name}/${table.name}/snapshots/${tag}`;
      if (!table.directory || (await files.entries(absolute)) === undefined) continue;
      found.push({ keyspace: keyspace.name, table: table.name, absolute });
    }
  }
  return found;
}

/** The data files of a snapshot folder, ascending by path; those of secondary indexes lie in subfolders. */
export async function snapshotFiles(files: NodeFiles, folder: SnapshotFolder): Promise<WalkedFile[]> {
  const found: WalkedFile[] = [];
  for await (const file of files.walk(folder.absolute)) {
    if (!notData.has(file.path.slice(file.path.lastIndexOf('/') + 1))) found.push(file);
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}
