import { FailedProblem } from '../../model/problem.ts';
import type { BackupMode } from '../../ports/backup-tool.ts';
import type { JobParams, JobResult } from '../../ports/node-agent.ts';
import { compareBackup } from './backup-comparison.ts';
import { watchDatabase } from '../database-watch.ts';
import {
  type InventoryBody,
  findInventory,
  filesOf,
  inventoriedPoints,
  nameOf,
  requireInventory,
  sizeOf,
} from './inventory-store.ts';
import type { JobContext } from './job-context.ts';
import type { NodeParts } from '../node-parts.ts';
import { watchUpload } from './upload-progress.ts';

/** Lets Medusa upload the snapshot, then compares its record with the inventory. */
export async function upload(
  parts: NodeParts,
  { point, mode }: JobParams['upload'],
  { signal, progress, log }: JobContext,
): Promise<JobResult['upload']> {
  const { node, bucket, tool, database } = parts;
  const inventory = await requireInventory(bucket, point, node);
  const size = sizeOf(inventory);
  // Medusa asks Cassandra for schema and tokens and tries for ten minutes when it does not answer: better to know at once.
  await database.tables();

  const reused = mode === 'full' ? [] : await reusedNames(parts, inventory, signal);
  const used: BackupMode = reused.length > 0 ? 'full' : mode;
  if (used !== mode)
    log('full instead of differential', { reason: 'file names in use again', files: reused.slice(0, 20) });

  const already = await tool.contents(node, point);
  // A dead attempt may have got to the end: then its files are kept. Whatever else it left under this name goes first.
  if (already === undefined || compareBackup(inventory, already).length > 0) {
    if (await tool.remove(point, { keepFiles: true, signal })) log('dead attempt removed', { point });
    const watch = watchUpload(parts, { inventory, mode: used, progress, signal });
    const running = watchDatabase(parts);
    try {
      await tool.upload(point, used, {
        signal: AbortSignal.any([signal, running.signal]),
        onTable: (keyspace, table) => {
          // From the first table on Medusa only reads files.
          running.end();
          watch.onTable(keyspace, table);
        },
      });
    } finally {
      running.end();
      await watch.stop();
    }
  }

  const stored = await tool.contents(node, point);
  const findings =
    stored === undefined ? ['Medusa has no finished backup of this name'] : compareBackup(inventory, stored);
  if (findings.length > 0) throw incomplete(node, point, findings);
  progress({ done: size.bytes, total: size.bytes, unit: 'bytes' });
  return { ...size, mode: used };
}

/**
 * Names of files that the store may hold with other content. Medusa's differential backups share files by name and size alone: it would
 * keep an old file of the same size, or overwrite one that an older backup needs. Names come again after a restore, because Cassandra then
 * counts its files from an older number, and after a repair, which writes a Statistics.db anew under its old name.
 */
async function reusedNames(
  { node, bucket }: NodeParts,
  inventory: InventoryBody,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const ours = new Map<string, string>();
  for (const { keyspace, table, file } of filesOf(inventory)) ours.set(nameOf(keyspace, table, file.path), file.sha256);
  const reused = new Set<string>();
  for (const point of await inventoriedPoints(bucket)) {
    signal.throwIfAborted();
    const other = point === inventory.point ? undefined : await findInventory(bucket, point, node);
    for (const { keyspace, table, file } of other === undefined ? [] : filesOf(other)) {
      const name = nameOf(keyspace, table, file.path);
      const sha256 = ours.get(name);
      if (sha256 !== undefined && sha256 !== file.sha256) reused.add(name);
    }
  }
  return [...reused];
}

function incomplete(node: string, point: string, findings: readonly string[]): FailedProblem {
  return new FailedProblem({
    code: 'backup-incomplete',
    happened: `What Medusa says it stored of ${node} for ${point} is not what the snapshot held: ${findings[0] ?? ''}${findings.length > 1 ? ` (and ${findings.length - 1} more)` : ''}.`,
    state: 'The upload is in the store and must not be relied on.',
    next: "Start the backup again; should it happen again, keep the agent's log and the medusa log named in it.",
    details: findings.slice(0, 50),
  });
}
