import { expect, test } from 'vitest';
import { ShippedBucket } from '../../../test/support/shipped-bucket.ts';
import { getPoint, listPoints, surveyPoints } from './point-catalog.ts';

async function twoPoints() {
  const bucket = new ShippedBucket();
  await bucket.point(100, 105);
  await bucket.point(200, 205);
  const [newer, older] = await listPoints(bucket.store);
  if (newer === undefined || older === undefined) throw new TypeError('no points');
  const change = async (by: (text: string) => string) => {
    const stored = await bucket.store.get(`${newer.id}.json`);
    await bucket.store.put(`${newer.id}.json`, by(Buffer.from(stored?.body ?? []).toString()));
  };
  return { store: bucket.store, newer, older, change };
}

test('a point with a flipped bit is listed as damaged, its object named, and hides no other', async () => {
  const { store, newer, older, change } = await twoPoints();
  await change((text) => text.replace(/"bytes": (\d)/, (_, digit: string) => `"bytes": ${Number(digit) ^ 1}`));
  const { points, damaged } = await surveyPoints(store);
  expect(points).toEqual([older]);
  expect(damaged).toEqual([
    { id: newer.id, failure: `${newer.id}.json cannot be read: its content does not match its check sum.` },
  ]);
});

test('a damaged point is refused by the name of its object', async () => {
  const { store, newer, change } = await twoPoints();
  await change((text) => text.slice(0, -10));
  await expect(getPoint(store, newer.id)).rejects.toMatchObject({
    kind: 'refused',
    code: 'point-not-good',
    happened: expect.stringContaining(`${newer.id}.json`),
  });
});

test('a point of before documents were sealed is read as it is', async () => {
  const { store, newer, change } = await twoPoints();
  await change((text) => {
    const { check: _, ...rest } = JSON.parse(text) as Record<string, unknown>;
    return JSON.stringify(rest);
  });
  expect(await getPoint(store, newer.id)).toEqual(newer);
});
