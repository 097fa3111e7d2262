import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyMutation, schemaOfTables, tables } from '../../test/support/any-mutation.ts';
import { Problem } from '../model/problem.ts';
import { firstTableOf, partitionKeyOf } from './mutation-glance.ts';
import { decodeMutation, readMutation } from './mutation-reader.ts';
import { encodeMutation } from './mutation-writer.ts';
import { tableIndexOf } from './table-layout.ts';

const index = tableIndexOf(schemaOfTables, 8);
const around = 1_771_466_400_000_001;

describe('a mutation', () => {
  test('read and written again gives the same bytes', () => {
    fc.assert(
      fc.property(anyMutation(around), (mutation) => {
        const bytes = encodeMutation(mutation);
        expect(Buffer.compare(encodeMutation(readMutation(bytes, index)), bytes)).toBe(0);
      }),
      { numRuns: 250 },
    );
  });

  test('of any bytes at all is read or refused by a problem, and what is read can be written', () => {
    fc.assert(
      fc.property(
        anyMutation(around),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        (whole, changes) => {
          const bytes = encodeMutation(whole);
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          try {
            encodeMutation(readMutation(bytes, index));
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(Problem);
          }
        },
      ),
      { numRuns: 250 },
    );
  });

  test('tells its first table and its key at a glance, also of a long key', () => {
    fc.assert(
      fc.property(anyMutation(around), fc.nat(70_000), ({ updates }, length) => {
        const [first, ...more] = updates;
        if (first === undefined) return;
        for (const key of [first.key, Buffer.alloc(length, 7)]) {
          const bytes = encodeMutation({ updates: [{ ...first, key }, ...more] });
          expect(firstTableOf(bytes)).toBe(first.layout.table.id);
          expect(Buffer.compare(partitionKeyOf(bytes), key)).toBe(0);
        }
      }),
    );
    expect(firstTableOf(Uint8Array.of(1, 2, 3))).toBeUndefined();
    expect(() => partitionKeyOf(Uint8Array.of(1, 2, 3))).toThrow(Problem);
  });

  test('that is cut off anywhere is refused', () => {
    fc.assert(
      fc.property(anyMutation(around), fc.nat(), (whole, cut) => {
        const bytes = encodeMutation(whole);
        expect(() => readMutation(bytes.subarray(0, cut % bytes.length), index)).toThrow(Problem);
      }),
    );
  });

  test('of an unknown table, an unknown column or an unknown format is refused by name', () => {
    const [every, bare] = tables;
    if (every === undefined || bare === undefined) throw new TypeError('there are tables');
    const bytes = Buffer.concat([
      Buffer.from([1]),
      Buffer.from(bare.id.replaceAll('-', ''), 'hex'),
      // A key of one byte, no flags, base times of zero, one column: v.
      Buffer.from([1, 7, 0, 0, 0, 0, 1, 1, 0x76, 1]),
    ]);
    expect([...(decodeMutation(bytes, 8, schemaOfTables).updates[0]?.key ?? [])]).toEqual([7]);
    expect(() => decodeMutation(bytes, 8, new Map([[every.id, every]]))).toThrow(
      expect.objectContaining({ code: 'log-table-unknown', happened: expect.stringContaining(bare.id) }),
    );
    const without = { ...bare, columns: bare.columns.slice(0, 1) };
    expect(() => decodeMutation(bytes, 8, new Map([[bare.id, without]]))).toThrow(
      expect.objectContaining({
        code: 'log-table-unknown',
        happened: expect.stringContaining('column v of kinds.bare'),
      }),
    );
    for (const version of [6, 9, 101, 110, 680]) {
      expect(() => decodeMutation(bytes, version, schemaOfTables)).toThrow(
        expect.objectContaining({ code: 'log-version-unknown', happened: expect.stringContaining(String(version)) }),
      );
    }
  });
});
