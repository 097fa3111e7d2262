/**
 * The token of a serialized partition key, as Cassandra's Murmur3Partitioner computes it: the first half of MurmurHash3 x64 128 with seed
 * 0, whose last incomplete block takes its bytes signed (a slip in Cassandra that became the format).
 */
export function murmur3Token(key: Uint8Array): bigint {
  if (key.length === 0) return least;
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  const blocks = key.length >> 4;
  let h1 = 0n;
  let h2 = 0n;
  for (let block = 0; block < blocks; block += 1) {
    h1 ^= mixFirst(view.getBigUint64(block * 16, true));
    h1 = u64(rotate(h1, 27n) + h2);
    h1 = u64(h1 * 5n + 0x52dce729n);
    h2 ^= mixSecond(view.getBigUint64(block * 16 + 8, true));
    h2 = u64(rotate(h2, 31n) + h1);
    h2 = u64(h2 * 5n + 0x38495ab5n);
  }
  const rest = blocks * 16;
  const left = key.length - rest;
  if (left > 8) h2 ^= mixSecond(signedRest(view, rest + 8, left - 8));
  if (left > 0) h1 ^= mixFirst(signedRest(view, rest, Math.min(8, left)));
  const length = BigInt(key.length);
  h1 ^= length;
  h2 ^= length;
  h1 = u64(h1 + h2);
  h2 = u64(h2 + h1);
  const token = BigInt.asIntN(64, u64(finish(h1) + finish(h2)));
  // The least value is no token: it stands for the ring's beginning.
  return token === least ? -(least + 1n) : token;
}

const least = -(2n ** 63n);
const c1 = 0x87c37b91114253d5n;
const c2 = 0x4cf5ad432745937fn;

function u64(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}

function rotate(value: bigint, by: bigint): bigint {
  return u64((value << by) | (value >> (64n - by)));
}

function mixFirst(k: bigint): bigint {
  return u64(rotate(u64(k * c1), 31n) * c2);
}

function mixSecond(k: bigint): bigint {
  return u64(rotate(u64(k * c2), 33n) * c1);
}

function signedRest(view: DataView, from: number, count: number): bigint {
  let k = 0n;
  for (let at = count - 1; at >= 0; at -= 1) k ^= BigInt(view.getInt8(from + at)) << BigInt(at * 8);
  return u64(k);
}

function finish(value: bigint): bigint {
  let k = value;
  k ^= k >> 33n;
  k = u64(k * 0xff51afd7ed558ccdn);
  k ^= k >> 33n;
  k = u64(k * 0xc4ceb9fe1a85ec53n);
  return k ^ (k >> 33n);
}
