import { segmentFileName } from '../model/log-segment.ts';
import { entryOverhead, writeEntry } from './entries.ts';
import { markerLength, writeMarker } from './section-chain.ts';
import { refuseUnreadable, writeSegmentHeader } from './segment-header.ts';

interface Sizes {
  /** A segment grows no longer than this, one mutation that alone is longer aside. Cassandra's own have 32 MiB. */
  readonly segment: number;
  /** A section is ended when it has grown this long. */
  readonly section: number;
}
const usual: Sizes = { segment: 32 * 2 ** 20, section: 2 ** 20 };

/**
 * Writes one plain segment that Cassandra replays to its end: `add` mutations until it says no, append what `take` gives to the file named
 * `fileName` now and then, and in the end what `finish` gives. Holds one section in memory.
 */
export class SegmentWriter {
  readonly version: number;
  readonly id: bigint;
  /** Cassandra takes version and id from the name and compares them with the header. */
  readonly fileName: string;
  mutations = 0;
  readonly #sizes: Sizes;
  #ready: Uint8Array[];
  /** The section that is being written: room for its marker, then entries. */
  #section: Uint8Array;
  #filled = markerLength;
  /** Where the section's marker stands in the file. */
  #offset: number;

  /** Throws FailedProblem `log-version-unknown`. */
  constructor(version: number, id: bigint, sizes: Sizes = usual) {
    refuseUnreadable({ version, encrypted: false });
    this.version = version;
    this.id = id;
    this.fileName = segmentFileName({ version, id });
    this.#sizes = sizes;
    const header = writeSegmentHeader(version, id);
    this.#ready = [header];
    this.#offset = header.length;
    this.#section = new Uint8Array(sizes.section);
  }

  /** Bytes of the file so far, without its end. */
  get length(): number {
    return this.#offset + this.#filled;
  }

  /** False when the segment is full; then nothing was added, and the mutation goes into the next one. */
  add(mutation: Uint8Array): boolean {
    if (!this.#room(mutation.length + entryOverhead)) return false;
    this.#filled = writeEntry(this.#section, this.#filled, mutation);
    this.mutations += 1;
    return true;
  }

  /** Adds whole entries as they stand in a checked section, `count` mutations with sizes and check sums. As `add`. */
  addEntries(entries: Uint8Array, count: number): boolean {
    if (!this.#room(entries.length)) return false;
    this.#section.set(entries, this.#filled);
    this.#filled += entries.length;
    this.mutations += count;
    return true;
  }

  /** What can be appended to the file by now; nothing of it changes any more. */
  take(): readonly Uint8Array[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  /** The rest of the file. Nothing can be added after it. */
  finish(): readonly Uint8Array[] {
    if (this.#filled > markerLength) this.#endSection(0);
    // An empty marker is the clean end of a chain.
    this.#ready.push(new Uint8Array(markerLength));
    return this.take();
  }

  #room(length: number): boolean {
    if (this.mutations > 0 && this.length + length + markerLength > this.#sizes.segment) return false;
    if (this.#filled + length > this.#section.length) {
      if (this.#filled > markerLength) this.#endSection(markerLength + length);
      else this.#section = new Uint8Array(markerLength + length);
    }
    return true;
  }

  #endSection(needed: number): void {
    const next = this.#offset + this.#filled;
    writeMarker(this.#section, 0, { id: this.id, from: this.#offset, to: next });
    this.#ready.push(this.#section.subarray(0, this.#filled));
    this.#offset = next;
    this.#filled = markerLength;
    this.#section = new Uint8Array(Math.max(this.#sizes.section, needed));
  }
}
