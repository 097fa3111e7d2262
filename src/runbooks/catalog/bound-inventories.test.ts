import { expect, test } from 'vitest';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { inventoryKey, type RestorePoint } from '../../model/restore-point.ts';
import {
  bindInventories,
  boundInventories,
  inventoriesNow,
  inventoriesOf,
  requireSameInventories,
} from './bound-inventories.ts';

const id = 'backup-20260219-020000' as RestorePoint['id'];

async function pointOf(nodes: number) {
  const bucket = new MemoryStore();
  const names = Array.from({ length: nodes }, (_, at) => `hcd-paris-rack1-sts-${at}`);
  for (const node of names) await bucket.put(inventoryKey(id, node), `the files of ${node}`);
  return { bucket, names, point: { id, nodes: names.map((node) => ({ node })) as RestorePoint['nodes'] } };
}

test.each([1, 3, 30, 300])('the files of %d nodes are bound by what fits into the result of a step', async (nodes) => {
  const { bucket, names, point } = await pointOf(nodes);
  const now = await inventoriesNow(bucket, point);
  const bound = boundInventories.parse(JSON.parse(JSON.stringify(bindInventories(now))));
  expect(JSON.stringify(bound).length).toBeLessThan(3600);
  const inventoryOf = await inventoriesOf(bucket, point, bound);
  expect(names.map(inventoryOf)).toEqual([...now.values()]);
  await requireSameInventories(bucket, point, bound);
  // The order in which nodes are told is not a difference.
  expect(bindInventories(new Map([...now].toReversed()))).toEqual(bound);
});

test.each([
  [3, inventoryKey(id, 'hcd-paris-rack1-sts-1')],
  [300, `inventories/${id}/`],
])('one of %d inventories that was exchanged or removed is refused by name', async (nodes, named) => {
  const { bucket, point } = await pointOf(nodes);
  const bound = bindInventories(await inventoriesNow(bucket, point));
  const key = inventoryKey(id, 'hcd-paris-rack1-sts-1');
  const refused = { kind: 'refused', code: 'inventory-changed', happened: expect.stringContaining(named) };
  await bucket.put(key, 'other files');
  await expect(requireSameInventories(bucket, point, bound)).rejects.toMatchObject(refused);
  bucket.remove(key);
  await expect(requireSameInventories(bucket, point, bound)).rejects.toMatchObject(refused);
});

test('of a changed list no node gets an inventory, and neither does a node that is not in it', async () => {
  const { bucket, names, point } = await pointOf(300);
  const bound = bindInventories(await inventoriesNow(bucket, point));
  await bucket.put(inventoryKey(id, names[7] ?? ''), 'other files');
  const refused = { code: 'inventory-changed' };
  const ofMany = await inventoriesOf(bucket, point, bound);
  expect(() => ofMany(names[0] ?? '')).toThrow(expect.objectContaining(refused));
  const few = await pointOf(2);
  const ofFew = await inventoriesOf(
    few.bucket,
    few.point,
    bindInventories(await inventoriesNow(few.bucket, few.point)),
  );
  expect(() => ofFew('another')).toThrow(expect.objectContaining(refused));
});
