import { describe, expect, test } from 'vitest';
import { goldenLog } from '../../test/support/golden-log.ts';
import { isEmptySegment } from './empty-segment.ts';
import { markerLength, writeMarker } from './section-chain.ts';
import { readSegmentHeader } from './segment-header.ts';

/** What a real Cassandra 5.0.6 left of its last segment when it was drained and stopped: a header and one empty section. */
const drained = Buffer.from('00000008000001a2285092bd00027b7db6bbc6590000001cba42027d', 'hex');

test('the segment that a drained Cassandra closes without an entry is empty', () => {
  expect(drained).toHaveLength(28);
  expect(isEmptySegment(drained)).toBe(true);
});

test('a segment that was only made ready is empty, and one whose marker is torn is not known to be', () => {
  expect(isEmptySegment(drained.subarray(0, 20))).toBe(true);
  const torn = Buffer.from(drained);
  torn.writeUInt32BE(0, 24);
  expect(isEmptySegment(torn)).toBe(false);
});

describe('a segment with one real section is not empty', () => {
  test.each(goldenLog().sections)('$name', ({ header: bytes, section }) => {
    const { id, length, encrypted, compression } = readSegmentHeader(bytes);
    const segment = Buffer.concat([bytes, section]);
    writeMarker(segment, length, { id, from: length, to: segment.length });
    expect(isEmptySegment(segment)).toBe(false);
    if (compression === undefined || encrypted) return;
    const closed = Buffer.concat([segment.subarray(0, length + markerLength), Buffer.alloc(4)]);
    writeMarker(closed, length, { id, from: length, to: closed.length });
    expect(isEmptySegment(closed)).toBe(true);
  });
});
