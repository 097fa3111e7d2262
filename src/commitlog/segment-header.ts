import { z } from 'zod';
import { segmentOfFileName } from '../model/log-segment.ts';
import { FailedProblem } from '../model/problem.ts';
import { checksum, checksumOfInt } from './checksum.ts';
import { logDamaged } from './log-damage.ts';
import { refuseVersion } from './log-version.ts';

/** What stands at the beginning of a segment file. */
export interface SegmentHeader {
  /** See log-version.ts. */
  readonly version: number;
  /** Unique on its node only. */
  readonly id: bigint;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Class of the compressor, without its package: `LZ4Compressor`. */
  readonly compression: string | undefined;
  readonly encrypted: boolean;
  /** Bytes of the header: where the first marker stands. */
  readonly length: number;
}

/**
 * Throws FailedProblem `log-damaged` when the bytes do not begin with a whole header. The version is not judged here: shipping works with
 * any, and who needs to understand what is inside calls `refuseUnreadable`.
 */
export function readSegmentHeader(bytes: Uint8Array): SegmentHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < fixed) throw noHeader(`it has only ${bytes.length} bytes`);
  const version = view.getInt32(0);
  const id = view.getBigInt64(4);
  const parametersLength = view.getUint16(12);
  const length = fixed + parametersLength;
  if (bytes.length < length) throw noHeader(`it ends after ${bytes.length} of ${length} bytes`);
  const text = bytes.subarray(fixed - 4, length - 4);
  if (view.getUint32(length - 4) !== sumOf(version, id, text)) throw noHeader('it does not match its check sum');
  const parameters = parametersOf(text);
  return {
    version,
    id,
    parameters,
    compression: compressionOf(parameters),
    encrypted: Object.keys(parameters).some((key) => key.startsWith('enc')),
    length,
  };
}

/** The header of a plain segment: no compression, no encryption. */
export function writeSegmentHeader(version: number, id: bigint): Uint8Array {
  const text = Buffer.from('{}');
  const bytes = Buffer.alloc(fixed + text.length);
  bytes.writeInt32BE(version, 0);
  bytes.writeBigInt64BE(id, 4);
  bytes.writeUInt16BE(text.length, 12);
  text.copy(bytes, fixed - 4);
  bytes.writeUInt32BE(sumOf(version, id, text), bytes.length - 4);
  return bytes;
}

/** Before anything inside is read. Throws FailedProblem `log-version-unknown` or `log-encrypted`. */
export function refuseUnreadable({ version, encrypted }: Pick<SegmentHeader, 'version' | 'encrypted'>): void {
  refuseVersion(version);
  if (!encrypted) return;
  throw new FailedProblem({
    code: 'log-encrypted',
    happened:
      'The commit log is encrypted by Cassandra (transparent_data_encryption_options), and Cardea has no key for it.',
    state: 'The log was shipped unchanged; no part of it was cut or replayed.',
    next: 'Restore to a restore point, without the log. For restores to an instant, encrypt the disk instead of the log.',
  });
}

/** The header of a plain segment from its file name, `CommitLog-8-1771466400000.log`. Undefined for any other name. */
export function headerOfFileName(file: string): SegmentHeader | undefined {
  const name = segmentOfFileName(file);
  return name === undefined ? undefined : readSegmentHeader(writeSegmentHeader(name.version, name.id));
}

/** Version, id, length of the parameters and check sum. */
const fixed = 4 + 8 + 2 + 4;

/** Cassandra sums the low half of the id first, and the length of the text as a whole number of four bytes. */
function sumOf(version: number, id: bigint, text: Uint8Array): number {
  const halves = checksumOfId(id, checksumOfInt(version, 0));
  return checksum(text, 0, text.length, checksumOfInt(text.length, halves));
}

export function checksumOfId(id: bigint, sum: number): number {
  const low = checksumOfInt(Number(BigInt.asIntN(32, id)), sum);
  return checksumOfInt(Number(BigInt.asIntN(32, id >> 32n)), low);
}

const parametersShape = z.record(z.string(), z.unknown());

function parametersOf(text: Uint8Array): Record<string, unknown> {
  if (text.length === 0) return {};
  try {
    return parametersShape.parse(JSON.parse(Buffer.from(text).toString('utf8')));
  } catch (cause) {
    throw noHeader('its parameters are not JSON', cause);
  }
}

function compressionOf({ compressionClass }: Readonly<Record<string, unknown>>): string | undefined {
  return typeof compressionClass === 'string'
    ? compressionClass.slice(compressionClass.lastIndexOf('.') + 1)
    : undefined;
}

function noHeader(why: string, cause?: unknown) {
  return logDamaged('The header of a commit log segment', why, cause);
}
