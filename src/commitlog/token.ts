/**
 * The Murmur3 token of a serialized partition key, as Cassandra computes it: the first half of a 128-bit Murmur3 in which the last bytes,
 * those past the last whole 16, are taken with their sign. (A mistake of long ago that can no longer be mended there.)
 */
export function tokenOf(key: Uint8Array): bigint {
  // The smallest token stands for the ring's beginning: only the empty key has it.
  if (key.length === 0) return smallest;
  const token = BigInt.asIntN(64, firstHash(key));
  return token === smallest ? largest : token;
}

const smallest = -(2n ** 63n);
const largest = 2n ** 63n - 1n;
const [c1, c2] = [0x87c37b91114253d5n, 0x4cf5ad432745937fn];

function firstHash(key: Uint8Array): bigint {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  const whole = key.length - (key.length % 16);
  let [h1, h2] = [0n, 0n];
  for (let at = 0; at < whole; at += 16) {
    h1 ^= firstMix(view.getBigUint64(at, true));
    h1 = u64(u64(rotate(h1, 27n) + h2) * 5n + 0x52dce729n);
    h2 ^= secondMix(view.getBigUint64(at + 8, true));
    h2 = u64(u64(rotate(h2, 31n) + h1) * 5n + 0x38495ab5n);
  }
  h2 ^= secondMix(signedTail(key, whole + 8, key.length));
  h1 ^= firstMix(signedTail(key, whole, Math.min(key.length, whole + 8)));
  h1 ^= BigInt(key.length);
  h2 ^= BigInt(key.length);
  h1 = u64(h1 + h2);
  h2 = u64(h2 + h1);
  return u64(finalMix(h1) + finalMix(h2));
}

function firstMix(k: bigint): bigint {
  return u64(rotate(u64(k * c1), 31n) * c2);
}

function secondMix(k: bigint): bigint {
  return u64(rotate(u64(k * c2), 33n) * c1);
}

/** Up to eight bytes, the lowest first; each is widened with its sign before it is shifted, so that a negative one flips all above it. */
function signedTail(key: Uint8Array, from: number, to: number): bigint {
  let k = 0n;
  for (let at = from; at < to; at += 1) k ^= BigInt(((key[at] as number) << 24) >> 24) << BigInt(8 * (at - from));
  return u64(k);
}

function finalMix(hash: bigint): bigint {
  let k = hash;
  k = u64((k ^ (k >> 33n)) * 0xff51afd7ed558ccdn);
  k = u64((k ^ (k >> 33n)) * 0xc4ceb9fe1a85ec53n);
  return k ^ (k >> 33n);
}

function rotate(value: bigint, by: bigint): bigint {
  return u64(value << by) | (value >> (64n - by));
}

function u64(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}
