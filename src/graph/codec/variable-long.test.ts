import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader, exactId } from './byte-reader.ts';
import {
  readPositive,
  readPositiveBackward,
  readSigned,
  readWithPrefix,
  writePositive,
  writePositiveBackward,
  writeSigned,
  writeWithPrefix,
} from './variable-long.ts';

const positive = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 62n }),
  fc.nat().map(BigInt),
  fc.integer({ min: 0, max: 62 }).map((bits) => 2n ** BigInt(bits) - 1n),
);

function written(write: (out: number[]) => void, around: number[] = []): ByteReader {
  const out: number[] = [];
  write(out);
  return new ByteReader(Uint8Array.from([...around, ...out]));
}

test('a positive number reads back and takes all its bytes', () => {
  fc.assert(
    fc.property(positive, (value) => {
      const reader = written((out) => writePositive(out, value));
      expect(readPositive(reader)).toBe(exactId(value));
      expect(reader.remaining).toBe(0);
    }),
  );
});

test('a signed number reads back', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 61n), max: 2n ** 61n }), (value) => {
      expect(readSigned(written((out) => writeSigned(out, value)))).toBe(exactId(value));
    }),
  );
});

test('a number read from behind reads back and stops at its first byte, whatever lies before it', () => {
  fc.assert(
    fc.property(positive, fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 4 }), (value, before) => {
      const reader = written((out) => writePositiveBackward(out, value), before);
      expect(readPositiveBackward(reader)).toBe(exactId(value));
      expect(reader.remaining).toBe(before.length);
    }),
  );
});

test('a number with a prefix in its first byte reads back with the prefix', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.integer({ min: 0, max: 7 }), (value, prefix) => {
      expect(
        readWithPrefix(
          written((out) => writeWithPrefix(out, value, prefix, 3)),
          3,
        ),
      ).toEqual({ prefix, value });
    }),
  );
});

test('a number without an end is refused, not read past', () => {
  expect(() => readPositive(new ByteReader(Uint8Array.of(1, 2)))).toThrow(/ends after 2 bytes/);
  expect(() => readPositive(new ByteReader(new Uint8Array(12)))).toThrow(/has no end/);
});

test('a negative number whose stored form is larger than a safe number, but which is none itself, reads back as an ordinary one', () => {
  expect(readSigned(written((out) => writeSigned(out, -(2n ** 52n))))).toBe(-(2 ** 52));
});
