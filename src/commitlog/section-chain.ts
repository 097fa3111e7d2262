import { intAt } from './big-endian.ts';
import { checksumOfInt } from './checksum.ts';
import { logDamaged } from './log-damage.ts';
import { checksumOfId, type SegmentHeader } from './segment-header.ts';

/** Bytes of a marker: where the next one stands, and a check sum of the segment's id and this one's place. */
export const markerLength = 8;

/** A section as the marker at its beginning tells it; `from` and `to` are offsets in the segment file, `from` that of the marker. */
export interface Section {
  readonly kind: 'section';
  readonly from: number;
  readonly to: number;
}

export type ChainStep =
  | Section
  /** The chain ends here: nothing has been written after it yet, or nothing will be. */
  | { readonly kind: 'end' }
  /** Half of the marker stands: Cassandra is writing it at this moment. In a file that nobody writes to any more it is damage. */
  | { readonly kind: 'unfinished'; readonly why: string }
  | { readonly kind: 'damaged'; readonly why: string };

/**
 * The step of the chain at `bytes[at]`, where `bytes[0]` stands at `fileOffset` of the segment. A section may reach beyond the bytes given
 * (its `to` says so), so that a tailer can ask with what it has read so far; it is final once its marker stands.
 */
export function nextSection(
  bytes: Uint8Array,
  at: number,
  header: Pick<SegmentHeader, 'id'>,
  fileOffset = 0,
): ChainStep {
  // Near the end of a full segment there is no room for a marker, and so nothing follows.
  if (at > bytes.length - markerLength) return { kind: 'end' };
  const from = fileOffset + at;
  const to = intAt(bytes, at);
  const sum = intAt(bytes, at + 4) >>> 0;
  if (sum === markerSum(header.id, from)) {
    if (to >= from + markerLength) return { kind: 'section', from, to };
    return { kind: 'damaged', why: `the marker at ${from} points back to ${to}` };
  }
  if (to === 0 && sum === 0) return { kind: 'end' };
  if (to === 0 || sum === 0) return { kind: 'unfinished', why: `the marker at ${from} is only half written` };
  return { kind: 'damaged', why: `the marker at ${from} does not match its check sum` };
}

/**
 * The whole sections of `bytes`, which begin with a marker at `fileOffset` of the segment and which nobody writes to any more. Throws
 * FailedProblem `log-damaged` when the chain breaks or a section that it claims is not all there; what lies behind the chain's end was
 * never promised to anybody and is not looked at.
 */
export function* wholeSections(
  bytes: Uint8Array,
  header: Pick<SegmentHeader, 'id'>,
  fileOffset = 0,
): Generator<Section, void> {
  let at = 0;
  for (;;) {
    const step = nextSection(bytes, at, header, fileOffset);
    if (step.kind === 'end') return;
    if (step.kind !== 'section') throw logDamaged(`Commit log segment ${header.id}`, step.why);
    if (step.to > fileOffset + bytes.length) {
      throw logDamaged(
        `Commit log segment ${header.id}`,
        `the section at ${step.from} should end at ${step.to}, but the bytes end at ${fileOffset + bytes.length}`,
      );
    }
    yield step;
    at = step.to - fileOffset;
  }
}

/** Writes the marker of the section that reaches from `from` to `to` in the segment of that id, at `bytes[at]`. */
export function writeMarker(
  bytes: Uint8Array,
  at: number,
  { id, from, to }: { readonly id: bigint; readonly from: number; readonly to: number },
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint32(at, to);
  view.setUint32(at + 4, markerSum(id, from));
}

function markerSum(id: bigint, from: number): number {
  return checksumOfInt(from, checksumOfId(id, 0));
}
