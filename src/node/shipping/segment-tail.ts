import type { SegmentFile } from '../../ports/log-files.ts';
import { isEmptySegment, largestEmptySegment } from '../../commitlog/empty-segment.ts';
import { nextSection, type Section } from '../../commitlog/section-chain.ts';
import { readSegmentHeader, type SegmentHeader } from '../../commitlog/segment-header.ts';
import { Problem } from '../../model/problem.ts';

/** Longest header that is looked for: fixed parts and a line of JSON. */
const headerBytes = 4096;
const markerBytes = 8;
/** Read anew at every look for bytes behind the chain's end. */
const nearBytes = 64 * 1024;
export const scanBytes = 1024 * 1024;
const zeros = Buffer.alloc(scanBytes);

/**
 * One segment as it grows. Cassandra writes entries first and then the marker before them, so that what lies below the chain's end never
 * changes; a look reads eight bytes per marker and nothing else.
 */
export class SegmentTail {
  readonly file: string;
  readonly id: bigint;
  readonly #bytes: SegmentFile;
  #header: SegmentHeader | undefined;
  #end: number;
  #sections: Section[] = [];
  #found = 0;
  #length = 0;
  #changedAt: number;
  #damage: string | undefined;
  #scanned: { readonly end: number; readonly touched: string } | undefined;

  /** `from`: where the chain is taken up; 0 is its beginning. `now`: monotonic seconds. */
  constructor(parts: {
    readonly file: string;
    readonly id: bigint;
    readonly bytes: SegmentFile;
    readonly from: number;
    readonly now: number;
  }) {
    this.file = parts.file;
    this.id = parts.id;
    this.#bytes = parts.bytes;
    this.#end = parts.from;
    this.#changedAt = parts.now;
  }

  /** Undefined until Cassandra has written it. */
  get header(): SegmentHeader | undefined {
    return this.#header;
  }

  /** Whole sections that were found and not yet taken, in order. */
  get sections(): readonly Section[] {
    return this.#sections;
  }

  /** Sections found by this object so far, taken ones included. */
  get found(): number {
    return this.#found;
  }

  /** Whether it has a section, which need not hold anything: see `wasWritten`. */
  get hasContent(): boolean {
    return this.#header !== undefined && this.#end > this.#header.length;
  }

  /** Offset behind the last whole section; 0 before there is a header. */
  get end(): number {
    return this.#end;
  }

  /** Monotonic seconds of the look that found the newest section. */
  get changedAt(): number {
    return this.#changedAt;
  }

  /** What is wrong with the chain where it ends; a marker that is being written may look so for a moment. */
  get damage(): string | undefined {
    return this.#damage;
  }

  /**
   * Whether Cassandra writes into a mapping of the file, where every byte is seen before its write is acknowledged. The file shows it: only a
   * mapped one has its whole length from the beginning. One that is appended to ends where its chain ends, and one that is written around the page
   * cache at the end of that block. Near its end a mapped one looks so too: false errs on the safe side. `block`: bytes of the file system's.
   */
  async isMapped(block: number): Promise<boolean> {
    if (this.#header?.compression !== undefined || this.#header?.encrypted === true) return false;
    return (await this.#bytes.facts()).bytes - this.#end > block;
  }

  /** Walks the chain as far as it goes. Resolves with the number of new sections. */
  async follow(now: number): Promise<number> {
    const header = await this.#readHeader();
    if (header === undefined) return 0;
    const before = this.#found;
    this.#damage = undefined;
    for (;;) {
      const step = nextSection(await this.#bytes.read(this.#end, markerBytes), 0, header, this.#end);
      if (step.kind === 'damaged') this.#damage = step.why;
      if (step.kind !== 'section' || !(await this.#reaches(step.to))) break;
      this.#sections.push(step);
      this.#found += 1;
      this.#end = step.to;
      this.#changedAt = now;
    }
    return this.#found - before;
  }

  /**
   * Whether nothing but zeros lies behind the chain's end: then nothing was acknowledged that no marker covers. An entry may have been
   * given room far behind while the one before it is not written yet, so the first time all of the rest is read; later only what is near,
   * as long as no further page of the file was touched. `scratch`: memory for it, of `scanBytes`.
   */
  async restIsZero(scratch: Uint8Array): Promise<boolean> {
    const { touched, bytes } = await this.#bytes.facts();
    const near = await this.#bytes.read(this.#end, nearBytes, scratch);
    const scanned = near.length;
    if (!isZero(near)) return false;
    if (this.#scanned?.end === this.#end && this.#scanned.touched === touched) return true;
    for (let at = this.#end + scanned; at < bytes; at += scanBytes) {
      if (!isZero(await this.#bytes.read(at, scanBytes, scratch))) return false;
    }
    this.#scanned = { end: this.#end, touched };
    return true;
  }

  /** The next sections up to about `atMost` bytes, at least one; undefined when there is none. They are taken by `took`. */
  next(atMost: number): { readonly from: number; readonly to: number } | undefined {
    const first = this.#sections[0];
    if (first === undefined) return undefined;
    let to = first.to;
    for (const section of this.#sections) {
      if (section.to - first.from > atMost) break;
      to = section.to;
    }
    return { from: first.from, to };
  }

  took(to: number): void {
    this.#sections = this.#sections.filter((section) => section.from >= to);
  }

  /** The plain bytes, all of them, in memory of their own or in `into`. Throws RangeError when the file has become shorter than its chain. */
  async read(from: number, to: number, into?: Uint8Array): Promise<Uint8Array> {
    const bytes = await this.#bytes.read(from, to - from, into);
    if (bytes.length < to - from) throw new RangeError(`${this.file} ends before ${to}`);
    return bytes;
  }

  /** Whether an entry lies below the end of its chain, also where the chain was taken up behind it. */
  async wasWritten(): Promise<boolean> {
    if (!this.hasContent) return false;
    return this.#end > largestEmptySegment || !isEmptySegment(await this.#bytes.read(0, this.#end));
  }

  async facts() {
    return this.#bytes.facts();
  }

  async close(): Promise<void> {
    await this.#bytes.close();
  }

  /** A section that reaches beyond the file is still being written: buffered segments grow. */
  async #reaches(to: number): Promise<boolean> {
    if (to > this.#length) this.#length = (await this.#bytes.facts()).bytes;
    return to <= this.#length;
  }

  async #readHeader(): Promise<SegmentHeader | undefined> {
    if (this.#header !== undefined) return this.#header;
    const bytes = await this.#bytes.read(0, headerBytes);
    if (isZero(bytes)) return undefined;
    try {
      this.#header = readSegmentHeader(bytes);
    } catch (thrown) {
      // Anything else is a defect of the program, and says nothing about the file.
      if (!(thrown instanceof Problem)) throw thrown;
      // Seen while Cassandra writes it, or of a form that nobody knows.
      this.#damage = thrown.happened;
      return undefined;
    }
    this.#end = Math.max(this.#end, this.#header.length);
    return this.#header;
  }
}

function isZero(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += scanBytes) {
    const part = bytes.subarray(at, at + scanBytes);
    if (zeros.compare(part, 0, part.length, 0, part.length) !== 0) return false;
  }
  return true;
}
