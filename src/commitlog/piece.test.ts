import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from '../model/canonical-json.ts';
import { type LogPieceHeader, logPieceHeader, type PieceLink } from '../model/log-piece.ts';
import { Problem } from '../model/problem.ts';
import { sha256 } from '../model/sha256.ts';
import { chainOf, firstLink } from './piece-chain.ts';
import { readPiece, readPieceHeader, readStreamedPieceHeader, writePiece, writePieceParts } from './piece.ts';

const hostId = '6f8a2c44-0d7e-4d35-9f04-1b3c5d7e9f01';
const other = '6f8a2c44-0d7e-4d35-9f04-1b3c5d7e9f02';

/** A header over pieces of the given lengths, as a node ships them. */
function headerOver(plain: Uint8Array, lengths: readonly number[], change: Partial<LogPieceHeader> = {}) {
  const segment = { id: '1771466400000', file: 'CommitLog-8-1771466400000.log' };
  const pieces: PieceLink[] = [];
  let from = 0;
  for (const length of lengths) {
    const link = {
      sequence: pieces.length + 1,
      from,
      to: from + length,
      sha256: sha256(plain.subarray(from, from + length)),
      previous: pieces.at(-1)?.chain ?? firstLink('t0001', hostId),
      coveredFrom: '2026-02-19T02:00:00.000000Z',
      coveredTo: '2026-02-19T02:00:01.000000Z',
    };
    pieces.push({ ...link, chain: chainOf(link, segment.id) });
    from += length;
  }
  return logPieceHeader.body.parse({
    timeline: 't0001',
    hostId,
    node: 'node1',
    segment,
    from: 0,
    to: from,
    sha256: sha256(plain),
    closesSegment: false,
    pieces,
    ...change,
  });
}

async function written(header: LogPieceHeader, plain: Uint8Array, step: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  const chunks = async function* () {
    for (let at = 0; at < plain.length; at += step) yield plain.subarray(at, at + step);
  };
  for await (const part of writePieceParts(header, chunks)) parts.push(part);
  return Buffer.concat(parts);
}

const damaged = expect.objectContaining({ code: 'log-damaged' });

