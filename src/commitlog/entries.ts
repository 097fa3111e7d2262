import { intAt } from './big-endian.ts';
import { checksum, checksumOfInt } from './checksum.ts';
import { decompressSection } from './decompress.ts';
import { logDamaged } from './log-damage.ts';
import { plainBytes } from './plain-bytes.ts';
import { markerLength } from './section-chain.ts';
import { refuseUnreadable, type SegmentHeader } from './segment-header.ts';

/** Size and its check sum before a mutation, its own check sum after it. */
export const entryOverhead = 12;

/** No mutation is shorter, as Cassandra itself says. */
const leastSize = 10;

/**
 * The serialized mutations of a section, in order, each checked: views, valid as long as the section's bytes are. `section` are the bytes
 * from its marker to the next one. Throws FailedProblem `log-damaged` when one byte of it is not what was written.
 */
export function* entriesOf(section: Uint8Array, header: SegmentHeader): Generator<Uint8Array, void> {
  const content = sectionContent(section, header);
  const cursor = new EntryCursor(content, header.id);
  while (cursor.next()) yield content.subarray(cursor.from, cursor.to);
}

/** What lies in a section after its marker, decompressed. Throws FailedProblem `log-damaged`, `log-version-unknown`, `log-encrypted`. */
export function sectionContent(section: Uint8Array, header: SegmentHeader): Uint8Array {
  refuseUnreadable(header);
  const content = plainBytes(section).subarray(markerLength);
  return header.compression === undefined ? content : decompressSection(content, header.compression);
}

/** Walks the entries of a section's content without making an object for each: the mutation is `content[from..to)`, the entry around it `[start..end)`. */
export class EntryCursor {
  readonly content: Uint8Array;
  readonly #segment: bigint;
  start = 0;
  from = 0;
  to = 0;
  end = 0;

  constructor(content: Uint8Array, segment: bigint) {
    this.content = content;
    this.#segment = segment;
  }

  /** False at the section's end. Throws FailedProblem `log-damaged`. */
  next(): boolean {
    const { content, end: start } = this;
    const left = content.length - start;
    if (left === 0) return false;
    const size = left < 4 ? 0 : intAt(content, start);
    if (size === 0) return this.#onlyZeros(start);
    if (size < leastSize || size > left - entryOverhead)
      throw this.#damaged(start, `it says that it holds ${size} bytes`);
    const sizeSum = checksumOfInt(size, 0);
    if (intAt(content, start + 4) >>> 0 !== sizeSum)
      throw this.#damaged(start, 'its size does not match its check sum');
    const from = start + 8;
    const to = from + size;
    if (intAt(content, to) >>> 0 !== checksum(content, from, to, sizeSum)) {
      throw this.#damaged(start, 'its bytes do not match their check sum');
    }
    this.start = start;
    this.from = from;
    this.to = to;
    this.end = to + 4;
    return true;
  }

  /** A size of zero ends a section; then nothing may follow. */
  #onlyZeros(start: number): boolean {
    for (let at = start; at < this.content.length; at += 1) {
      if (this.content[at] !== 0) throw this.#damaged(start, 'it has no size');
    }
    this.end = this.content.length;
    return false;
  }

  #damaged(start: number, why: string) {
    return logDamaged(`Entry at ${start} of a section of commit log segment ${this.#segment}`, why);
  }
}

/** Puts a mutation as an entry at `bytes[at]`; gives where the next one goes. The caller has made room for it and `entryOverhead`. */
export function writeEntry(bytes: Uint8Array, at: number, mutation: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sizeSum = checksumOfInt(mutation.length, 0);
  view.setUint32(at, mutation.length);
  view.setUint32(at + 4, sizeSum);
  bytes.set(mutation, at + 8);
  view.setUint32(at + 8 + mutation.length, checksum(mutation, 0, mutation.length, sizeSum));
  return at + mutation.length + entryOverhead;
}
