import { z } from 'zod';
import { pointId } from '../../model/identifiers.ts';
import { formatInstant, micros, microsOf } from '../../model/instant.ts';
import { FailedProblem } from '../../model/problem.ts';
import { inventoryDocument, inventoryKey } from '../../model/restore-point.ts';
import type { JobParams, JobResult } from '../../ports/node-agent.ts';
import type { SchemaTable } from '../../ports/node-database.ts';
import type { JobContext } from './job-context.ts';
import type { NodeParts } from '../node-parts.ts';
import { type SnapshotFolder, keyspaceNotBackedUp, snapshotFiles, snapshotFolders } from './snapshot-folders.ts';

/**
 * Takes a snapshot named after the point and hashes every file of it. If the snapshot lacks a table of the schema, the
 * job fails; nodetool and Medusa would both report success.
 */
export async function takeSnapshot(
  { node, clock, bucket, database, files, directories }: NodeParts,
  { point }: JobParams['snapshot'],
  { signal, progress, log }: JobContext,
): Promise<JobResult['snapshot']> {
  progress({ done: 0, unit: 'bytes', label: 'taking the snapshot' });
  if ((await snapshotFolders(files, directories.data, point)).length > 0) await database.clearSnapshot(point, signal);
  const before = await database.tables();
  const from = microsOf(clock.now());
  await database.snapshot(point, signal);
  // The clock counts whole milliseconds, rounded down.
  const to = micros(microsOf(clock.now()) + 1000);
  const after = await database.tables();

  const folders = await snapshotFolders(files, directories.data, point);
  const missing = [...absentTables(before, after, folders), ...(await incompleteFolders({ files }, folders))];
  if (missing.length > 0) throw incomplete(node, missing);

  const perTable = await Promise.all(folders.map(async (folder) => snapshotFiles(files, folder)));
  const all = perTable.flat();
  const total = all.reduce((sum, file) => sum + file.bytes, 0);
  const report = (done: number) => progress({ done, total, unit: 'bytes', label: 'hashing' });
  report(0);
  const hashes = await files.hash(all, { signal, progress: report });
  const hashOf = new Map(all.map((file, index) => [file.absolute, hashes[index] ?? '']));
  const tables = folders.map(({ keyspace, table }, index) => ({
    keyspace,
    table,
    files: (perTable[index] ?? []).map(({ path, bytes, absolute }) => ({
      path,
      bytes,
      sha256: hashOf.get(absolute) ?? '',
    })),
  }));

  const key = inventoryKey(point, node);
  await bucket.put(key, inventoryDocument.write({ point: pointId.parse(point), node, tables }));
  log('snapshot taken', { point, tables: tables.length, files: all.length, bytes: total });
  return {
    files: all.length,
    bytes: total,
    inventory: key,
    tables: tables.map(({ keyspace, table }) => `${keyspace}.${table}`),
    from: formatInstant(from),
    to: formatInstant(to),
  };
}

/**
 * Tables without a snapshot folder that were in the schema before and after the snapshot, so neither just created nor
 * just dropped.
 */
function absentTables(
  before: readonly SchemaTable[],
  after: readonly SchemaTable[],
  folders: readonly SnapshotFolder[],
): string[] {
  const taken = new Set(folders.map(({ keyspace, table }) => `${keyspace}/${table}`));
  const still = new Set(after.map(({ keyspace, folder }) => `${keyspace}/${folder}`));
  return before
    .filter(({ keyspace, folder }) => keyspace !== keyspaceNotBackedUp && still.has(`${keyspace}/${folder}`))
    .filter(({ keyspace, folder }) => !taken.has(`${keyspace}/${folder}`))
    .map(({ keyspace, table }) => `${keyspace}.${table}: the snapshot has no folder for it`);
}

const cassandraManifest = z.looseObject({ files: z.array(z.string()) });

/** Folders without Cassandra's manifest, or without a file that it names. */
async function incompleteFolders(
  { files }: Pick<NodeParts, 'files'>,
  folders: readonly SnapshotFolder[],
): Promise<string[]> {
  const findings = await Promise.all(
    folders.map(async ({ keyspace, table, absolute }) => {
      const named = await manifestOf({ files }, absolute);
      if (named === undefined) return [`${keyspace}.${table}: its snapshot folder has no readable manifest.json`];
      const there = new Set<string>();
      for await (const file of files.walk(absolute)) there.add(file.path);
      return named
        .filter((name) => !there.has(name))
        .map((name) => `${keyspace}.${table}: ${name} is in the snapshot's manifest but not in its folder`);
    }),
  );
  return findings.flat();
}

async function manifestOf({ files }: Pick<NodeParts, 'files'>, folder: string): Promise<string[] | undefined> {
  const text = await files.read(`${folder}/manifest.json`);
  if (text === undefined) return undefined;
  try {
    return cassandraManifest.parse(JSON.parse(text)).files;
  } catch {
    return undefined;
  }
}

function incomplete(node: string, missing: readonly string[]): FailedProblem {
  const first = missing[0] ?? '';
  return new FailedProblem({
    code: 'snapshot-incomplete',
    happened: `The snapshot of ${node} is incomplete: ${first}${missing.length > 1 ? ` (and ${missing.length - 1} more)` : ''}.`,
    state: 'Nothing was uploaded. The snapshot is still on the node.',
    next: "Read Cassandra's log of that time, run `nodetool clearsnapshot --all`, and start the backup again.",
    details: missing,
  });
}
