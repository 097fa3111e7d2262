import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { goldenLog } from '../../test/support/golden-log.ts';
import { Problem } from '../model/problem.ts';
import { checksum } from './checksum.ts';
import { entriesOf } from './entries.ts';
import { decodeMutation, readMutation } from './mutation-reader.ts';
import { encodeMutation } from './mutation-writer.ts';
import { markerLength, nextSection, wholeSections } from './section-chain.ts';
import { headerOfFileName, readSegmentHeader, refuseUnreadable, writeSegmentHeader } from './segment-header.ts';
import { SegmentWriter } from './segment-writer.ts';
import { tableIndexOf } from './table-layout.ts';

const golden = goldenLog();
const damaged = expect.objectContaining({ code: 'log-damaged' });

/** All mutations of a segment file, as hexadecimal text. */
function mutationsOf(file: Uint8Array): string[] {
  const header = readSegmentHeader(file);
  return [...wholeSections(file.subarray(header.length), header, header.length)].flatMap(({ from, to }) =>
    [...entriesOf(file.subarray(from, to), header)].map(hex),
  );
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** As `mutationsOf`, of one section that stood at `from`; `behind` follows it. */
function mutationsOfSection(header: Uint8Array, from: number, section: Uint8Array, behind: Uint8Array): string[] {
  const read = readSegmentHeader(header);
  const bytes = Buffer.concat([section, behind]);
  return [...wholeSections(bytes, read, from)].flatMap((part) =>
    [...entriesOf(bytes.subarray(part.from - from, part.to - from), read)].map(hex),
  );
}

/** What it gives, or the code of the problem that it throws. */
function outcomeOf(work: () => string): string {
  try {
    return work();
  } catch (thrown) {
    return thrown instanceof Problem ? thrown.code : String(thrown);
  }
}

function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const flipped = Uint8Array.from(bytes);
  flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return flipped;
}

describe('a segment of a real Cassandra', () => {
  for (const { name, header, from, section, mutations, plain } of golden.sections) {
    test(`is read: ${name}`, () => {
      const read = mutationsOfSection(header, from, section, new Uint8Array(markerLength));
      expect(read).toHaveLength(mutations);
      expect(read.join('')).toHaveLength(plain * 2);
    });

    test(`with any bit flipped is refused, or gives the very same mutations: ${name}`, () => {
      const read = (bytes: Uint8Array) =>
        mutationsOfSection(header, from, bytes, new Uint8Array(markerLength)).join(' ');
      const whole = read(section);
      const harmless: number[] = [];
      // The platform's decompressors take their time to begin, and their own check sums find what is to be found: a seventh will do.
      const stride = name === 'Deflate' || name === 'Zstd' ? 7 : 1;
      for (let bit = 0; bit < section.length * 8; bit += stride) {
        const flipped = flip(section, bit);
        const outcome = outcomeOf(() => read(flipped));
        if (outcome === whole) harmless.push(bit >> 3);
        else if (outcome !== 'log-damaged') expect(outcome).toBe(`the change of bit ${bit} found`);
      }
      // A compressor may write one text in several ways. Of plain bytes every bit counts, but for an end a few zeros later.
      if (readSegmentHeader(header).compression === undefined) for (const at of harmless) expect(at).toBe(3);
      else expect(harmless.length).toBeLessThan(section.length / 10);
      for (let bit = 0; bit < header.length * 8; bit += 1) {
        expect(outcomeOf(() => String(readSegmentHeader(flip(header, bit)).id))).toBe('log-damaged');
      }
    });
  }

  test('gives mutations that are understood and written back to the same bytes, in the formats of 4.x and 5.0', () => {
    const schema = new Map(golden.tables.map((table) => [table.id, table]));
    for (const { version, bytes } of golden.mutations) {
      expect(hex(encodeMutation(readMutation(bytes, tableIndexOf(schema, 8))))).toBe(hex(bytes));
      expect(decodeMutation(bytes, version, schema).updates.length).toBeGreaterThan(0);
    }
    expect(new Set(golden.mutations.map(({ version }) => version))).toEqual(new Set([7, 8]));
  });
});

describe('the header of a segment', () => {
  test('is written as Cassandra writes it', () => {
    const real = golden.sections.find(({ name }) => name === 'plain')?.header ?? new Uint8Array();
    const { version, id, length } = readSegmentHeader(real);
    expect(hex(writeSegmentHeader(version, id))).toBe(hex(real));
    expect(headerOfFileName(`CommitLog-${version}-${id}.log`)).toEqual(readSegmentHeader(real));
    expect(length).toBe(real.length);
    expect(headerOfFileName('CommitLog-8.log')).toBeUndefined();
  });

  test('of a version that Cardea does not know is readable, and its content refused by name', () => {
    for (const version of [6, 9, 101, 102, 110, 680]) {
      const header = readSegmentHeader(writeSegmentHeader(version, 7n));
      expect(header).toMatchObject({ version, id: 7n });
      expect(() => refuseUnreadable(header)).toThrow(
        expect.objectContaining({ code: 'log-version-unknown', happened: expect.stringContaining(String(version)) }),
      );
      expect(() => [...entriesOf(new Uint8Array(markerLength), header)]).toThrow(Problem);
    }
  });

  test('of an encrypted segment is readable, and its content refused', () => {
    const header = readSegmentHeader(headerWith({ encCipher: 'AES/CBC/PKCS5Padding', encKeyAlias: 'k', encIV: 'x' }));
    expect(header.encrypted).toBe(true);
    expect(() => [...entriesOf(new Uint8Array(markerLength), header)]).toThrow(
      expect.objectContaining({ code: 'log-encrypted' }),
    );
  });

  test('tells the compressor by its class, and another than Cassandra’s own is refused by name', () => {
    const header = readSegmentHeader(headerWith({ compressionClass: 'org.example.BestCompressor' }));
    expect(header.compression).toBe('BestCompressor');
    const section = Buffer.concat([new Uint8Array(markerLength + 4), Buffer.from('x')]);
    expect(() => [...entriesOf(section, header)]).toThrow(
      expect.objectContaining({ code: 'log-compression-unknown', happened: expect.stringContaining('BestCompressor') }),
    );
  });

  test('that is cut off is refused', () => {
    const whole = writeSegmentHeader(8, 1n);
    for (let length = 0; length < whole.length; length += 1) {
      expect(() => readSegmentHeader(whole.subarray(0, length))).toThrow(damaged);
    }
  });
});

