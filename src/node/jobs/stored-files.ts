import { mapConcurrently } from '../../model/map-concurrently.ts';
import { FailedProblem } from '../../model/problem.ts';
import type { BackupContents } from '../../ports/backup-tool.ts';
import type { NodeParts } from '../node-parts.ts';
import { byName, compareBackup } from './backup-comparison.ts';
import { type InventoryBody, filesOf, nameOf, readableInventory } from './inventory-store.ts';

/** A file of an inventory, and the object that the backup tool's record gives it. */
export interface StoredAs {
  readonly name: string;
  readonly key: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** An object with this very content. */
export function contentOf({ key, sha256 }: Pick<StoredAs, 'key' | 'sha256'>): string {
  return `${key} ${sha256}`;
}

/** The files of a node's backup as inventory and record have them; undefined where one of these is not there or is damaged. */
export async function filesAsStored(
  { bucket, tool }: Pick<NodeParts, 'bucket' | 'tool'>,
  node: string,
  point: string,
): Promise<readonly StoredAs[] | undefined> {
  const inventory = await readableInventory(bucket, point, node);
  if (inventory === undefined || inventory === 'damaged') return undefined;
  const contents = await readableContents(tool, node, point);
  return contents === undefined ? undefined : joined(inventory, contents);
}

async function readableContents(tool: NodeParts['tool'], node: string, point: string) {
  try {
    return await tool.contents(node, point);
  } catch (error) {
    if (error instanceof FailedProblem && error.code === 'bad-manifest') return undefined;
    throw error;
  }
}

function joined(inventory: InventoryBody, { files }: Pick<BackupContents, 'files'>): readonly StoredAs[] {
  const stored = byName(files);
  return [...filesOf(inventory)].flatMap(({ keyspace, table, file }): StoredAs[] => {
    const name = nameOf(keyspace, table, file.path);
    const key = stored.get(name)?.key;
    return key === undefined ? [] : [{ name, key, bytes: file.bytes, sha256: file.sha256 }];
  });
}

/**
 * Compares an inventory with the tool's record of the backup, and with what the store holds of that, by names and sizes. One finding for each
 * file that is not there as it was in the snapshot; it names the object.
 */
export async function lookInStore(
  { bucket, tool }: Pick<NodeParts, 'bucket' | 'tool'>,
  {
    node,
    inventory,
    signal,
  }: { readonly node: string; readonly inventory: InventoryBody; readonly signal: AbortSignal },
): Promise<{ readonly expected: readonly StoredAs[]; readonly findings: string[] }> {
  const contents = await tool.contents(node, inventory.point);
  if (contents === undefined) return { expected: [], findings: ['Medusa has no finished backup of this name'] };
  const findings = compareBackup(inventory, contents).map((line) => `${line} (by ${contents.record})`);
  const expected = joined(inventory, contents);
  const sizes = await sizesInStore({ bucket }, expected, signal);
  await askForMissing({ bucket }, expected, sizes, signal);
  for (const { name, key, bytes } of expected) {
    const found = sizes.get(key);
    if (found === undefined) findings.push(`${name}: missing in the store (${key}, by ${contents.record})`);
    else if (found !== bytes) findings.push(`${name}: ${found} bytes in the store, ${bytes} in the snapshot (${key})`);
  }
  return { expected, findings };
}

/** A listing may lag behind the store: what it lacks is asked for by its key before it counts as missing. */
async function askForMissing(
  { bucket }: Pick<NodeParts, 'bucket'>,
  expected: readonly StoredAs[],
  sizes: Map<string, number>,
  signal: AbortSignal,
): Promise<void> {
  const missing = expected.filter(({ key }) => !sizes.has(key));
  await mapConcurrently(missing, 16, async ({ key }) => {
    signal.throwIfAborted();
    const found = await bucket.head(key);
    if (found !== undefined) sizes.set(key, found.bytes);
  });
}

/** Object key to size. It lists the folders that hold the files instead of asking for each file. */
async function sizesInStore(
  { bucket }: Pick<NodeParts, 'bucket'>,
  expected: readonly StoredAs[],
  signal: AbortSignal,
): Promise<Map<string, number>> {
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
