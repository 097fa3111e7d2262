import { describe, expect, test } from 'vitest';
import { anyMutation, schemaOfTables } from '../../test/support/any-mutation.ts';
import * as fc from 'fast-check';
import { type LogPieceHeader, logPieceHeader } from '../model/log-piece.ts';
import { micros } from '../model/instant.ts';
import { cutMutation, type CutRule, MutationCut } from './mutation-cut.ts';
import { entriesOf } from './entries.ts';
import { cutPieces, cutSections, type EntryRun } from './cut-segment.ts';
import type { ReadPiece } from './piece.ts';
import { encodeMutation } from './mutation-writer.ts';
import { wholeSections } from './section-chain.ts';
import { readSegmentHeader } from './segment-header.ts';
import { SegmentWriter } from './segment-writer.ts';
import { writeSegments } from './write-segments.ts';

const around = 1_771_466_400_000_001;
const rule: CutRule = { lastKept: micros(around), exclusions: new Set(), uncut: new Set(), omitted: new Set() };
const [one, two] = ['6f8a2c44-0d7e-4d35-9f04-1b3c5d7e9f01', '6f8a2c44-0d7e-4d35-9f04-1b3c5d7e9f02'];
const hash = '0'.repeat(64);

const mutations = (seed: number, count: number) =>
  fc.sample(anyMutation(around), { numRuns: count, seed }).map((one) => encodeMutation(one));

/** A segment with many short sections. */
function segment(version: number, id: bigint, all: readonly Uint8Array[]): Uint8Array {
  const writer = new SegmentWriter(version, id, { segment: 2 ** 20, section: 1500 });
  for (const mutation of all) expect(writer.add(mutation)).toBe(true);
  return Buffer.concat([...writer.take(), ...writer.finish()]);
}

/** The segment in pieces of one section each, the first with the header. */
function piecesOf(hostId: string, file: Uint8Array): ReadPiece[] {
  const header = readSegmentHeader(file);
  const sections = [...wholeSections(file.subarray(header.length), header, header.length)];
  return sections.map(({ from, to }, at) => piece(hostId, header.id, header.version, file, at === 0 ? 0 : from, to));
}

function piece(hostId: string, id: bigint, version: number, file: Uint8Array, from: number, to: number): ReadPiece {
  const time = '2026-02-19T02:00:00.000000Z';
  const body: LogPieceHeader = logPieceHeader.body.parse({
    timeline: 't0001',
    hostId,
    node: 'node',
    segment: { id: String(id), file: `CommitLog-${version}-${id}.log` },
    from,
    to,
    sha256: hash,
    closesSegment: false,
    pieces: [{ sequence: 1, from, to, sha256: hash, previous: hash, chain: hash, coveredFrom: time, coveredTo: time }],
  });
  return { header: body, plain: file.subarray(from, to) };
}

async function written(runs: AsyncIterable<EntryRun>): Promise<Map<string, string[]>> {
  const files = new Map<string, Uint8Array[]>();
  let id = 100n;
  for await (const { file, bytes } of writeSegments(runs, () => (id += 1n))) {
    files.set(file, [...(files.get(file) ?? []), bytes.slice()]);
  }
  return new Map([...files].map(([name, parts]) => [name, mutationsOf(Buffer.concat(parts))]));
}

function mutationsOf(file: Uint8Array): string[] {
  const header = readSegmentHeader(file);
  return [...wholeSections(file.subarray(header.length), header, header.length)].flatMap(({ from, to }) =>
    [...entriesOf(file.subarray(from, to), header)].map((bytes) => Buffer.from(bytes).toString('hex')),
  );
}

const kept = (all: readonly Uint8Array[]) =>
  all.flatMap((bytes) => {
    const left = cutMutation(bytes, 8, schemaOfTables, rule);
    return left === undefined ? [] : [Buffer.from(left).toString('hex')];
  });

describe('cutting shipped pieces into segments', () => {
  const [first, second] = [mutations(1, 60), mutations(2, 60)];
  const [fileOne, fileTwo] = [segment(8, 1n, first), segment(8, 1n, second)];

  test('streams of several nodes come out as one log with everything that is kept, once', async () => {
    const [a, b] = [piecesOf(one, fileOne), piecesOf(two, fileTwo)];
    expect(a.length).toBeGreaterThan(3);
    const turns = a.flatMap((piece, at) => [piece, ...b.slice(at, at + 1)]).concat(b.slice(a.length));
    const files = await written(cutPieces(turns, new MutationCut(schemaOfTables, rule)));
    expect([...files.keys()]).toEqual(['CommitLog-8-101.log']);
    expect([...files.values()].flat().sort()).toEqual([...kept(first), ...kept(second)].sort());
  });

  test('each version gets segments of its own', async () => {
    const four = segment(7, 9n, second);
    const pieces = [...piecesOf(one, fileOne), ...piecesOf(two, four)];
    const files = await written(cutPieces(pieces, new MutationCut(schemaOfTables, rule)));
    expect([...files.keys()]).toEqual(['CommitLog-8-101.log', 'CommitLog-7-102.log']);
    expect(files.get('CommitLog-7-102.log')).toEqual(kept(second));
  });

  test('a stream that is joined in the middle of a segment is read by its file’s name', async () => {
    const [, ...rest] = piecesOf(one, fileOne);
    const files = await written(cutPieces(rest, new MutationCut(schemaOfTables, rule)));
    const all = kept(first);
    const found = [...files.values()].flat();
    expect(found.length).toBeGreaterThan(0);
    expect(found).toEqual(all.slice(-found.length));
  });

  test('nothing kept gives no segment', async () => {
    const none = { ...rule, omitted: new Set(schemaOfTables.keys()) };
    expect(await written(cutPieces(piecesOf(one, fileOne), new MutationCut(schemaOfTables, none)))).toEqual(new Map());
  });

  test('a piece of another segment, one that does not begin with a section and one with bytes behind are refused', async () => {
    const damaged = expect.objectContaining({ code: 'log-damaged' });
    const refused = async (piece: ReadPiece) =>
      expect(written(cutPieces([piece], new MutationCut(schemaOfTables, rule)))).rejects.toEqual(damaged);
    await refused(piece(one, 2n, 8, fileOne, 0, fileOne.length));
    await refused(piece(one, 1n, 8, fileOne, 21, fileOne.length));
    const header = readSegmentHeader(fileOne);
    const behind = Buffer.concat([fileOne, Buffer.from([1])]);
    expect(() => [...cutSections(behind, 0, header, new MutationCut(schemaOfTables, rule))]).toThrow(damaged);
    expect([...cutSections(fileOne, 0, header, new MutationCut(schemaOfTables, rule))].length).toBeGreaterThan(0);
  });
});
