import { FailedProblem } from '../../model/problem.ts';
import type { JobParams, JobResult } from '../../ports/node-agent.ts';
import { requireStoredInventory, sizeOf } from './inventory-store.ts';
import type { JobContext } from './job-context.ts';
import type { NodeParts } from '../node-parts.ts';
import { readBack } from './read-back.ts';
import { contentOf, filesAsStored, type StoredAs, lookInStore } from './stored-files.ts';

/**
 * Checks that every file of the inventory is in the store with its size. Files that no known point has verified are
 * read back and hashed. `sound` collects the files that were read back and are right; a file that it already holds,
 * from an attempt that a temporary fault ended, is not read again.
 */
export async function verify(
  parts: NodeParts,
  { point, knownPoints }: JobParams['verify'],
  { signal, progress, log }: JobContext,
  sound: Set<string> = new Set(),
): Promise<JobResult['verify']> {
  const { node, bucket } = parts;
  const { inventory, sha256 } = await requireStoredInventory(bucket, point, node);
  const { expected, findings } = await lookInStore(parts, { node, inventory, signal });
  if (findings.length > 0) throw damaged(node, point, findings);

  const unknown = await unvouched(parts, expected, knownPoints, signal);
  const newBytes = unknown.reduce((sum, file) => sum + file.bytes, 0);
  const unread = unknown.filter((file) => !sound.has(contentOf(file)));
  log('reading back', { point, files: unread.length, bytes: newBytes });
  const before = newBytes - unread.reduce((sum, file) => sum + file.bytes, 0);
  const report = (done: number) =>
    progress({ done: before + done, total: newBytes, unit: 'bytes', label: 'reading back' });
  await readBack(parts, unread, signal, {
    onBytes: report,
    onRead: (file, sum) => {
      if (sum === file.sha256) sound.add(contentOf(file));
      else findings.push(`${file.name}: different bytes in the store (${file.key})`);
    },
  });
  if (findings.length > 0) throw damaged(node, point, findings);
  return { ...sizeOf(inventory), newBytes, inventorySha256: sha256 };
}

/**
 * The files whose object no known point holds with the same content. Points are read newest first, until no file is
 * left.
 */
async function unvouched(
  { node, bucket, tool }: NodeParts,
  expected: readonly StoredAs[],
  knownPoints: readonly string[],
  signal: AbortSignal,
): Promise<readonly StoredAs[]> {
  const open = new Map(expected.map((file) => [contentOf(file), file]));
  for (const known of knownPoints.toSorted().reverse()) {
    if (open.size === 0) break;
    signal.throwIfAborted();
    // What is damaged vouches for nothing.
    for (const file of (await filesAsStored({ bucket, tool }, node, known)) ?? []) open.delete(contentOf(file));
  }
  return [...open.values()];
}

function damaged(node: string, point: string, findings: readonly string[]): FailedProblem {
  return new FailedProblem({
    code: 'backup-damaged',
    happened: `The backup ${point} of ${node} differs from its snapshot: ${findings[0] ?? ''}${findings.length > 1 ? ` (and ${findings.length - 1} more)` : ''}.`,
    state: 'The backup stays in the store but must not be used. Earlier points are not affected.',
    next: 'Bring back from a copy of the bucket what is missing or wrong, or choose another point (`cardea points ENV`); a restore or rehearsal of this one by name checks every file anew. For a new, whole backup: `cardea backup ENV --mode full`, which reuses no file of earlier ones.',
    details: findings.slice(0, 50),
  });
}
