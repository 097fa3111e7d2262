import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { createZstdCompress, type ZstdCompress, zstdCompress, zstdDecompressSync } from 'node:zlib';
import { canonicalJson } from '../model/canonical-json.ts';
import { type LogPieceHeader, logPieceHeader } from '../model/log-piece.ts';
import { asProblem } from '../model/problem.ts';
import { logDamaged } from './log-damage.ts';
import { sha256 } from '../model/sha256.ts';
import { chainOf, firstLink } from './piece-chain.ts';
import { unpackBlock } from './unpack.ts';

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

/**
 * The same object in parts, for plain bytes that are too many to hold at once: `plain` gives them in order, once to be checked and once to
 * be compressed; a chunk is done with when the next is asked for. Throws FailedProblem `log-damaged` before the first part when header and bytes do not belong together.
 */
export async function* writePieceParts(
  header: Omit<LogPieceHeader, 'sha256'>,
  plain: () => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  const check = new RunningCheck(header);
  for await (const chunk of plain()) check.add(chunk);
  const body = logPieceHeader.body.parse({ ...header, sha256: check.end() });
  verifyLinks(body);
  yield Buffer.from(`${headerLine(body)}\n`);
  const packer = createZstdCompress();
  const feeding = feed(plain(), packer).catch((thrown: unknown) => {
    packer.destroy(thrown instanceof Error ? thrown : new RangeError(String(thrown)));
  });
  for await (const chunk of packer) yield chunk as Uint8Array;
  await feeding;
}

/** Ended only when everything written was taken: Node would close the frame with the last chunk, and again, empty, at the end. */
async function feed(plain: AsyncIterable<Uint8Array>, packer: ZstdCompress): Promise<void> {
  for await (const chunk of plain) {
    await new Promise<void>((resolve, reject) => {
      packer.write(chunk, (error) => (error instanceof Error ? reject(error) : resolve()));
    });
  }
  packer.end();
}

export interface ReadPiece {
  readonly header: LogPieceHeader;
  /** The bytes `from` to `to` of the segment. */
  readonly plain: Uint8Array;
}

/** The header and the plain bytes, everything checked. Throws FailedProblem `log-damaged` that names what is wrong. */
export function readPiece(object: Uint8Array): ReadPiece {
  const { header, length } = splitHeader(object);
  const plain = decompress(object.subarray(length), header);
  verifyBytes(header, plain);
  return { header, plain };
}

/** From the beginning of an object, long enough to hold the line: its header, checked in itself and for its links. Throws FailedProblem `log-damaged`. */
export function readPieceHeader(prefix: Uint8Array): LogPieceHeader {
  return splitHeader(prefix).header;
}

/**
 * The same of an object that comes in parts: reads no further than the part in which the line ends, and never more than 16 MiB, for an
 * object that somebody else put there may have no end of it.
 */
export async function readStreamedPieceHeader(object: AsyncIterable<Uint8Array>): Promise<LogPieceHeader> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of object) {
    parts.push(part);
    length += part.length;
    if (part.includes(newline)) break;
    if (length > longestHeader) throw logDamaged('A log piece', `its first ${length} bytes hold no header line`);
  }
  const [only] = parts;
  return readPieceHeader(parts.length === 1 && only !== undefined ? only : Buffer.concat(parts));
}

/** Merging leaves some thousand links in an object, of a few hundred bytes each; this is ten times as much. */
const longestHeader = 16 * 1024 * 1024;

function splitHeader(object: Uint8Array): { header: LogPieceHeader; length: number } {
  const end = object.indexOf(newline);
  if (end < 0) throw logDamaged('A log piece', `there is no header line in its first ${object.length} bytes`);
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
  let unpacked: ReturnType<typeof unpackBlock>;
  try {
    // One byte more than announced, so that a longer content shows and a hostile one cannot fill the memory.
    unpacked = unpackBlock(zstdDecompressSync, packed, header.to - header.from + 1);
  } catch (cause) {
    throw logDamaged(named(header), 'its bytes cannot be decompressed', cause);
  }
  if (unpacked.used !== packed.length) throw logDamaged(named(header), 'there are more bytes after its content');
  return unpacked.content;
}

/** That the header says one thing about its pieces, and that they are links of one chain. */
function verifyLinks(header: LogPieceHeader): void {
  const { pieces, segment } = header;
  const first = pieces[0];
  if (first?.from !== header.from || pieces.at(-1)?.to !== header.to) {
    throw logDamaged(named(header), 'the pieces that it names do not cover its content');
  }
  if (first.sequence === 1 && first.previous !== firstLink(header.timeline, header.hostId)) {
    throw logDamaged(named(header), 'its chain does not begin like the stream of its node and timeline');
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
    throw logDamaged(named(header), `it holds ${plain.length} bytes, but its header says ${header.to - header.from}`);
  }
  if (sha256(plain) !== header.sha256) throw logDamaged(named(header), 'its bytes do not match its SHA-256');
  for (const { sequence, from, to, sha256: sum } of header.pieces) {
    // Hashing is most of the work, and most pieces are shipped alone.
    const all = from === header.from && to === header.to;
    if ((all ? header.sha256 : sha256(plain.subarray(from - header.from, to - header.from))) === sum) continue;
    throw logDamaged(named(header), `the bytes of piece ${sequence} do not match its SHA-256`);
  }
}

/** What `verifyBytes` does, for bytes that come in parts. */
class RunningCheck {
  readonly #header: Omit<LogPieceHeader, 'sha256'>;
  readonly #whole = createHash('sha256');
  #at: number;
  #next = 0;
  #part = createHash('sha256');

  constructor(header: Omit<LogPieceHeader, 'sha256'>) {
    this.#header = header;
    this.#at = header.from;
  }

  add(chunk: Uint8Array): void {
    this.#whole.update(chunk);
    let rest = chunk;
    for (;;) {
      const piece = this.#header.pieces[this.#next];
      if (piece === undefined || this.#at + rest.length < piece.to) break;
      const mine = rest.subarray(0, piece.to - this.#at);
      this.#part.update(mine);
      if (this.#part.digest('hex') !== piece.sha256) this.#fail(piece.sequence);
      this.#part = createHash('sha256');
      this.#at += mine.length;
      this.#next += 1;
      rest = rest.subarray(mine.length);
    }
    this.#part.update(rest);
    this.#at += rest.length;
  }

  /** The SHA-256 of all of them. */
  end(): string {
    const { from, to } = this.#header;
    if (this.#at !== to) {
      throw logDamaged(named(this.#header), `it holds ${this.#at - from} bytes, but its header says ${to - from}`);
    }
    return this.#whole.digest('hex');
  }

  #fail(sequence: number): never {
    throw logDamaged(named(this.#header), `the bytes of piece ${sequence} do not match its SHA-256`);
  }
}

function named({ node, segment, from, to }: Omit<LogPieceHeader, 'sha256'>): string {
  return `The log piece ${from}-${to} of ${segment.file} on ${node}`;
}
