import { type Micros, formatInstant, instantOf, micros } from '../model/instant.ts';
import type { LogMark, LogPieceHeader, Watermark } from '../model/log-piece.ts';
import { logPieceKey } from '../model/log-piece.ts';
import { firstLink } from './piece-chain.ts';

/** An object found below a stream's prefix, with its header or with what is wrong with it. */
export type FoundPiece =
  | { readonly key: string; readonly header: LogPieceHeader }
  | { readonly key: string; readonly fault: string };

/** One object of a stream that counts: what it holds and where it stands in the chain. */
export interface StoredPiece {
  readonly key: string;
  readonly node: string;
  readonly segment: string;
  readonly from: number;
  readonly to: number;
  readonly sha256: string;
  /** Sequences, both inclusive. */
  readonly first: number;
  readonly last: number;
  readonly previous: string;
  readonly chain: string;
  readonly coveredFrom: Micros;
  readonly coveredTo: Micros;
}

/** Everything that the node acknowledged after `from` and up to `to` lies in the store, provably. */
export interface CoveredSpan {
  readonly from: Micros;
  readonly to: Micros;
  /** Why nothing is proved right after it; absent when it ends where the shipped log ends. */
  readonly ends?: string;
}

export interface LogFault {
  /** The object it is about. */
  readonly key: string;
  readonly reason: string;
}

/** A node's log on one timeline, as far as it can be believed. */
export interface VerifiedStream {
  readonly timeline: string;
  readonly hostId: string;
  readonly node: string;
  /** In log order, each sequence once. */
  readonly pieces: readonly StoredPiece[];
  /** Ascending. Two that touch are still apart when the chain between them is broken. */
  readonly covered: readonly CoveredSpan[];
  readonly marks: readonly LogMark[];
  readonly watermark: Watermark | undefined;
  readonly faults: readonly LogFault[];
}

/** How far what is proved may lag behind what a piece holds, microseconds: more than the longest wait of Cassandra for its disk that agents know of. */
export const longestLag = 120_000_000;

/**
 * The `coveredTo` from which on pieces have to be read for everything that was acknowledged after `start`: those with a lower one hold nothing of it.
 * `covered` are the pieces' in log order.
 */
export function readingFrom(covered: readonly Micros[], start: Micros): Micros {
  // Pieces of one go say what was proved before it. So those that say the last that is safely before the start may belong to it.
  return micros(covered.findLast((to) => to <= start - longestLag) ?? 0);
}

interface Found {
  readonly timeline: string;
  readonly hostId: string;
  /** In ascending order of the key. */
  readonly objects: readonly FoundPiece[];
  readonly watermark: Watermark | undefined;
  readonly marks: readonly LogMark[];
  readonly faults?: readonly LogFault[];
}

/**
 * Follows the chain of a stream through its objects and says what it proves. Never throws: what is missing, swapped, doubled, foreign or
 * contradicts itself is a fault with its reason, and what it made unprovable is not covered.
 */
export function verifyStream(found: Found): VerifiedStream {
  const { timeline, hostId, watermark, marks } = found;
  const faults: LogFault[] = [...(found.faults ?? [])];
  const headers: Array<{ key: string; header: LogPieceHeader }> = [];
  for (const object of found.objects) {
    const reason = 'fault' in object ? object.fault : faultOfPlace(object, timeline, hostId);
    if (reason !== undefined) faults.push({ key: object.key, reason });
    else if ('header' in object) headers.push(object);
  }
  const pieces = tile(headers, faults);
  const covered = coverage(found, pieces, faults);
  const node = watermark?.node ?? pieces.at(-1)?.node ?? marks.at(-1)?.node ?? hostId;
  return { timeline, hostId, node, pieces, covered, marks, watermark, faults };
}

/** The furthest instant to which everything acknowledged after `start` is proved; undefined when not even `start` is covered. */
export function reachFrom(
  stream: VerifiedStream,
  start: Micros,
): { readonly to: Micros; readonly ends?: string } | undefined {
  const span = stream.covered.findLast(({ from, to }) => from <= start && start <= to);
  if (span === undefined) return undefined;
  const { to, ends } = span;
  return ends === undefined ? { to } : { to, ends };
}

/** A piece must stand where its header says, or somebody put it there: another node's, another timeline's, or a second copy. */
function faultOfPlace(
  { key, header }: { key: string; header: LogPieceHeader },
  timeline: string,
  hostId: string,
): string | undefined {
  if (header.hostId !== hostId)
    return `it is a piece of the node ${header.node} (${header.hostId}) in the folder of another node`;
  if (header.timeline !== timeline)
    return `it is a piece of the timeline ${header.timeline} in the folder of another timeline`;
  const own = logPieceKey(header);
  if (own !== key) return `it is a copy of ${own}: its name does not agree with its header`;
  return undefined;
}

/** Chooses objects that hold every sequence once, longest first: a merged one replaces its parts, and parts replace a damaged merged one. */
function tile(
  headers: ReadonlyArray<{ key: string; header: LogPieceHeader }>,
  faults: LogFault[],
): readonly StoredPiece[] {
  const sorted = headers
    .map(({ key, header }) => ({ header, piece: storedPiece(key, header) }))
    .sort(
      (a, b) => a.piece.first - b.piece.first || b.piece.last - a.piece.last || (a.piece.key < b.piece.key ? -1 : 1),
    );
  const taken: StoredPiece[] = [];
  let holder: LogPieceHeader | undefined;
  for (const { header, piece } of sorted) {
    const before = taken.at(-1);
    if (before === undefined || piece.first > before.last) {
      taken.push(piece);
      holder = header;
    } else if (piece.last > before.last) {
      faults.push({
        key: piece.key,
        reason: `its pieces ${range(piece)} partly overlap those of ${before.key}`,
      });
    } else if (holder !== undefined && chainAt(holder, piece.last) !== piece.chain) {
      // The chain of its last piece is made over everything before it, so this one comparison is enough.
      faults.push({
        key: piece.key,
        reason: `it differs from ${before.key}, which holds the same pieces ${range(piece)}`,
      });
    }
  }
  return taken;
}

