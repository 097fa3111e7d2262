import { logDamaged } from './log-damage.ts';
import type { WriteTime } from './mutation.ts';
import { plainBytes } from './plain-bytes.ts';

/** Reads the numbers and byte strings of a serialized mutation in order. Every method throws FailedProblem `log-damaged` at the end of the bytes. */
export class MutationBytes {
  readonly bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = plainBytes(bytes);
  }

  get atEnd(): boolean {
    return this.at >= this.bytes.length;
  }

  byte(): number {
    if (this.atEnd) throw mutationDamaged('it ends too early');
    const byte = this.bytes[this.at] as number;
    this.at += 1;
    return byte;
  }

  uint16(): number {
    return this.byte() * 256 + this.byte();
  }

  take(length: number): Uint8Array {
    if (length > this.bytes.length - this.at) throw mutationDamaged('it ends too early');
    const part = this.bytes.subarray(this.at, this.at + length);
    this.at += length;
    return part;
  }

  /** A byte string behind its length. */
  sized(): Uint8Array {
    return this.take(this.count());
  }

  /** A value whose length the type may fix. */
  value(fixedLength: number | undefined): Uint8Array {
    return fixedLength === undefined ? this.sized() : this.take(fixedLength);
  }

  /** An unsigned vint that counts something: a safe integer. */
  count(): number {
    const value = this.#vint();
    if (value > Number.MAX_SAFE_INTEGER) throw mutationDamaged('it holds an impossible length');
    return Number(value);
  }

  /** An unsigned vint of up to 64 bits. */
  bits(): bigint {
    return BigInt(this.#vint());
  }

  /** A write time that is written as its distance from `base`; 64-bit arithmetic wraps around. */
  writeTime(base: WriteTime): WriteTime {
    const distance = this.#vint();
    if (typeof distance === 'number' && typeof base === 'number') {
      const sum = base + distance;
      if (Number.isSafeInteger(sum)) return sum;
    }
    return exact(BigInt.asIntN(64, BigInt(base) + BigInt(distance)));
  }

  /** Seconds that are written as a distance of 32 bits, a negative one widened to 64. */
  seconds(base: number): number {
    const distance = this.#vint();
    const signed = typeof distance === 'number' ? distance : Number(BigInt.asIntN(64, distance));
    if (signed > 0x7fff_ffff || signed < -0x8000_0000) throw mutationDamaged('it holds an impossible time');
    return base + signed;
  }

  /** The first byte says by its leading ones how many follow. */
  #vint(): number | bigint {
    const first = this.byte();
    if (first < 0x80) return first;
    const more = Math.clz32(~(first << 24));
    if (more < 7) {
      let value = first & (0xff >> more);
      for (let step = 0; step < more; step += 1) value = value * 256 + this.byte();
      return value;
    }
    let value = BigInt(first & (0xff >> more));
    for (let step = 0; step < more; step += 1) value = value * 256n + BigInt(this.byte());
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
  }
}

/** Writes what `MutationBytes` reads, into a buffer that grows. */
export class MutationWriter {
  #bytes = new Uint8Array(4096);
  #at = 0;

  /** Starts over, in the room that it has. */
  reset(): this {
    this.#at = 0;
    return this;
  }

  /** A copy of what was written. */
  written(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#at] = value;
    this.#at += 1;
  }

  uint16(value: number): void {
    this.byte(value >>> 8);
    this.byte(value & 0xff);
  }

  put(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  sized(bytes: Uint8Array): void {
    this.count(bytes.length);
    this.put(bytes);
  }

  value(bytes: Uint8Array, fixedLength: number | undefined): void {
    if (fixedLength === undefined) this.count(bytes.length);
    this.put(bytes);
  }

  /** A safe integer, not below zero. */
  count(value: number): void {
    if (value < 0x80) {
      this.byte(value);
      return;
    }
    const length = vintLength(value);
    this.#room(length);
    const first = this.#at;
    let rest = value;
    for (let step = length - 1; step > 0; step -= 1) {
      this.#bytes[first + step] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    this.#bytes[first] = firstByte(length) | rest;
    this.#at += length;
  }

  /** 64 bits. */
  bits(value: bigint): void {
    if (value <= BigInt(Number.MAX_SAFE_INTEGER)) {
      this.count(Number(value));
      return;
    }
    // From here on it takes eight bytes or, with nothing of it in the first, nine.
    const length = value < 2n ** 56n ? 8 : 9;
    this.#room(length);
    this.#bytes[this.#at] = firstByte(length);
    let rest = value;
    for (let step = length - 1; step > 0; step -= 1) {
      this.#bytes[this.#at + step] = Number(rest & 0xffn);
      rest >>= 8n;
    }
    this.#at += length;
  }

  writeTime(at: WriteTime, base: WriteTime): void {
    if (typeof at === 'number' && typeof base === 'number' && at >= base) this.count(at - base);
    else this.bits(BigInt.asUintN(64, BigInt(at) - BigInt(base)));
  }

  seconds(at: number, base: number): void {
    if (at >= base) this.count(at - base);
    else this.bits(BigInt.asUintN(64, BigInt(at - base)));
  }

  #room(length: number): void {
    if (this.#at + length <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + length));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

export function mutationDamaged(why: string) {
  return logDamaged('A mutation of the commit log', why);
}

/** A number where that is exact. */
function exact(value: bigint): WriteTime {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Seven bits of value to a byte. */
function vintLength(value: number): number {
  let length = 1;
  for (let limit = 0x80; value >= limit; limit *= 0x80) length += 1;
  return length;
}

/** As many ones as bytes follow, then zeros. */
function firstByte(length: number): number {
  return (0xff00 >> (length - 1)) & 0xff;
}
