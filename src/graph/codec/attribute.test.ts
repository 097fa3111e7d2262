import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  canonicalText,
  readAttribute,
  readPresent,
  readTagged,
  typeNamed,
  writePresent,
  type AttributeValue,
} from './attribute.ts';
import { ByteReader } from './byte-reader.ts';

const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
/** Every type that can stand in the key of a composite index. */
const values: Readonly<Record<string, fc.Arbitrary<AttributeValue>>> = {
  Byte: fc.integer({ min: -128, max: 127 }),
  Short: fc.integer({ min: -32_768, max: 32_767 }),
  Integer: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  Long: long,
  Character: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }).map((text) => text.charAt(0)),
  Boolean: fc.boolean(),
  Date: long,
  String: fc.string({ unit: 'binary' }),
  Float: fc.float(),
  Double: fc.double(),
  UUID: fc.uuid(),
  Instant: fc
    .tuple(long, fc.integer({ min: 0, max: 999_999_999 }))
    .map(([s, n]) => `${s}.${String(n).padStart(9, '0')}`),
};

test.each(Object.keys(values))('a %s written as in an index key reads back', (type) => {
  const { [type]: value = fc.constant(null) } = values;
  fc.assert(
    fc.property(value, (written) => {
      const out: number[] = [];
      expect(writePresent(out, type, { type, value: written })).toBe(true);
      const reader = new ByteReader(Uint8Array.from(out));
      expect(readPresent(reader, type)).toEqual({ type, value: written });
      expect(reader.remaining).toBe(0);
      const tagged: number[] = [];
      writePresent(tagged, 'Object', { type, value: written });
      expect(readTagged(new ByteReader(Uint8Array.from(tagged)))).toEqual({ type, value: written });
    }),
  );
});

test('values in sort order read as the values they are', () => {
  const read = (hex: string, type: string) => readAttribute(new ByteReader(Buffer.from(hex, 'hex')), type, true)?.value;
  expect(read('008000000000000003', 'Long')).toBe(3n);
  expect(read('0080000003', 'Integer')).toBe(3);
  expect(read('007ffffffd', 'Integer')).toBe(-3);
  expect(read('00bff8000000000000', 'Double')).toBe(1.5);
  expect(read('004007ffffffffffff', 'Double')).toBe(-1.5);
  expect(read('00bfc00000', 'Float')).toBe(1.5);
});

test('a class of the user is carried to the end of the cell; an unknown class and way of packing are refused', () => {
  expect(typeNamed(142)).toBe('class of the user, number 42');
  const reader = new ByteReader(Uint8Array.of(0x00, 1, 2, 3));
  expect(readAttribute(reader, typeNamed(142))).toEqual({ type: typeNamed(142), value: Uint8Array.of(0, 1, 2, 3) });
  expect(reader.remaining).toBe(0);
  const tagged = readTagged(new ByteReader(Uint8Array.of(0x01, 0x8e, 7)));
  expect(tagged).toEqual({ type: typeNamed(142), value: Uint8Array.of(7) });
  expect(() => typeNamed(96)).toThrow(/class number 96/);
  expect(() => readAttribute(new ByteReader(Uint8Array.of(0x83)), 'String')).toThrow(/packed in an unknown way \(3\)/);
});

test('different values never share a canonical text', () => {
  const any = fc.oneof(...Object.entries(values).map(([type, value]) => value.map((one) => ({ type, value: one }))));
  fc.assert(
    fc.property(any, any, (a, b) => {
      const same = a.type === b.type && Object.is(a.value, b.value);
      expect(canonicalText(a) === canonicalText(b)).toBe(same);
    }),
  );
});