describe('the chain of sections', () => {
  const header = { id: 1_771_466_400_000n };
  const marker = (from: number, to: number) => {
    const writer = new SegmentWriter(8, header.id);
    writer.add(new Uint8Array(20));
    const file = Buffer.concat([...writer.take(), ...writer.finish()]);
    expect(file.readInt32BE(20)).toBe(60);
    // The check sum depends on the place alone.
    const bytes = Buffer.alloc(markerLength);
    const seek = nextSection(file.subarray(20), 0, header, 20);
    expect(seek).toEqual({ kind: 'section', from: 20, to: 60 });
    bytes.writeInt32BE(to, 0);
    file.copy(bytes, 4, 24, 28);
    return { bytes, from };
  };

  test('tells a section, its end, one being written, and damage', () => {
    const { bytes } = marker(20, 60);
    expect(nextSection(bytes, 0, header, 20)).toEqual({ kind: 'section', from: 20, to: 60 });
    expect(nextSection(new Uint8Array(markerLength), 0, header, 20)).toEqual({ kind: 'end' });
    expect(nextSection(bytes.subarray(0, 7), 0, header, 20)).toEqual({ kind: 'end' });
    const half = Buffer.from(bytes);
    half.writeInt32BE(0, 4);
    expect(nextSection(half, 0, header, 20).kind).toBe('unfinished');
    expect(nextSection(bytes, 0, header, 24).kind).toBe('damaged');
    expect(nextSection(bytes, 0, { id: header.id + 1n }, 20).kind).toBe('damaged');
    expect(nextSection(marker(20, 10).bytes, 0, header, 20).kind).toBe('damaged');
  });

  test('a section that is claimed has to be all there; what lies behind the end does not count', () => {
    const writer = new SegmentWriter(8, header.id);
    writer.add(Buffer.alloc(50, 1));
    const file = Buffer.concat([...writer.take(), ...writer.finish()]);
    expect(mutationsOf(file)).toHaveLength(1);
    expect(mutationsOf(Buffer.concat([file, Buffer.alloc(99, 7)]))).toHaveLength(1);
    for (let length = 28; length < file.length - markerLength; length += 1) {
      expect(() => mutationsOf(file.subarray(0, length))).toThrow(damaged);
    }
    const half = Buffer.from(file);
    half.writeInt32BE(0, 24);
    expect(() => mutationsOf(half)).toThrow(damaged);
  });
});

describe('segments that Cardea writes', () => {
  const sizes = { segment: 4000, section: 500 };

  test('hold every mutation in order, none longer than asked, and end with an empty marker', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 10, maxLength: 900 }), { maxLength: 60 }), (mutations) => {
        const files: Uint8Array[] = [];
        let left = [...mutations];
        while (left.length > 0) {
          const writer = new SegmentWriter(8, BigInt(files.length + 1), sizes);
          const rest = left.findIndex((mutation) => !writer.add(mutation));
          left = rest < 0 ? [] : left.slice(rest);
          files.push(Buffer.concat([...writer.take(), ...writer.finish()]));
        }
        expect(files.flatMap(mutationsOf)).toEqual(mutations.map(hex));
        for (const file of files) {
          expect(file.length).toBeLessThanOrEqual(sizes.segment);
          expect(hex(file.subarray(-markerLength))).toBe('0000000000000000');
        }
      }),
    );
  });

  test('take a mutation that alone is longer than a segment', () => {
    const writer = new SegmentWriter(7, 5n, sizes);
    expect(writer.add(new Uint8Array(9000))).toBe(true);
    expect(writer.add(new Uint8Array(10))).toBe(false);
    expect(mutationsOf(Buffer.concat([...writer.take(), ...writer.finish()]))).toEqual(['00'.repeat(9000)]);
    expect(writer).toMatchObject({ fileName: 'CommitLog-7-5.log', mutations: 1 });
  });

  test('of a version that Cardea does not know are not written', () => {
    expect(() => new SegmentWriter(680, 1n)).toThrow(expect.objectContaining({ code: 'log-version-unknown' }));
  });
});

/** A header as Cassandra writes it, with these parameters. */
function headerWith(parameters: Readonly<Record<string, string>>): Uint8Array {
  const text = Buffer.from(JSON.stringify(parameters));
  const plain = Buffer.from(writeSegmentHeader(8, 3n));
  const summed = Buffer.alloc(16);
  summed.writeInt32BE(8, 0);
  summed.writeInt32BE(3, 4);
  summed.writeInt32BE(text.length, 12);
  const all = Buffer.concat([summed, text]);
  const tail = Buffer.alloc(4);
  tail.writeUInt32BE(checksum(all, 0, all.length, 0));
  plain.writeUInt16BE(text.length, 12);
  return Buffer.concat([plain.subarray(0, 14), text, tail]);
}
