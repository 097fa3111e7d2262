import { intAt } from './big-endian.ts';
import { markerLength, nextSection } from './section-chain.ts';
import { readSegmentHeader } from './segment-header.ts';

/** More bytes than this, and there is an entry among them: the header takes four kilobytes at most, and an empty section a dozen. */
export const largestEmptySegment = 8 * 1024;

/**
 * Whether a segment holds no entry, from the bytes of it up to where its chain ends. A Cassandra that is drained begins
 * a segment that nothing is written to any more, and closes it with an empty section. Throws what readSegmentHeader
 * throws.
 */
export function isEmptySegment(plain: Uint8Array): boolean {
  const header = readSegmentHeader(plain);
  for (let at = header.length; at < plain.length; ) {
    const step = nextSection(plain, at, header);
    if (step.kind === 'end') return true;
    if (step.kind !== 'section' || step.to > plain.length) return false;
    const content = step.to - step.from - markerLength;
    // A compressed section begins with the length of what it holds.
    const empty = content === 0 || (header.compression !== undefined && !header.encrypted && content >= 4);
    if (!empty || (content > 0 && intAt(plain, at + markerLength) !== 0)) return false;
    at = step.to;
  }
  return true;
}
