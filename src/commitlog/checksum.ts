import { lowFirstIntAt } from './little-endian.ts';
import { crc32 } from 'node:zlib';

/**
 * CRC-32 over `bytes[from..to)`, going on from `sum`. The platform's own is by far the faster one, but a call into it costs as much as 200
 * bytes of the loop below, and most entries of a log are shorter.
 */
export function checksum(bytes: Uint8Array, from: number, to: number, sum: number): number {
  if (to - from > longEnough) return crc32(bytes.subarray(from, to), sum);
  let crc = ~sum;
  let at = from;
  for (; to - at >= 8; at += 8) {
    const low = crc ^ lowFirstIntAt(bytes, at);
    const high = lowFirstIntAt(bytes, at + 4);
    crc =
      entry(7, low & 0xff) ^
      entry(6, (low >>> 8) & 0xff) ^
      entry(5, (low >>> 16) & 0xff) ^
      entry(4, low >>> 24) ^
      entry(3, high & 0xff) ^
      entry(2, (high >>> 8) & 0xff) ^
      entry(1, (high >>> 16) & 0xff) ^
      entry(0, high >>> 24);
  }
  for (; at < to; at += 1) crc = entry(0, (crc ^ (bytes[at] as number)) & 0xff) ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** CRC-32 of a 32-bit number's four bytes, big-endian as the log writes it, going on from `sum`. */
export function checksumOfInt(value: number, sum: number): number {
  let crc = ~sum;
  for (let shift = 24; shift >= 0; shift -= 8) crc = entry(0, (crc ^ (value >>> shift)) & 0xff) ^ (crc >>> 8);
  return ~crc >>> 0;
}

const longEnough = 192;

/** Eight tables of 256, one behind the other: table k holds what a byte adds that lies k bytes back. */
const tables = new Int32Array(8 * 256);
for (let byte = 0; byte < 256; byte += 1) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  tables[byte] = crc;
}
for (let at = 256; at < tables.length; at += 1) {
  const before = entry(0, at - 256);
  tables[at] = (before >>> 8) ^ entry(0, before & 0xff);
}

function entry(table: number, byte: number): number {
  return tables[table * 256 + byte] as number;
}
