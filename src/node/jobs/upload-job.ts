import { FailedProblem } from '../../model/problem.ts';
import type { BackupMode } from '../../ports/backup-tool.ts';
import type { JobParams, JobResult } from '../../ports/node-agent.ts';
import { inventoryKey } from '../../model/restore-point.ts';
import { compareBackup } from './backup-comparison.ts';
import { watchDatabase } from '../database-watch.ts';
import {
  type InventoryBody,
  filesOf,
  inventoriedPoints,
  nameOf,
  readableInventory,
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
  // Medusa asks Cassandra for schema and tokens and retries for ten minutes without an answer: it is better to know at
  // once.
  await database.tables();

  const reused = mode === 'full' ? [] : await reusedNames(parts, inventory, signal);
  const used: BackupMode = reused.length > 0 ? 'full' : mode;
  if (used !== mode)
    log('full instead of differential', { reason: 'file names were used before', files: reused.slice(0, 20) });

  const already = await tool.contents(node, point);
  // A killed attempt may have finished: then its files are kept. Anything else that it left under this name is removed
  // first.
  if (already === undefined || compareBackup(inventory, already).length > 0) {
    if (await tool.remove(point, { keepFiles: true, signal })) log('dead attempt removed', { point });
    const watch = watchUpload(parts, { inventory, mode: used, progress, signal });
    const running = watchDatabase(parts);
    try {
      await tool.upload(point, used, {
        signal: AbortSignal.any([signal, running.signal]),
        onTable: (keyspace, table) => {
          // After the first table has begun, Medusa only reads files.
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
 * Names of files that the store may hold with other content. Medusa's differential backups share files only by name and
 * size: it would keep an old file of the same size, or overwrite one that an older backup needs. Names are used again
 * after a restore, because Cassandra then counts its files from an older number, and after a repair, which rewrites a
 * Statistics.db under its old name.
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
    const other = point === inventory.point ? undefined : await readableInventory(bucket, point, node);
    // Nobody can tell which names it used.
    if (other === 'damaged') return [inventoryKey(point, node)];
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
    happened: `Medusa's record of ${point} for ${node} differs from the snapshot: ${findings[0] ?? ''}${findings.length > 1 ? ` (and ${findings.length - 1} more)` : ''}.`,
    state: 'The upload is in the store but must not be used.',
    next: "Start the backup again. If it happens again, keep the agent's log and the Medusa log that it names.",
    details: findings.slice(0, 50),
  });
}
