import { createHash } from 'node:crypto';
import { FailedProblem } from '../../model/problem.ts';
import type { JobParams, JobResult } from '../../ports/node-agent.ts';
import { byName, compareBackup } from './backup-comparison.ts';
import { findInventory, filesOf, nameOf, requireInventory, sizeOf } from './inventory-store.ts';
import type { JobContext } from './job-context.ts';
import type { NodeParts } from '../node-parts.ts';

/** Files read back at once: enough to keep a store busy, few enough for memory. */
const readers = 4;

interface Expected {
  readonly name: string;
  readonly key: string;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Checks that every file of the inventory is in the store with its size. Files that no known point has verified are
 * read back and hashed.
 */
export async function verify(
  parts: NodeParts,
  { point, knownPoints }: JobParams['verify'],
  { signal, progress, log }: JobContext,
): Promise<JobResult['verify']> {
  const { node, bucket, tool } = parts;
  const inventory = await requireInventory(bucket, point, node);
  const contents = await tool.contents(node, point);
  if (contents === undefined) throw damaged(node, point, ['Medusa has no finished backup of this name']);
  const findings = [...compareBackup(inventory, contents)];
  const stored = byName(contents.files);
  const expected = [...filesOf(inventory)].flatMap(({ keyspace, table, file }): Expected[] => {
    const name = nameOf(keyspace, table, file.path);
    const key = stored.get(name)?.key;
    return key === undefined ? [] : [{ name, key, bytes: file.bytes, sha256: file.sha256 }];
  });

  const sizes = await sizesInStore(parts, expected, signal);
  for (const { name, key, bytes } of expected) {
    const found = sizes.get(key);
    if (found === undefined) findings.push(`${name}: missing in the store (${key})`);
    else if (found !== bytes) findings.push(`${name}: ${found} bytes in the store, ${bytes} in the snapshot (${key})`);
  }
  if (findings.length > 0) throw damaged(node, point, findings);

  const unknown = await unvouched(parts, expected, knownPoints, signal);
  const newBytes = unknown.reduce((sum, file) => sum + file.bytes, 0);
  log('reading back', { point, files: unknown.length, bytes: newBytes });
  let done = 0;
  const report = () => progress({ done, total: newBytes, unit: 'bytes', label: 'reading back' });
  report();
  const queue = unknown.values();
  const read = async () => {
    for (const file of queue) {
      const hash = createHash('sha256');
      for await (const chunk of await bucket.getStream(file.key)) {
        signal.throwIfAborted();
        hash.update(chunk);
        done += chunk.length;
        report();
      }
      if (hash.digest('hex') !== file.sha256) findings.push(`${file.name}: different bytes in the store (${file.key})`);
    }
  };
  await Promise.all(Array.from({ length: readers }, read));
  if (findings.length > 0) throw damaged(node, point, findings);
  return { ...sizeOf(inventory), newBytes };
}

/** Object key to size. It lists the folders that hold the files instead of asking for each file. */
async function sizesInStore(
  { bucket }: NodeParts,
  expected: readonly Expected[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  // `medusa/<node>/data/` or `medusa/<node>/<backup>/data/`: both end before the keyspace.
  const prefixes = new Set(expected.map(({ key, name }) => key.slice(0, key.length - name.length)));
  for (const prefix of prefixes) {
    for await (const { key, bytes } of bucket.list(prefix)) {
      signal.throwIfAborted();
      sizes.set(key, bytes);
    }
  }
  return sizes;
}

/**
 * The files whose object no known point holds with the same content. Points are read newest first, until no file is
 * left.
 */
async function unvouched(
  { node, bucket, tool }: NodeParts,
  expected: readonly Expected[],
  knownPoints: readonly string[],
  signal: AbortSignal,
): Promise<readonly Expected[]> {
  const open = new Map(expected.map((file) => [`${file.key} ${file.sha256}`, file]));
  for (const known of knownPoints.toSorted().reverse()) {
    if (open.size === 0) break;
    signal.throwIfAborted();
    const [inventory, contents] = await Promise.all([findInventory(bucket, known, node), tool.contents(node, known)]);
    if (inventory === undefined || contents === undefined) continue;
    const stored = byName(contents.files);
    for (const { keyspace, table, file } of filesOf(inventory)) {
      const key = stored.get(nameOf(keyspace, table, file.path))?.key;
      if (key !== undefined) open.delete(`${key} ${file.sha256}`);
    }
  }
  return [...open.values()];
}

function damaged(node: string, point: string, findings: readonly string[]): FailedProblem {
  return new FailedProblem({
    code: 'backup-damaged',
    happened: `The backup ${point} of ${node} differs from its snapshot: ${findings[0] ?? ''}${findings.length > 1 ? ` (and ${findings.length - 1} more)` : ''}.`,
    state: 'The backup stays in the store but must not be used. Earlier points are not affected.',
    next: 'Start a new backup with `cardea backup ENV --mode full`, which reuses no file of earlier backups.',
    details: findings.slice(0, 50),
  });
}
