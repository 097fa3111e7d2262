import { FailedProblem, RefusedProblem } from '../../model/problem.ts';
import { type Inventory, inventoryDocument, inventoryKey } from '../../model/restore-point.ts';
import { sha256 } from '../../model/sha256.ts';
import type { ObjectStore } from '../../ports/object-store.ts';

export type InventoryBody = Omit<Inventory, 'kind' | 'version'>;
export type InventoryFile = InventoryBody['tables'][number]['files'][number];

/** An inventory with the SHA-256 of its document. */
interface StoredInventory {
  readonly inventory: InventoryBody;
  readonly sha256: string;
}

/** Throws FailedProblem `inventory-damaged`, which names the object. */
async function findInventory(bucket: ObjectStore, point: string, node: string): Promise<StoredInventory | undefined> {
  const key = inventoryKey(point, node);
  const stored = await bucket.get(key);
  if (stored === undefined) return undefined;
  try {
    const inventory = inventoryDocument.read(stored.body, `${bucket.description}: ${key}`);
    return { inventory, sha256: sha256(stored.body) };
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
    return (await findInventory(bucket, point, node))?.inventory;
  } catch (error) {
    if (error instanceof FailedProblem && error.code === 'inventory-damaged') return 'damaged';
    throw error;
  }
}

/** Throws FailedProblem `inventory-missing`, `inventory-damaged`. */
export async function requireInventory(bucket: ObjectStore, point: string, node: string): Promise<InventoryBody> {
  return (await requireStoredInventory(bucket, point, node)).inventory;
}

/**
 * `bound`: the only one that is followed, whatever the bucket holds now. Throws FailedProblem `inventory-missing`, `inventory-damaged`,
 * RefusedProblem `inventory-changed`.
 */
export async function requireStoredInventory(
  bucket: ObjectStore,
  point: string,
  node: string,
  bound?: string,
): Promise<StoredInventory> {
  const found = await findInventory(bucket, point, node);
  if (found === undefined) {
    throw new FailedProblem({
      code: 'inventory-missing',
      happened: `The bucket has no inventory of ${node} for ${point} (${inventoryKey(point, node)}).`,
      state: 'Nothing was changed.',
      next: 'Choose another restore point (`cardea points ENV`). Without its inventory nothing can show whether this one is complete.',
    });
  }
  if (bound !== undefined && found.sha256 !== bound)
    throw inventoryChanged(point, node, { found: found.sha256, bound });
  return found;
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

function inventoryChanged(
  point: string,
  node: string,
  { found, bound }: { readonly found: string; readonly bound: string },
): RefusedProblem {
  return new RefusedProblem({
    code: 'inventory-changed',
    happened: `The inventory of ${node} for ${point} (${inventoryKey(point, node)}) is not the one that the run has checked, and is not followed.`,
    state: 'No file of the node was moved.',
    next: 'Find out who changed it: only a backup writes it, once. Then choose another restore point: `cardea points ENV`.',
    details: [`SHA-256 ${found}, checked was ${bound}`],
  });
}
