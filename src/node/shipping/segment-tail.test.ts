import { expect, test } from 'vitest';
import { writeSegmentHeader } from '../../commitlog/segment-header.ts';
import { SegmentTail } from './segment-tail.ts';

function tailOf(bytes: Uint8Array): SegmentTail {
  const file = {
    read: () => Promise.resolve(bytes),
    facts: () => Promise.resolve({ bytes: bytes.length, taken: bytes.length, touched: '', bornMs: undefined }),
    close: () => Promise.resolve(),
  };
  return new SegmentTail({ file: 'CommitLog-7-1.log', id: 1n, from: 0, now: 0, bytes: file });
}

test('a header that is not whole yet is damage of the file, and told so', async () => {
  const torn = Buffer.from(writeSegmentHeader(7, 1n));
  torn[6] = 0xff;
  const tail = tailOf(torn);
  expect(await tail.follow(0)).toBe(0);
  expect(tail.damage).toContain('does not match its check sum');
});

test('a defect of the program while a header is read stays an error with its trace, and is called no damage', async () => {
  const bytes = Buffer.from(writeSegmentHeader(7, 1n));
  Object.defineProperty(bytes, 'byteLength', {
    get() {
      throw new TypeError('a defect');
    },
  });
  const tail = tailOf(bytes);
  await expect(tail.follow(0)).rejects.toThrow(new TypeError('a defect'));
  expect(tail.damage).toBeUndefined();
});
