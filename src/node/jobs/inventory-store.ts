import { FailedProblem } from '../../model/problem.ts';
import { type Inventory, inventoryDocument, inventoryKey } from '../../model/restore-point.ts';
import type { ObjectStore } from '../../ports/object-store.ts';

export type InventoryBody = Omit<Inventory, 'kind' | 'version'>;
export type InventoryFile = InventoryBody['tables'][number]['files'][number];

/** Throws FailedProblem `inventory-damaged`, which names the object. */
export async function findInventory(
  bucket: ObjectStore,
  point: string,
  node: string,
): Promise<InventoryBody | undefined> {
  const key = inventoryKey(point, node);
  const stored = await bucket.get(key);
  if (stored === undefined) return undefined;
  try {
    return inventoryDocument.read(stored.body, `${bucket.description}: ${key}`);
  } catch (cause) {
    if (!(cause instanceof FailedProblem)) throw cause;
    throw new FailedProblem({
      code: 'inventory-damaged',
      happened: cause.happened,
      state: cause.state,
      next: 'Choose another restore point: `cardea points ENV`. Without its inventory nothing can show whether this one is complete.',
      cause,
    });
  }
}

/** Of a point that others are only compared with. */
export async function readableInventory(
  bucket: ObjectStore,
  point: string,
  node: string,
): Promise<InventoryBody | 'damaged' | undefined> {
  try {
    return await findInventory(bucket, point, node);
  } catch (error) {
    if (error instanceof FailedProblem && error.code === 'inventory-damaged') return 'damaged';
    throw error;
  }
}

/** Throws FailedProblem `inventory-missing`, `inventory-damaged`. */
export async function requireInventory(bucket: ObjectStore, point: string, node: string): Promise<InventoryBody> {
  const found = await findInventory(bucket, point, node);
  if (found !== undefined) return found;
  throw new FailedProblem({
    code: 'inventory-missing',
    happened: `The bucket has no inventory of ${node} for ${point} (${inventoryKey(point, node)}).`,
    state: 'Nothing was changed.',
    next: 'Choose another restore point (`cardea points ENV`). Without its inventory nothing can show whether this one is complete.',
  });
}

/** Points that have an inventory of this node, newest first. */
export async function inventoriedPoints(bucket: ObjectStore): Promise<readonly string[]> {
  const points: string[] = [];
  for await (const child of bucket.children('inventories/')) points.push(child.slice('inventories/'.length, -1));
  return points.reverse();
}

export function* filesOf(
  inventory: InventoryBody,
): Generator<{ keyspace: string; table: string; file: InventoryFile }> {
  for (const { keyspace, table, files } of inventory.tables) {
    for (const file of files) yield { keyspace, table, file };
  }
}

export function sizeOf(inventory: InventoryBody): { readonly files: number; readonly bytes: number } {
  let files = 0;
  let bytes = 0;
  for (const { file } of filesOf(inventory)) {
    files += 1;
    bytes += file.bytes;
  }
  return { files, bytes };
}

/** `janusgraph/edgestore-7f…/nb-1-big-Data.db`: the name of a file that every message uses. */
export function nameOf(keyspace: string, table: string, path: string): string {
  return `${keyspace}/${table}/${path}`;
}
