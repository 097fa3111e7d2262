import { promisify } from 'node:util';
import { zstdCompress, zstdDecompressSync } from 'node:zlib';
import { canonicalJson } from '../model/canonical-json.ts';
import { type LogPieceHeader, logPieceHeader } from '../model/log-piece.ts';
import { asProblem } from '../model/problem.ts';
import { logDamaged } from './log-damage.ts';
import { chainOf, firstLink, sha256 } from './piece-chain.ts';

const compress = promisify(zstdCompress);
const newline = 0x0a;

/**
 * The object of a piece: one line of JSON (the header and, as `check`, the SHA-256 of its canonical form), a newline, the plain bytes
 * compressed with zstd. Throws FailedProblem `log-damaged` when header and bytes do not belong together: nobody could read it back.
 */
export async function writePiece(header: LogPieceHeader, plain: Uint8Array): Promise<Uint8Array> {
  const body = logPieceHeader.body.parse(header);
  verifyLinks(body);
  verifyBytes(body, plain);
  return Buffer.concat([Buffer.from(`${headerLine(body)}\n`), await compress(plain)]);
}

/** The header and the plain bytes, everything checked. Throws FailedProblem `log-damaged` that names what is wrong. */
export function readPiece(object: Uint8Array): { readonly header: LogPieceHeader; readonly plain: Uint8Array } {
  const { header, length } = splitHeader(object);
  const plain = decompress(object.subarray(length), header);
  verifyBytes(header, plain);
  return { header, plain };
}

/** From the beginning of an object, long enough to hold the line: its header, checked in itself and for its links. Throws FailedProblem `log-damaged`. */
export function readPieceHeader(prefix: Uint8Array): LogPieceHeader {
  return splitHeader(prefix).header;
}

function splitHeader(object: Uint8Array): { header: LogPieceHeader; length: number } {
  const end = object.indexOf(newline);
  if (end < 0) throw logDamaged('A log piece', `its first ${object.length} bytes hold no header line`);
  const line = Buffer.from(object.buffer, object.byteOffset, end).toString('utf8');
  const header = parseLine(line);
  verifyLinks(header);
  return { header, length: end + 1 };
}

function headerLine(header: LogPieceHeader): string {
  const { kind, version } = logPieceHeader;
  return JSON.stringify({ kind, version, ...header, check: sha256(canonicalJson(header)) });
}

function parseLine(line: string): LogPieceHeader {
  let header: LogPieceHeader;
  try {
    header = logPieceHeader.read(line, 'The header of a log piece');
  } catch (cause) {
    throw logDamaged('A log piece', asProblem(cause, 'Reading its header').happened.replace(/\.$/, ''), cause);
  }
  // Written anew it must be the same text, check sum included: so no bit of the line is left unguarded.
  if (headerLine(header) !== line) throw logDamaged(named(header), 'its header does not match its check sum');
  return header;
}

function decompress(packed: Uint8Array, header: LogPieceHeader): Uint8Array {
  let result: { buffer: Uint8Array; engine: { bytesWritten: number } };
  try {
    // One byte more than announced, so that a longer content shows and a hostile one cannot fill the memory.
    result = zstdDecompressSync(packed, {
      info: true,
      maxOutputLength: header.to - header.from + 1,
    }) as unknown as typeof result;
  } catch (cause) {
    throw logDamaged(named(header), 'its bytes cannot be decompressed', cause);
  }
  // The decoder stops at the end of its frame and says nothing about what follows.
  if (result.engine.bytesWritten !== packed.length) throw logDamaged(named(header), 'bytes follow its content');
  return result.buffer;
}

/** That the header says one thing about its pieces, and that they are links of one chain. */
function verifyLinks(header: LogPieceHeader): void {
  const { pieces, segment } = header;
  const first = pieces[0];
  if (first?.from !== header.from || pieces.at(-1)?.to !== header.to) {
    throw logDamaged(named(header), 'its pieces do not cover what it holds');
  }
  if (first.sequence === 1 && first.previous !== firstLink(header.timeline, header.hostId)) {
    throw logDamaged(named(header), 'it does not begin the stream of its node and timeline');
  }
  for (const [at, { chain, ...link }] of pieces.entries()) {
    const before = pieces[at - 1];
    if (chain !== chainOf(link, segment.id)) throw logDamaged(named(header), `piece ${link.sequence} breaks the chain`);
    if (link.from > link.to) throw logDamaged(named(header), `piece ${link.sequence} ends before it begins`);
    if (before === undefined) continue;
    if (link.previous !== before.chain || link.sequence !== before.sequence + 1 || link.from !== before.to) {
      throw logDamaged(named(header), `piece ${link.sequence} does not follow piece ${before.sequence}`);
    }
  }
}

function verifyBytes(header: LogPieceHeader, plain: Uint8Array): void {
  if (plain.length !== header.to - header.from) {
    throw logDamaged(named(header), `it holds ${plain.length} bytes where its header says ${header.to - header.from}`);
  }
  if (sha256(plain) !== header.sha256) throw logDamaged(named(header), 'its bytes do not match its SHA-256');
  for (const { sequence, from, to, sha256: sum } of header.pieces) {
    if (sha256(plain.subarray(from - header.from, to - header.from)) === sum) continue;
    throw logDamaged(named(header), `the bytes of piece ${sequence} do not match its SHA-256`);
  }
}

function named({ node, segment, from, to }: LogPieceHeader): string {
  return `The log piece ${from}-${to} of ${segment.file} on ${node}`;
}
