import { FailedProblem } from '../../model/problem.ts';

/** An id or count of up to 63 bits: a number where that is exact, otherwise a bigint, so that equal ids are always identical values. */
export type Id = number | bigint;

/** Bytes of a JanusGraph row that do not say what they should. Caught per row by the checks, which report the row by name. */
export class UndecodableRow extends FailedProblem {
  constructor(why: string) {
    super({
      code: 'graph-row-undecodable',
      happened: `A row of the graph cannot be decoded: ${why}.`,
      state: 'Nothing was changed.',
      next: 'Run `cardea check ENV` to see which rows are damaged, then restore a point from before the damage.',
    });
  }
}

/** A vertex whose id is text. Graphs that allow them are refused; rows of one that does not any more are counted and named. */
export class TextVertexId extends UndecodableRow {}

/** Walks bytes forward from `at`, and backward from `end` for the parts that JanusGraph writes to be read from behind. */
export class ByteReader {
  bytes: Uint8Array;
  at: number;
  end: number;
  /** Made when first needed: most cells are read byte by byte. */
  #lazyView: DataView | undefined;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  /** Starts over on other bytes: one reader serves a whole scan. */
  reset(bytes: Uint8Array): this {
    this.bytes = bytes;
    this.at = 0;
    this.end = bytes.length;
    this.#lazyView = undefined;
    return this;
  }

  get remaining(): number {
    return this.end - this.at;
  }

  byte(): number {
    if (this.at >= this.end) throw new UndecodableRow(`it ends after ${this.end} bytes, but more were expected`);
    return this.bytes[this.at++] as number;
  }

  byteBefore(): number {
    if (this.end <= this.at) throw new UndecodableRow('it is too short for its content');
    return this.bytes[--this.end] as number;
  }

  take(length: number): Uint8Array {
    this.#need(length);
    const part = this.bytes.subarray(this.at, this.at + length);
    this.at += length;
    return part;
  }

  uint16(): number {
    this.#need(2);
    this.at += 2;
    return this.#view.getUint16(this.at - 2);
  }

  uint32(): number {
    this.#need(4);
    this.at += 4;
    return this.#view.getUint32(this.at - 4);
  }

  uint64(): bigint {
    this.#need(8);
    this.at += 8;
    return this.#view.getBigUint64(this.at - 8);
  }

  float32(): number {
    this.#need(4);
    this.at += 4;
    return this.#view.getFloat32(this.at - 4);
  }

  float64(): number {
    this.#need(8);
    this.at += 8;
    return this.#view.getFloat64(this.at - 8);
  }

  get #view(): DataView {
    this.#lazyView ??= new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    return this.#lazyView;
  }

  #need(length: number): void {
    if (length < 0 || length > this.remaining) {
      throw new UndecodableRow(`it has ${this.remaining} bytes left, but ${length} were expected`);
    }
  }
}

/** The smallest exact form of a whole number. */
export function exactId(value: bigint): Id {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER) ? Number(value) : value;
}
