import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { exactId } from './byte-reader.ts';
import { idFromText, idText, relationIdText, vertexKind, VertexIds } from './element-id.ts';

const ids = new VertexIds(32);

test('a vertex id and the key of its row are the same thing, for every number of partitions', () => {
  const kinds = fc.constantFrom(0n, 2n, 4n);
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 16 }),
      fc.bigInt({ min: 1n, max: 2n ** 44n }),
      fc.nat(),
      kinds,
      (bits, count, part, kind) => {
        const some = new VertexIds(2 ** bits);
        const id = exactId((((count << BigInt(bits)) | BigInt(part % 2 ** bits)) << 3n) | kind);
        expect(some.fromKey(some.toKey(id))).toBe(id);
        expect(some.countOf(id)).toBe(exactId(count));
        expect(some.partitionOf(id)).toBe(part % 2 ** bits);
      },
    ),
  );
});

test('real keys give the ids that JanusGraph showed', () => {
  expect(ids.fromKey(Buffer.from('e000000000000080', 'hex'))).toBe(4320);
  expect(ids.fromKey(Buffer.from('000000000000a405', 'hex'))).toBe(41_989);
  expect(vertexKind(41_989)).toBe('schema');
});

test('the parts of a partitioned vertex have one canonical id', () => {
  expect(vertexKind(4226)).toBe('partitioned');
  expect(ids.canonical(ids.fromKey(Buffer.from('e000000000000082', 'hex')))).toBe(ids.canonical(4226));
  expect(ids.canonical(4226)).toBe(4226);
});

test('an id of text is refused by name', () => {
  expect(() => ids.fromKey(Buffer.from('8061e2', 'hex'))).toThrow(/vertex ids of text/);
});

test('ids are written in base 36, as JanusGraph names them', () => {
  expect(idText(4208)).toBe('38w');
  expect(relationIdText(2017, 4208, 8117, 4160)).toBe('1k1-38w-69h-37k');
  fc.assert(
    fc.property(fc.maxSafeNat(), (id) => {
      expect(idFromText(idText(id))).toBe(id);
    }),
  );
  expect(idFromText('No such')).toBeUndefined();
});
