import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompressSync } from 'node:zlib';
import { canonicalJson } from '../model/canonical-json.ts';
import { formatInstant, instantOf } from '../model/instant.ts';
import {
  listedLine,
  type LogIndexEntry,
  logIndexEntry,
  type LogIndexHeader,
  logIndexHeader,
  logIndexKey,
} from '../model/log-index.ts';
import { logPieceKey } from '../model/log-piece.ts';
import { asProblem } from '../model/problem.ts';
import { sha256 } from '../model/sha256.ts';
import { logDamaged } from './log-damage.ts';
import { unpackBlock } from './unpack.ts';
import type { StoredPiece } from './verified-stream.ts';

const compress = promisify(zstdCompress);
const newline = 0x0a;
/** Bytes; a header has some hundred. */
const longestHeader = 16 * 1024;
/** Bytes; an entry has some three hundred. */
const longestEntry = 1024;
/** A day of a node that writes 50 MB/s. A longer index is written by nobody, and would fill the memory. */
const mostEntries = 150_000;

/** One object of the log with its size in the store, bytes. */
export interface IndexedPiece extends StoredPiece {
  readonly stored: number;
}

export interface WrittenIndex {
  readonly key: string;
  readonly header: LogIndexHeader;
  readonly body: Uint8Array;
}

/**
 * The index of objects in log order. Throws FailedProblem `log-damaged` when one of them does not follow the one before: then the index would
 * say what is not so.
 */
export async function writeLogIndex(
  { timeline, hostId, node }: Pick<LogIndexHeader, 'timeline' | 'hostId' | 'node'>,
  pieces: readonly IndexedPiece[],
): Promise<WrittenIndex> {
  const [first] = pieces;
  const last = pieces.at(-1);
  if (first === undefined || last === undefined) throw new TypeError('an index of nothing');
  if (pieces.length > mostEntries) throw new RangeError(`an index of ${pieces.length} objects`);
  const text = pieces.map((piece) => `${JSON.stringify(entryOf(piece))}\n`).join('');
  const header = logIndexHeader.body.parse({
    timeline,
    hostId,
    node,
    firstSegment: first.segment,
    lastSegment: last.segment,
    first: first.first,
    last: last.last,
    previous: first.previous,
    chain: last.chain,
    coveredFrom: formatInstant(first.coveredFrom),
    coveredTo: formatInstant(last.coveredTo),
    proves: formatInstant((pieces.find(({ proves }) => proves > first.coveredFrom) ?? last).proves),
    objects: pieces.length,
    plainBytes: pieces.reduce((sum, { from, to }) => sum + to - from, 0),
    storedBytes: pieces.reduce((sum, { stored }) => sum + stored, 0),
    listing: listingOf(pieces),
    entries: sha256(text),
  });
  const body = Buffer.concat([Buffer.from(`${headerLine(header)}\n`), await compress(Buffer.from(text))]);
  const written = readLogIndex(body).pieces;
  const wrong = pieces.findIndex((piece, at) => !isSame(piece, written[at]));
  if (wrong >= 0) throw logDamaged(named(header), `${pieces[wrong]?.key ?? ''} does not follow the object before it`);
  return { key: logIndexKey(header), header, body };
}

/** The header of an index, checked in itself, reading no further than its line. Throws FailedProblem `log-damaged`. */
export async function readStreamedIndexHeader(object: AsyncIterable<Uint8Array>): Promise<LogIndexHeader> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of object) {
    parts.push(part);
    length += part.length;
    if (part.includes(newline) || length > longestHeader) break;
  }
  return splitHeader(Buffer.concat(parts)).header;
}

/** Header and entries, everything checked. Throws FailedProblem `log-damaged`. */
export function readLogIndex(object: Uint8Array): {
  readonly header: LogIndexHeader;
  readonly pieces: readonly IndexedPiece[];
} {
  const { header, length } = splitHeader(object);
  const packed = object.subarray(length);
  let unpacked: ReturnType<typeof unpackBlock>;
  try {
    unpacked = unpackBlock(zstdDecompressSync, packed, header.objects * longestEntry);
  } catch (cause) {
    throw logDamaged(named(header), 'its entries cannot be decompressed', cause);
  }
  if (unpacked.used !== packed.length) throw logDamaged(named(header), 'there are more bytes after its entries');
  const text = new TextDecoder().decode(unpacked.content);
  if (sha256(text) !== header.entries) throw logDamaged(named(header), 'its entries do not match their SHA-256');
  const pieces: IndexedPiece[] = [];
  let before = { last: header.first - 1, chain: header.previous };
  for (const line of text.split('\n').slice(0, -1)) {
    const entry = entryIn(line, header);
    const piece = pieceOf(header, entry, before);
    if (piece.last < piece.first) throw logDamaged(named(header), `its entry ${pieces.length + 1} holds no piece`);
    pieces.push(piece);
    before = entry;
  }
  const last = pieces.at(-1);
  if (pieces.length !== header.objects || last?.last !== header.last || last.chain !== header.chain) {
    throw logDamaged(named(header), 'its entries are others than its header says');
  }
  return { header, pieces };
}

