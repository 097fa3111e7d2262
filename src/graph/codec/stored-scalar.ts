import { UndecodableRow, type ByteReader } from './byte-reader.ts';
import { readSigned, writeSigned } from './variable-long.ts';

/** How numbers, times and UUIDs stand in a row. */

const signBit = 1n << 63n;

export function readInteger(reader: ByteReader): number {
  const value = readSigned(reader);
  if (typeof value === 'bigint' || value < -(2 ** 31) || value >= 2 ** 31) {
    throw new UndecodableRow(`${value} is not an integer of 32 bits`);
  }
  return value;
}

/** Stored with the sign turned round, so that bytes sort like values. */
export function readLong(reader: ByteReader): bigint {
  return BigInt.asIntN(64, reader.uint64() ^ signBit);
}

export function writeLong(out: number[], value: bigint): void {
  writeUint64(out, BigInt.asUintN(64, value) ^ signBit);
}

export function readOrderedFloat(reader: ByteReader): number {
  const sortable = (reader.uint32() ^ 0x80000000) | 0;
  const view = new DataView(new ArrayBuffer(4));
  view.setInt32(0, sortable ^ ((sortable >> 31) & 0x7fffffff));
  return view.getFloat32(0);
}

export function readOrderedDouble(reader: ByteReader): number {
  const sortable = BigInt.asIntN(64, reader.uint64() ^ signBit);
  const view = new DataView(new ArrayBuffer(8));
  view.setBigInt64(0, sortable < 0n ? sortable ^ 0x7fffffffffffffffn : sortable);
  return view.getFloat64(0);
}

export function readUuid(reader: ByteReader): string {
  const hex = Buffer.from(reader.take(16)).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

export function writeUuid(out: number[], value: string): void {
  out.push(...Buffer.from(value.replaceAll('-', ''), 'hex'));
}

export function readSecondsAndNanos(reader: ByteReader): string {
  const seconds = readLong(reader);
  return `${seconds}.${String(readInteger(reader)).padStart(9, '0')}`;
}

export function writeSecondsAndNanos(out: number[], value: string): void {
  const [seconds = '0', nanos = '0'] = value.split('.');
  writeLong(out, BigInt(seconds));
  writeSigned(out, Number(nanos));
}

export function writeUint(out: number[], value: number, bytes: number): void {
  for (let shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out.push((value >>> shift) & 0xff);
}

function writeUint64(out: number[], value: bigint): void {
  for (let shift = 56n; shift >= 0n; shift -= 8n) out.push(Number((value >> shift) & 0xffn));
}

export function writeFloat(out: number[], value: number, bytes: 4 | 8): void {
  const buffer = Buffer.alloc(bytes);
  if (bytes === 4) buffer.writeFloatBE(value);
  else buffer.writeDoubleBE(value);
  out.push(...buffer);
}