describe('a log piece', () => {
  test('comes back as it was written, merged or not', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 5 }), async (parts) => {
        const plain = new Uint8Array(Buffer.concat(parts));
        const header = headerOver(
          plain,
          parts.map(({ length }) => length),
        );
        const object = await writePiece(header, plain);
        const read = readPiece(object);
        expect(read.header).toEqual(header);
        expect(Buffer.from(read.plain).equals(plain)).toBe(true);
        expect(readPieceHeader(object.subarray(0, object.indexOf(10) + 1))).toEqual(header);
      }),
    );
  });

  test('written in parts it reads the same, and bytes that do not belong to the header are not written', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 50 }),
        async (parts, step) => {
          const plain = new Uint8Array(Buffer.concat(parts));
          const header = headerOver(
            plain,
            parts.map(({ length }) => length),
          );
          const object = await written(header, plain, step);
          expect(readPiece(object).header).toEqual(header);
          expect(Buffer.from(readPiece(object).plain).equals(plain)).toBe(true);
          if (plain.length === 0) return;
          const other = plain.slice();
          other[0] = (other[0] ?? 0) ^ 1;
          await expect(written(header, other, step)).rejects.toThrow(damaged);
          await expect(written(header, plain.subarray(1), step)).rejects.toThrow(damaged);
        },
      ),
    );
  });

  test('no flipped bit of it changes what is read', async () => {
    const plain = Buffer.from('the bytes of two sections, the bytes of two sections');
    const object = Buffer.from(await writePiece(headerOver(plain, [20, 32]), plain));
    const whole = readPiece(object);
    for (let bit = 0; bit < object.length * 8; bit += 1) {
      const flipped = Buffer.from(object);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      let read: ReturnType<typeof readPiece>;
      try {
        read = readPiece(flipped);
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(Problem);
        continue;
      }
      // A few bits of a zstd frame mean nothing; what was read is the same.
      expect(bit >> 3).toBeGreaterThan(object.indexOf(10));
      expect(read.header).toEqual(whole.header);
      expect(Buffer.compare(read.plain, whole.plain)).toBe(0);
    }
  });

  test('a missing end, bytes behind it and no header at all are found', async () => {
    const plain = Buffer.alloc(1000, 'section ');
    const object = await writePiece(headerOver(plain, [1000]), plain);
    for (const length of [0, 10, object.indexOf(10), object.indexOf(10) + 1, object.length - 1]) {
      expect(() => readPiece(object.subarray(0, length))).toThrow(damaged);
    }
    expect(() => readPiece(Buffer.concat([object, Buffer.from([0])]))).toThrow(damaged);
    expect(() => readPieceHeader(new Uint8Array(5000))).toThrow(damaged);
  });

  test('links that do not follow each other, or belong to another node, are found', async () => {
    const plain = Buffer.from('abcdef');
    const header = headerOver(plain, [2, 2, 2]);
    const [a, b, c] = header.pieces;
    if (a === undefined || b === undefined || c === undefined) throw new TypeError('three pieces were made');
    for (const pieces of [
      [a, c],
      [a, c, b],
      [a, b, b, c],
      [a, { ...b, sha256: a.sha256 }, c],
      [b, c],
    ]) {
      await expect(writePiece({ ...header, pieces }, plain)).rejects.toEqual(damaged);
    }
    await expect(writePiece({ ...header, hostId: other }, plain)).rejects.toEqual(damaged);
    await expect(writePiece({ ...header, segment: { ...header.segment, id: '1' } }, plain)).rejects.toEqual(damaged);
    await expect(writePiece(header, Buffer.from('abcdeF'))).rejects.toEqual(damaged);
  });

  test('a longer content than its header says does not fill the memory', async () => {
    const long = Buffer.alloc(64 * 2 ** 20);
    const object = await writePiece(headerOver(long, [long.length]), long);
    const short = await writePiece(headerOver(Buffer.from('x'), [1]), Buffer.from('x'));
    const forged = Buffer.concat([short.subarray(0, short.indexOf(10) + 1), object.subarray(object.indexOf(10) + 1)]);
    expect(() => readPiece(forged)).toThrow(damaged);
  });

  test('its header is read from a stream as far as the line goes and no further', async () => {
    const plain = Buffer.from('abcdef');
    const header = headerOver(plain, [6]);
    const object = await writePiece(header, plain);
    for (const step of [7, object.length]) {
      let given = 0;
      const parts = async function* () {
        for (; given < object.length; given += step) yield object.subarray(given, given + step);
      };
      expect(await readStreamedPieceHeader(parts())).toEqual(header);
      expect(given).toBeLessThanOrEqual(object.indexOf(10));
    }
    const broken = async function* () {
      yield object.subarray(0, 20);
    };
    await expect(readStreamedPieceHeader(broken())).rejects.toEqual(damaged);
  });

  test('an object whose first line has no end does not fill the memory', async () => {
    let given = 0;
    const endless = async function* () {
      for (const part = Buffer.alloc(2 ** 20, 'x'); ; given += part.length) yield part;
    };
    await expect(readStreamedPieceHeader(endless())).rejects.toEqual(damaged);
    expect(given).toBeLessThan(32 * 2 ** 20);
  });
});

test('the chain is made over the canonical JSON of the link and its segment', () => {
  const link = {
    sequence: 7,
    from: 0,
    to: 131_072,
    sha256: 'a'.repeat(64),
    previous: 'b'.repeat(64),
    coveredFrom: '2026-02-19T02:00:00.000000Z',
    coveredTo: '2026-02-19T02:00:01.000000Z',
  };
  expect(chainOf(link, '1771466400000')).toBe(sha256(canonicalJson({ ...link, segment: '1771466400000' })));
});
