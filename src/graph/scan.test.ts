import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { TableRows } from '../../test/support/table-rows.ts';
import { UndecodableRow } from './codec/byte-reader.ts';
import { RelationReader } from './codec/relation.ts';
import { RowWalk, type RowObserver } from './scan.ts';
import { readSchema } from './schema.ts';

const schema = await readSchema(new TableRows(), 'janusgraph');
const observer: RowObserver = { relation: () => undefined, vertexEnd: () => undefined, damaged: () => undefined };

test('a defect of the program while a cell is read stays an error with its trace, and is called no damage', () => {
  const damaged: unknown[] = [];
  const walk = new RowWalk(schema, { ...observer, damaged: (...told) => damaged.push(told) });
  // No bytes: what reads them fails as a program does that has a fault.
  const value = undefined as unknown as Buffer;
  expect(() => walk.cell(Buffer.from('e000000000000080', 'hex'), Buffer.of(2), value)).toThrow(TypeError);
  expect(damaged).toEqual([]);
});

test('whatever bytes a cell holds, reading them ends with a relation or says that they cannot be read', () => {
  const cells = [...(new TableRows().tables.edgestore?.values() ?? [])];
  const reader = new RelationReader(schema.types);
  const bytes = (hex: string) => fc.oneof(fc.constant(Buffer.from(hex, 'hex')), fc.uint8Array({ maxLength: 40 }));
  const cell = fc
    .constantFrom(...cells)
    .chain(([, column, value]) =>
      fc.tuple(bytes(column), bytes(value), fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 7 })),
    );
  fc.assert(
    fc.property(cell, ([column, value, at, bit]) => {
      // One bit of it is flipped.
      const bent = Uint8Array.from(value);
      const byte = bent[at % Math.max(1, bent.length)];
      if (byte !== undefined) bent[at % bent.length] = byte ^ (1 << bit);
      try {
        reader.read(column, bent);
      } catch (error) {
        expect(error).toBeInstanceOf(UndecodableRow);
      }
    }),
    { numRuns: 5000 },
  );
});