function coverage(
  { timeline, hostId, watermark }: Found,
  pieces: readonly StoredPiece[],
  faults: LogFault[],
): readonly CoveredSpan[] {
  const spans: CoveredSpan[] = [];
  let open = watermark === undefined ? undefined : beginning(instantOf(watermark.since));
  let head: Head = { last: 0, chain: firstLink(timeline, hostId), key: '' };
  for (const piece of pieces) {
    const broken = breakBetween(head, piece, faults);
    if (broken !== undefined) {
      // Retention removes the beginning of a stream, which is not a fault; whether a base needs it is decided for each base.
      if (head.last > 0 || piece.first === 1) faults.push({ key: piece.key, reason: broken });
      if (open !== undefined && open.to > open.from) spans.push({ from: open.from, to: open.to, ends: broken });
      open = beginning(piece.coveredFrom, true);
    }
    open ??= beginning(piece.coveredFrom);
    // What was written in one go is covered by the last piece of it, so of a torn one the rest proves nothing: it begins where the next did.
    if (open.torn && piece.coveredTo > open.to) open = beginning(piece.coveredTo);
    else open = { ...open, from: lesser(open.from, piece.coveredFrom), to: greater(open.to, piece.coveredTo) };
    head = piece;
  }
  if (open === undefined) return spans;
  const end = endOf(watermark, head, pieces, faults);
  if (end !== undefined) {
    // The two name different last pieces: one of them is wrong, so the last one proves nothing.
    const to = end.unproved === undefined ? open.to : lesser(open.to, end.unproved);
    return open.torn || to <= open.from ? spans : [...spans, { from: open.from, to, ends: end.reason }];
  }
  const to = watermark?.sequence === head.last ? greater(open.to, instantOf(watermark.at)) : open.to;
  // The watermark moves only after a whole go, and so ends a torn one as well. A stream that has just begun covers its first instant.
  return open.torn ? [...spans, { from: to, to }] : [...spans, { from: open.from, to }];
}

interface Head {
  readonly last: number;
  readonly chain: string;
  readonly key: string;
}

interface Open {
  readonly from: Micros;
  readonly to: Micros;
  /** Pieces before it are missing, and what they were written in one go with may be the next ones. */
  readonly torn: boolean;
}

function beginning(at: Micros, torn = false): Open {
  return { from: at, to: at, torn };
}

function breakBetween(head: Head, piece: StoredPiece, faults: readonly LogFault[]): string | undefined {
  const missing = { first: head.last + 1, last: piece.first - 1 };
  if (missing.first <= missing.last) {
    const culprits = faults.filter(({ key }) => key > head.key && key < piece.key);
    const why = culprits.map(({ key, reason }) => `; ${key}: ${reason}`).join('');
    return `${plural(missing)} missing before ${formatInstant(piece.coveredFrom)}${why}`;
  }
  if (piece.previous !== head.chain)
    return `piece ${piece.first} does not follow piece ${head.last}: the chain is broken between them`;
  return undefined;
}

/** What the watermark shows to be missing at the end. */
function endOf(
  watermark: Watermark | undefined,
  head: Head,
  pieces: readonly StoredPiece[],
  faults: LogFault[],
): { readonly reason: string; readonly unproved?: Micros } | undefined {
  if (watermark === undefined) return undefined;
  const { sequence, chain } = watermark;
  if (sequence > head.last) {
    const culprits = faults.filter(({ key }) => key > head.key).map(({ key, reason }) => `; ${key}: ${reason}`);
    const reason = `${plural({ first: head.last + 1, last: sequence })} missing at the end${culprits.join('')}`;
    faults.push({ key: head.key, reason });
    return { reason };
  }
  const named = pieces.find((piece) => piece.last === sequence);
  if (named === undefined || named.chain === chain) return undefined;
  const reason = `the watermark names a piece ${sequence} that differs from the one in the store`;
  faults.push({ key: named.key, reason });
  return sequence === head.last ? { reason, unproved: named.coveredFrom } : undefined;
}

function storedPiece(key: string, header: LogPieceHeader): StoredPiece {
  const { pieces, node, segment, from, to, sha256 } = header;
  const [first] = pieces;
  const last = pieces.at(-1);
  if (first === undefined || last === undefined) throw new TypeError('a piece without links was accepted');
  return {
    key,
    node,
    segment: segment.id,
    from,
    to,
    sha256,
    first: first.sequence,
    last: last.sequence,
    previous: first.previous,
    chain: last.chain,
    coveredFrom: instantOf(first.coveredFrom),
    coveredTo: instantOf(last.coveredTo),
  };
}

function chainAt({ pieces }: LogPieceHeader, sequence: number): string | undefined {
  const first = pieces[0]?.sequence ?? 0;
  return pieces[sequence - first]?.chain;
}

function range({ first, last }: { readonly first: number; readonly last: number }): string {
  return first === last ? String(first) : `${first}–${last}`;
}

function plural(missing: { readonly first: number; readonly last: number }): string {
  return missing.first === missing.last ? `piece ${missing.first} is` : `pieces ${range(missing)} are`;
}

function lesser(a: Micros, b: Micros): Micros {
  return a < b ? a : b;
}

function greater(a: Micros, b: Micros): Micros {
  return a > b ? a : b;
}