/** What the header's `listing` must be for the objects of a listing, which are told to it one by one and not held. */
export class ListingSum {
  readonly #hash = createHash('sha256');

  /** In the order of the listing; sizes in bytes, as in the store. */
  add(object: { readonly key: string; readonly bytes: number }): void {
    this.#hash.update(listedLine(object));
  }

  /** 64 hexadecimal digits. Only once, when all were added. */
  digest(): string {
    return this.#hash.digest('hex');
  }
}

function listingOf(pieces: readonly IndexedPiece[]): string {
  const sum = new ListingSum();
  for (const { key, stored } of pieces) sum.add({ key, bytes: stored });
  return sum.digest();
}

/** A run of pieces as the header alone tells of it. */
export function runOf(key: string, { node, ...header }: LogIndexHeader) {
  const { first, last, previous, chain, coveredFrom, coveredTo, proves } = header;
  return {
    key,
    node,
    first,
    last,
    previous,
    chain,
    coveredFrom: instantOf(coveredFrom),
    coveredTo: instantOf(coveredTo),
    proves: instantOf(proves),
  };
}

function entryOf(piece: IndexedPiece): LogIndexEntry {
  const { segment, from, to, stored, sha256: sum, last, chain, coveredFrom, coveredTo, proves } = piece;
  return {
    segment,
    from,
    to,
    stored,
    sha256: sum,
    last,
    chain,
    coveredFrom: formatInstant(coveredFrom),
    coveredTo: formatInstant(coveredTo),
    proves: formatInstant(proves),
  };
}

function pieceOf(
  { timeline, hostId, node }: LogIndexHeader,
  { segment, from, to, stored, sha256: sum, last, chain, coveredFrom, coveredTo, proves }: LogIndexEntry,
  before: { readonly last: number; readonly chain: string },
): IndexedPiece {
  return {
    key: logPieceKey({ timeline, hostId, segment: { id: segment, file: '' }, from, to }),
    node,
    segment,
    from,
    to,
    stored,
    sha256: sum,
    first: before.last + 1,
    last,
    previous: before.chain,
    chain,
    coveredFrom: instantOf(coveredFrom),
    coveredTo: instantOf(coveredTo),
    proves: instantOf(proves),
  };
}

function isSame(one: IndexedPiece, other: IndexedPiece | undefined): boolean {
  return canonicalJson(one) === canonicalJson(other ?? {});
}

function entryIn(line: string, header: LogIndexHeader): LogIndexEntry {
  try {
    return logIndexEntry.parse(JSON.parse(line));
  } catch (cause) {
    throw logDamaged(named(header), 'one of its entries is no such entry', cause);
  }
}

function splitHeader(object: Uint8Array): { readonly header: LogIndexHeader; readonly length: number } {
  const end = object.subarray(0, longestHeader).indexOf(newline);
  if (end < 0) throw logDamaged('An index of the log', 'its beginning holds no header line');
  const line = Buffer.from(object.buffer, object.byteOffset, end).toString('utf8');
  let header: LogIndexHeader;
  try {
    header = logIndexHeader.read(line, 'The header of an index of the log');
  } catch (cause) {
    const why = asProblem(cause, 'Reading its header').happened.replace(/\.$/, '');
    throw logDamaged('An index of the log', why, cause);
  }
  // Written anew it must be the same text, check sum included: so no bit of the line is left unguarded.
  if (headerLine(header) !== line) throw logDamaged(named(header), 'its header does not match its check sum');
  if (header.objects > mostEntries) throw logDamaged(named(header), `it has ${header.objects} entries`);
  return { header, length: end + 1 };
}

function headerLine(header: LogIndexHeader): string {
  const { kind, version } = logIndexHeader;
  return JSON.stringify({ kind, version, ...header, check: sha256(canonicalJson(header)) });
}

function named({ first, last, node }: LogIndexHeader): string {
  return `The index of the log of ${node}, pieces ${first} to ${last}`;
}
