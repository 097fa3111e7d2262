import { entriesOf } from './entries.ts';
import { logDamaged } from './log-damage.ts';
import type { ReadPiece } from './piece.ts';
import { wholeSections } from './section-chain.ts';
import { headerOfFileName, readSegmentHeader, type SegmentHeader } from './segment-header.ts';

/**
 * The header of the segment that a piece comes from. It stands in the segment's first piece; of another one the file's name tells, and the
 * segment has to be a plain one. Throws FailedProblem `log-damaged`.
 */
export function segmentHeaderOf({ header: { from, segment }, plain }: ReadPiece): SegmentHeader {
  const header = from === 0 ? readSegmentHeader(plain) : headerOfFileName(segment.file);
  if (header === undefined) throw logDamaged('A log piece', `it comes from ${segment.file}, which names no segment`);
  if (String(header.id) !== BigInt(segment.id).toString()) {
    throw logDamaged('A log piece', `it holds segment ${header.id} where ${segment.id} was announced`);
  }
  return header;
}

/**
 * The serialized mutations of a piece in the order of the log, each checked: views into its bytes. `segment` is the header of its segment.
 * Throws FailedProblem `log-damaged`, `log-version-unknown`, `log-encrypted`.
 */
export function* mutationsOf({ header, plain }: ReadPiece, segment: SegmentHeader): Generator<Uint8Array, void> {
  const skipped = header.from === 0 ? segment.length : 0;
  for (const { from, to } of wholeSections(plain.subarray(skipped), segment, header.from + skipped)) {
    yield* entriesOf(plain.subarray(from - header.from, to - header.from), segment);
  }
}
