import { exactId, UndecodableRow, type ByteReader, type Id } from './byte-reader.ts';

/**
 * JanusGraph's whole numbers of variable length: groups of seven bits, highest first, the last byte marked by its top bit.
 * Backward forms are marked at their first byte instead, so that a reader coming from behind knows where to stop.
 */

const safe = 2 ** 53;

export function readPositive(reader: ByteReader): Id {
  let value = 0;
  for (let count = 0; count < 7; count++) {
    const byte = reader.byte();
    value = value * 128 + (byte & 0x7f);
    if (byte >= 0x80) return value;
  }
  let large = BigInt(value);
  for (let count = 7; count < 10; count++) {
    const byte = reader.byte();
    large = (large << 7n) | BigInt(byte & 0x7f);
    if (byte >= 0x80) return large < safe ? Number(large) : large;
  }
  throw new UndecodableRow('a number has no end');
}

/** A length or a small number; refuses what cannot be one. */
export function readCount(reader: ByteReader): number {
  const value = readPositive(reader);
  if (typeof value === 'bigint') throw new UndecodableRow(`${value} is too large for a length`);
  return value;
}

/** A signed number: the lowest bit is the sign. */
export function readSigned(reader: ByteReader): Id {
  const value = readPositive(reader);
  if (typeof value === 'bigint') return exactId((value & 1n) === 1n ? -(value >> 1n) : value >> 1n);
  const half = Math.floor(value / 2);
  return value % 2 === 1 && half !== 0 ? -half : half;
}

export interface Prefixed {
  readonly prefix: number;
  readonly value: number;
}

/** A number that shares its first byte with a prefix of `prefixBits` bits. Type ids only, which fit a safe number. */
export function readWithPrefix(reader: ByteReader, prefixBits: number): Prefixed {
  const first = reader.byte();
  const rest = 8 - prefixBits;
  const prefix = first >> rest;
  let value = first & ((1 << (rest - 1)) - 1);
  if (((first >> (rest - 1)) & 1) === 0) return { prefix, value };
  for (;;) {
    const byte = reader.byte();
    value = value * 128 + (byte & 0x7f);
    if (value >= safe) throw new UndecodableRow('a type id is too large');
    if (byte >= 0x80) return { prefix, value };
  }
}

/** A positive number that ends at the reader's `end`, which moves to its start. */
export function readPositiveBackward(reader: ByteReader): Id {
  let value = 0;
  let scale = 1;
  for (let count = 0; ; count++) {
    const byte = reader.byteBefore();
    const last = byte >= 0x80;
    // The first byte holds, beside the mark, three bits of length and four of value.
    const bits = last ? byte & 0x0f : byte;
    if (last && ((byte >> 4) & 7) + 3 !== count + 1) throw new UndecodableRow('a backward number has a wrong length');
    if (count >= 7 || (count === 6 && bits > 0x0f)) {
      return readLargeBackward(reader, value, scale, bits, last, count);
    }
    value += bits * scale;
    if (last) return value < safe ? value : BigInt(value);
    scale *= 128;
    if (count > 10) throw new UndecodableRow('a backward number has no start');
  }
}

function readLargeBackward(
  reader: ByteReader,
  low: number,
  scale: number,
  bits: number,
  last: boolean,
  seen: number,
): Id {
  let value = BigInt(low) + BigInt(bits) * BigInt(scale);
  let shift = BigInt(scale) * 128n;
  let done = last;
  for (let count = seen + 1; !done; count++) {
    const byte = reader.byteBefore();
    done = byte >= 0x80;
    if (done && ((byte >> 4) & 7) + 3 !== count + 1) throw new UndecodableRow('a backward number has a wrong length');
    value += BigInt(done ? byte & 0x0f : byte) * shift;
    shift *= 128n;
    if (count > 10) throw new UndecodableRow('a backward number has no start');
  }
  return value < safe ? Number(value) : value;
}

export function writePositive(out: number[], value: Id): void {
  let rest = BigInt(value);
  const groups = [Number(rest & 0x7fn) | 0x80];
  for (rest >>= 7n; rest > 0n; rest >>= 7n) groups.push(Number(rest & 0x7fn));
  out.push(...groups.reverse());
}

export function writeSigned(out: number[], value: Id): void {
  const whole = BigInt(value);
  writePositive(out, whole < 0n ? (-whole << 1n) | 1n : whole << 1n);
}

export function writePositiveBackward(out: number[], value: Id): void {
  const whole = BigInt(value);
  const bits = whole === 0n ? 1 : whole.toString(2).length;
  const length = Math.max(3, 1 + (bits <= 4 ? 0 : 1 + Math.floor((bits - 5) / 7)));
  for (let index = length - 1; index >= 0; index--) {
    const group = Number((whole >> BigInt(index * 7)) & 0x7fn);
    out.push(index === length - 1 ? group | 0x80 | ((length - 3) << 4) : group);
  }
}

export function writeWithPrefix(out: number[], value: Id, prefix: number, prefixBits: number): void {
  const rest = 8 - prefixBits;
  let whole = BigInt(value);
  let bits = whole === 0n ? 1 : whole.toString(2).length;
  let first = prefix << rest;
  const over = bits % 7;
  if (over <= rest - 1) {
    const below = BigInt(bits - over);
    first |= Number(whole >> below);
    whole &= (1n << below) - 1n;
    bits -= over;
  } else {
    bits += 7 - over;
  }
  if (bits > 0) first |= 1 << (rest - 1);
  out.push(first & 0xff);
  for (let offset = bits - 7; offset >= 0; offset -= 7) {
    const group = Number((whole >> BigInt(offset)) & 0x7fn);
    out.push(offset === 0 ? group | 0x80 : group);
  }
}
