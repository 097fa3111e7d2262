import { z } from 'zod';
import { RefusedProblem } from '../../model/problem.ts';
import { inventoryKey, type RestorePoint } from '../../model/restore-point.ts';
import { sha256 } from '../../model/sha256.ts';
import type { ObjectStore } from '../../ports/object-store.ts';

/** By node of a point: SHA-256 of its inventory, which names every file with its hash. */
type Inventories = ReadonlyMap<string, string>;

const hash = z.string().regex(/^[0-9a-f]{64}$/);

/**
 * What a run is bound to of a point's files, for the result of a step: the hash of each node's inventory or, of more nodes than fit, one hash
 * over that list. Whoever can write to the bucket can put other files there together with their inventory; the journal is signed.
 */
export const boundInventories = z.union([z.record(z.string(), hash), hash]);
type BoundInventories = z.output<typeof boundInventories>;

/** Bytes of JSON: a step's result has at most 4096. */
const longestList = 3500;

export function bindInventories(inventories: Inventories): BoundInventories {
  const list = Object.fromEntries([...inventories].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const text = JSON.stringify(list);
  return Buffer.byteLength(text) <= longestList ? list : sha256(text);
}

/** Each node's inventory as it lies in the bucket now. Whether one is there and whole is said by the agent that reads it. */
export async function inventoriesNow(
  bucket: ObjectStore,
  { id, nodes }: Pick<RestorePoint, 'id' | 'nodes'>,
): Promise<Inventories> {
  const found = new Map<string, string>();
  for (const { node } of nodes) {
    const stored = await bucket.get(inventoryKey(id, node));
    found.set(node, stored === undefined ? missing : sha256(stored.body));
  }
  return found;
}

const missing = sha256('');

/**
 * By node the inventory that a run is bound to; each agent refuses another one. Throws RefusedProblem `inventory-changed` where a list that was
 * too long for the journal is not that of the bucket any more.
 */
export async function inventoriesOf(
  bucket: ObjectStore,
  point: Pick<RestorePoint, 'id' | 'nodes'>,
  bound: BoundInventories,
): Promise<(node: string) => string> {
  const inventories = typeof bound === 'string' ? await inventoriesNow(bucket, point) : new Map(Object.entries(bound));
  const whole = typeof bound !== 'string' || bindInventories(inventories) === bound;
  return (node) => {
    const found = inventories.get(node);
    if (found === undefined || !whole) throw inventoriesChanged(point.id, [inventoryKey(point.id, node)]);
    return found;
  };
}

/** Asked before anything is stopped. Throws RefusedProblem `inventory-changed`, which names every one that is another now. */
export async function requireSameInventories(
  bucket: ObjectStore,
  point: Pick<RestorePoint, 'id' | 'nodes'>,
  bound: BoundInventories,
): Promise<void> {
  const now = await inventoriesNow(bucket, point);
  const is = bindInventories(now);
  if (typeof bound === 'string' || typeof is === 'string') {
    if (is !== bound) throw inventoriesChanged(point.id, [`inventories/${point.id}/`]);
    return;
  }
  const nodes = [...new Set([...Object.keys(bound), ...now.keys()])];
  const changed = nodes.filter((node) => bound[node] !== now.get(node));
  if (changed.length > 0) {
    throw inventoriesChanged(
      point.id,
      changed.map((node) => inventoryKey(point.id, node)),
    );
  }
}

function inventoriesChanged(point: string, keys: readonly string[]): RefusedProblem {
  return new RefusedProblem({
    code: 'inventory-changed',
    happened: `What the bucket says of the files of ${point} is not what this run has checked: ${keys[0] ?? ''}${keys.length > 1 ? ` (and ${keys.length - 1} more)` : ''}.`,
    state: 'Nothing is placed from it.',
    next: 'Find out who changed it: only a backup writes it, once. Then choose another restore point: `cardea points ENV`.',
    details: [...keys],
  });
}
