import { createHash } from 'node:crypto';
import { FailedProblem } from '../../model/problem.ts';
import type { JobParams, JobResult } from '../../ports/node-agent.ts';
import { objectPatience, patiently } from '../../ports/patience.ts';
import { byName } from './backup-comparison.ts';
import { filesOf, nameOf, readableInventory, requireStoredInventory, sizeOf } from './inventory-store.ts';
import type { JobContext } from './job-context.ts';
import type { NodeParts } from '../node-parts.ts';
import { type StoredAs, lookInStore } from './stored-files.ts';

/** Files read back at once: enough to keep a store busy, few enough for memory. */
const readers = 4;

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
  let done = newBytes - unread.reduce((sum, file) => sum + file.bytes, 0);
  const report = () => progress({ done, total: newBytes, unit: 'bytes', label: 'reading back' });
  report();
  const queue = unread.values();
  const broken = new AbortController();
  const over = AbortSignal.any([signal, broken.signal]);
  const read = async () => {
    for (const file of queue) {
      const sum = await readBack(parts, file.key, over, (bytes) => {
        done += bytes;
        report();
      });
      if (sum === file.sha256) sound.add(contentOf(file));
      else findings.push(`${file.name}: different bytes in the store (${file.key})`);
    }
  };
  // What one of them breaks on ends the others: the check is begun again, and must not run beside its own past.
  const reading = async () => read().catch((thrown: unknown) => broken.abort(thrown));
  await Promise.all(Array.from({ length: readers }, reading));
  broken.signal.throwIfAborted();
  if (findings.length > 0) throw damaged(node, point, findings);
  return { ...sizeOf(inventory), newBytes, inventorySha256: sha256 };
}

/**
 * SHA-256 of an object. `onBytes` gets the number of bytes read, and a negative number when the object breaks off and is
 * read again. Only then is it retried here: before the first byte, the bucket itself retries.
 */
async function readBack(
  { bucket, clock }: NodeParts,
  key: string,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<string> {
  let read = 0;
  let begun = false;
  return patiently(clock, { ...objectPatience, signal, only: () => begun }, async () => {
    onBytes(-read);
    read = 0;
    begun = false;
    const hash = createHash('sha256');
    for await (const chunk of await bucket.getStream(key)) {
      signal.throwIfAborted();
      begun = true;
      hash.update(chunk);
      read += chunk.length;
      onBytes(chunk.length);
    }
    return hash.digest('hex');
  });
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
    const inventory = await readableInventory(bucket, known, node);
    // What is damaged vouches for nothing.
    if (inventory === undefined || inventory === 'damaged') continue;
    const contents = await readableContents(tool, node, known);
    if (contents === undefined) continue;
    const stored = byName(contents.files);
    for (const { keyspace, table, file } of filesOf(inventory)) {
      const key = stored.get(nameOf(keyspace, table, file.path))?.key;
      if (key !== undefined) open.delete(contentOf({ key, sha256: file.sha256 }));
    }
  }
  return [...open.values()];
}

async function readableContents(tool: NodeParts['tool'], node: string, point: string) {
  try {
    return await tool.contents(node, point);
  } catch (error) {
    if (error instanceof FailedProblem && error.code === 'bad-manifest') return undefined;
    throw error;
  }
}

/** An object with this very content. */
function contentOf({ key, sha256 }: Pick<StoredAs, 'key' | 'sha256'>): string {
  return `${key} ${sha256}`;
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
