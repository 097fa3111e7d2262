import { inflateSync, zstdDecompressSync } from 'node:zlib';
import { FailedProblem } from '../model/problem.ts';
import { logDamaged } from './log-damage.ts';
import { decompressLz4 } from './lz4-block.ts';
import { plainBytes } from './plain-bytes.ts';
import { decompressSnappy } from './snappy-block.ts';
import { type Unpack, unpackBlock } from './unpack.ts';

/** Larger than any section: a segment has at most 2 GiB, and Cassandra's default is 32 MiB. */
const largestSection = 2 ** 30;

/**
 * The entries of a compressed section: four bytes of plain length, then a block as Cassandra's compressor of that class writes it.
 * Throws FailedProblem `log-damaged`, or `log-compression-unknown` for another class.
 */
export function decompressSection(content: Uint8Array, compression: string): Uint8Array {
  if (content.length < 4) throw logDamaged('A compressed section of the commit log', 'its length is cut off');
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const plainLength = view.getUint32(0);
  if (plainLength > largestSection) {
    throw logDamaged('A compressed section of the commit log', `it says that it holds ${plainLength} bytes`);
  }
  const block = content.subarray(4);
  if (plainLength === 0 && block.length === 0) return block;
  return blockReader(compression)(block, plainLength);
}

function blockReader(compression: string): (block: Uint8Array, plainLength: number) => Uint8Array {
  switch (compression) {
    case 'LZ4Compressor':
      return lz4WithLength;
    case 'SnappyCompressor':
      return decompressSnappy;
    case 'DeflateCompressor':
      return (block, plainLength) => byPlatform(inflateSync, block, plainLength);
    case 'ZstdCompressor':
      return (block, plainLength) => byPlatform(zstdDecompressSync, block, plainLength);
    case 'NoopCompressor':
      return checkedLength;
    default:
      throw new FailedProblem({
        code: 'log-compression-unknown',
        happened: `The commit log is compressed with ${compression}, which Cardea does not support.`,
        state: 'The log was shipped unchanged; no part of it was cut or replayed.',
        next: 'Set commitlog_compression in cassandra.yaml to LZ4, Snappy, Deflate, Zstd or none, restart Cassandra, and take a backup.',
      });
  }
}

/** Cassandra's LZ4 puts the plain length before the block once more, the lowest byte first. */
function lz4WithLength(block: Uint8Array, plainLength: number): Uint8Array {
  if (block.length < 4) throw logDamaged('An LZ4 block of the commit log', 'its length is cut off');
  const announced = new DataView(block.buffer, block.byteOffset, 4).getUint32(0, true);
  if (announced !== plainLength) {
    throw logDamaged(
      'An LZ4 block of the commit log',
      `it should hold ${announced} bytes, but its section ${plainLength}`,
    );
  }
  return decompressLz4(block.subarray(4), plainLength);
}

function byPlatform(unpack: Unpack, block: Uint8Array, plainLength: number): Uint8Array {
  let unpacked: ReturnType<typeof unpackBlock>;
  try {
    unpacked = unpackBlock(unpack, block, plainLength + 1);
  } catch (cause) {
    throw logDamaged('A compressed section of the commit log', 'it cannot be decompressed', cause);
  }
  if (unpacked.used !== block.length) {
    throw logDamaged('A compressed section of the commit log', 'there are more bytes after its content');
  }
  return checkedLength(unpacked.content, plainLength);
}

function checkedLength(plain: Uint8Array, plainLength: number): Uint8Array {
  if (plain.length === plainLength) return plainBytes(plain);
  throw logDamaged(
    'A compressed section of the commit log',
    `it holds ${plain.length} bytes instead of ${plainLength}`,
  );
}
