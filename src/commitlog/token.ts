import { lowFirstIntAt } from './little-endian.ts';
/**
 * The Murmur3 token of a serialized partition key, as Cassandra computes it: the first half of a 128-bit Murmur3 in which the last bytes,
 * those past the last whole 16, are taken with their sign. (A mistake of long ago that can no longer be mended there.)
 */
export function tokenOf(key: Uint8Array): bigint {
  // The smallest token stands for the ring's beginning: only the empty key has it.
  if (key.length === 0) return smallest;
  const token = firstHash(key).signed();
  return token === smallest ? largest : token;
}

const smallest = -(2n ** 63n);
const largest = 2n ** 63n - 1n;

/** A number of 64 bits in two halves that changes in place: a token is computed for every mutation, and bigints are ten times slower. */
class Word {
  high: number;
  low: number;

  constructor(high = 0, low = 0) {
    this.high = high;
    this.low = low;
  }

  set(high: number, low: number): this {
    this.high = high;
    this.low = low;
    return this;
  }

  signed(): bigint {
    return (BigInt(this.high | 0) << 32n) | BigInt(this.low >>> 0);
  }

  xor({ high, low }: Word): this {
    this.high ^= high;
    this.low ^= low;
    return this;
  }

  add({ high, low }: Word): this {
    const sum = (this.low >>> 0) + (low >>> 0);
    this.high = (this.high + high + (sum > 0xffff_ffff ? 1 : 0)) | 0;
    this.low = sum | 0;
    return this;
  }

  /** The low 64 bits of the product, from products of 16 bits, which numbers hold exactly. */
  times({ high, low }: Word): this {
    const [a0, a1] = [this.low & 0xffff, this.low >>> 16];
    const [b0, b1] = [low & 0xffff, low >>> 16];
    const lowest = a0 * b0;
    const middle = a0 * b1 + a1 * b0 + Math.floor(lowest / 0x1_0000);
    const carried = a1 * b1 + Math.floor(middle / 0x1_0000);
    this.high = (carried + Math.imul(this.high, low) + Math.imul(this.low, high)) | 0;
    this.low = (middle << 16) | (lowest & 0xffff);
    return this;
  }

  /** To the left, by 1 to 32 bits or by 33. */
  rotate(by: number): this {
    const { high, low } = this;
    if (by > 32) return this.set((low << (by - 32)) | (high >>> (64 - by)), (high << (by - 32)) | (low >>> (64 - by)));
    this.high = (high << by) | (low >>> (32 - by));
    this.low = (low << by) | (high >>> (32 - by));
    return this;
  }

  /** With itself, 33 bits further down. */
  fold(): this {
    this.low ^= this.high >>> 1;
    return this;
  }
}

const c1 = new Word(0x87c37b91, 0x114253d5);
const c2 = new Word(0x4cf5ad43, 0x2745937f);
const five = new Word(0, 5);
const [step1, step2] = [new Word(0, 0x52dce729), new Word(0, 0x38495ab5)];
const [final1, final2] = [new Word(0xff51afd7, 0xed558ccd), new Word(0xc4ceb9fe, 0x1a85ec53)];

function firstHash(key: Uint8Array): Word {
  const whole = key.length - (key.length % 16);
  const [h1, h2, k] = [new Word(), new Word(), new Word()];
  for (let at = 0; at < whole; at += 16) {
    h1.xor(firstMix(wordAt(key, at, k)));
    h1.rotate(27).add(h2).times(five).add(step1);
    h2.xor(secondMix(wordAt(key, at + 8, k)));
    h2.rotate(31).add(h1).times(five).add(step2);
  }
  h2.xor(secondMix(signedTail(key, whole + 8, key.length, k)));
  h1.xor(firstMix(signedTail(key, whole, Math.min(key.length, whole + 8), k)));
  const length = k.set(0, key.length);
  h1.xor(length);
  h2.xor(length);
  h1.add(h2);
  h2.add(h1);
  return finalMix(h1).add(finalMix(h2));
}

function firstMix(k: Word): Word {
  return k.times(c1).rotate(31).times(c2);
}

function secondMix(k: Word): Word {
  return k.times(c2).rotate(33).times(c1);
}

function finalMix(k: Word): Word {
  return k.fold().times(final1).fold().times(final2).fold();
}

/** Eight bytes, the lowest first. */
function wordAt(key: Uint8Array, at: number, into: Word): Word {
  return into.set(lowFirstIntAt(key, at + 4), lowFirstIntAt(key, at));
}

/** Up to eight bytes, the lowest first; each is widened with its sign before it is shifted, so that a negative one flips all above it. */
function signedTail(key: Uint8Array, from: number, to: number, into: Word): Word {
  into.set(0, 0);
  for (let at = from; at < to; at += 1) {
    const byte = ((key[at] as number) << 24) >> 24;
    const shift = 8 * (at - from);
    if (shift >= 32) into.high ^= byte << (shift - 32);
    else {
      into.low ^= byte << shift;
      // What is shifted out of the low half, with the sign going on.
      into.high ^= shift === 0 ? byte >> 31 : byte >> (32 - shift);
    }
  }
  return into;
}
