import { expect, test } from 'vitest';
import { disksWithoutRoom } from './disk-room.ts';

const gib = 1024 ** 3;

test('B2: a disk that would fall below the share that must stay free is named with the bytes that are missing', () => {
  const lines = disksWithoutRoom(
    [
      { node: 'hcd-paris-rack1-sts-0', total: 100 * gib, free: 50 * gib, writes: 30 * gib },
      { node: 'hcd-paris-rack1-sts-1', total: 100 * gib, free: 35 * gib, writes: 30 * gib },
    ],
    0.1,
  );
  expect(lines).toEqual([
    'hcd-paris-rack1-sts-1: 35.0 GiB of 100 GiB are free; 30.0 GiB will be written and 10.0 GiB must stay free, so 5.0 GiB are missing',
  ]);
});

test('a disk with exactly enough room passes', () => {
  expect(disksWithoutRoom([{ node: 'a', total: 100, free: 40, writes: 30 }], 0.1)).toEqual([]);
});
