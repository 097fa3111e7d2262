import { expect, test } from 'vitest';
import { timelineId } from './identifiers.ts';
import { hostOfStream, logPieceKey, placeOfPiece, widestPieces } from './log-piece.ts';
import { segmentFileName, segmentOfFileName } from './log-segment.ts';

const hostId = '6f8a2c44-0d7e-4d35-9f04-1b3c5d7e9f01';

test('the key of a piece tells its segment and its place in it, and no other key does', () => {
  const segment = { id: '1771466400000', file: 'CommitLog-8-1771466400000.log' };
  const key = logPieceKey({ timeline: timelineId.parse('t0001'), hostId, segment, from: 0, to: 131_072 });
  expect(placeOfPiece(key)).toEqual({
    folder: `log/t0001/${hostId}/0000001771466400000/`,
    segment: '0000001771466400000',
    from: 0,
    to: 131_072,
  });
  const stream = `log/t0001/${hostId}/`;
  for (const other of [
    '',
    `${stream}watermark.json`,
    `${stream}1/1-2`,
    `${stream}marks/0000000000-0000000001`,
    `${key}x`,
  ]) {
    expect(placeOfPiece(other)).toBeUndefined();
  }
  expect(hostOfStream(stream)).toBe(hostId);
  for (const other of [key, 'log/t0001/schema/', `a/${stream}`, stream.slice(0, -1)]) {
    expect(hostOfStream(other)).toBeUndefined();
  }
});

test('the name of a segment file tells its version and its id, and no other name does', () => {
  const segment = { version: 8, id: 1_771_466_400_000n };
  expect(segmentOfFileName(segmentFileName(segment))).toEqual(segment);
  for (const other of ['CommitLog-8-1.log.tmp', 'CommitLog-8.log', 'CommitLog-8-1_cdc.idx', 'a/CommitLog-8-1.log']) {
    expect(segmentOfFileName(other)).toBeUndefined();
  }
});

test('of objects that hold the same bytes the widest counts, whatever was merged and not yet removed', () => {
  const [a, b, c, d] = [
    { from: 0, to: 10 },
    { from: 10, to: 20 },
    { from: 20, to: 30 },
    { from: 30, to: 40 },
  ];
  const [early, wide] = [
    { from: 0, to: 20 },
    { from: 0, to: 30 },
  ];
  expect(widestPieces([d, b, wide, a, early, c])).toEqual({ widest: [wide, d], held: [early, a, b, c] });
  expect(widestPieces([b, a])).toEqual({ widest: [a, b], held: [] });
});
