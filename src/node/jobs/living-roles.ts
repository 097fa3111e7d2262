import type { RolesOrigin } from '../../ports/node-agent.ts';
import type { NodeFiles } from '../../ports/node-files.ts';
import type { NodeParts } from '../node-parts.ts';
import { asideFolder } from './aside-marker.ts';
import type { InventoryBody } from './inventory-store.ts';
import { rolesStagingFolder } from './placement-marker.ts';

/** Where Cassandra keeps roles, passwords and permissions. */
export const rolesKeyspace = 'system_auth';

/**
 * Copies the files of `system_auth` that a restore of this node set aside to a staging folder: a restore brings data back, and must not make
 * an old password valid again or take an access back that was given since. They are of the same node, so of the same token ranges, and what is
 * set aside stays whole for a revert. Only where all that the point has of them is there too and whole; nothing is mixed within one node.
 */
export async function stageLivingRoles(
  { files, directories }: Pick<NodeParts, 'files' | 'directories'>,
  wanted: InventoryBody,
  run: string,
): Promise<RolesOrigin> {
  const staging = rolesStagingFolder(directories);
  await files.remove(staging);
  const from = `${asideFolder(directories, run)}/data/${rolesKeyspace}`;
  const why = await copyTables(files, from, staging, wanted);
  if (why === undefined) {
    await files.sync(staging);
    return { from: 'living' };
  }
  await files.remove(staging);
  return { from: 'point', why };
}

async function copyTables(
  files: NodeFiles,
  from: string,
  to: string,
  wanted: InventoryBody,
): Promise<string | undefined> {
  const tables = wanted.tables.filter(({ keyspace }) => keyspace === rolesKeyspace);
  if ((await files.entries(from)) === undefined) return 'the data that was set aside has none';
  for (const { table, files: inPoint } of tables) {
    // The folder's name holds the table's id: under another id Cassandra would not read the files.
    if ((await files.entries(`${from}/${table}`)) === undefined) return `what was set aside has no table ${table}`;
    const sums = new Map<string, number>();
    await files.makeDirectory(`${to}/${table}`, `${from}/${table}`);
    for await (const { path, absolute } of files.walk(`${from}/${table}`)) {
      if (/^(snapshots|backups)\//.test(path)) continue;
      const slash = path.lastIndexOf('/');
      if (slash > 0) await files.makeDirectory(`${to}/${table}/${path.slice(0, slash)}`, `${from}/${table}`);
      const sum = await files.copy(absolute, `${to}/${table}/${path}`);
      if (sum === undefined) return `${table}/${path} cannot be read`;
      sums.set(path, sum);
    }
    const damaged = await damagedFile(files, `${to}/${table}`, sums);
    if (damaged !== undefined) return `${table}/${damaged} is damaged or missing`;
    if (isRoles(table) && inPoint.length > 0 && ![...sums.keys()].some(isData))
      return 'what was set aside holds no role';
  }
  return undefined;
}

const isData = (path: string) => path.endsWith('-Data.db');
const isRoles = (table: string) => table.startsWith('roles-');

/** The first file that an SSTable names and that is not there, or whose bytes are not those that Cassandra wrote. */
async function damagedFile(
  files: NodeFiles,
  folder: string,
  sums: ReadonlyMap<string, number>,
): Promise<string | undefined> {
  for (const path of sums.keys()) {
    // An SSTable that has no table of contents was not finished: Cassandra removes it when it starts.
    if (!path.endsWith('-TOC.txt')) continue;
    const stem = path.slice(0, -'TOC.txt'.length);
    const components = ((await files.read(`${folder}/${path}`)) ?? '').split('\n').filter((line) => line !== '');
    for (const component of components) if (!sums.has(`${stem}${component}`)) return `${stem}${component}`;
    if (!sums.has(`${stem}Data.db`)) return `${stem}Data.db`;
    if (!components.includes('Digest.crc32')) continue;
    const digest = ((await files.read(`${folder}/${stem}Digest.crc32`)) ?? '').trim();
    if (digest !== String(sums.get(`${stem}Data.db`))) return `${stem}Data.db`;
  }
  return undefined;
}
