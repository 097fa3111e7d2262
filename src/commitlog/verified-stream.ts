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
  /** From here on it covers, also where what comes before it is missing: the end of the first go of which it holds the end. */
  readonly proves: Micros;
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
  /** Sequence of the first piece that the store holds; 1 when it holds none. */
  readonly first: number;
  /** Those that were asked for, in log order, each sequence once. */
  readonly pieces: readonly StoredPiece[];
  /** Ascending. Two that touch are still apart when the chain between them is broken. */
  readonly covered: readonly CoveredSpan[];
  readonly marks: readonly LogMark[];
  readonly watermark: Watermark | undefined;
  readonly faults: readonly LogFault[];
  /**
   * Plain bytes of what was read of it: of the time since the instant that was asked for. What an index tells together
   * is shared out by time.
   */
  readonly bytes: number;
}

/**
 * A restore opens its timeline shortly before it tells the agents to ship on it, and nobody can write until they do. So
 * a stream whose first piece begins in that time, in microseconds, holds everything of the timeline, but for what its
 * marks tell. A stream that began later may lack segments that Cassandra had already deleted.
 */
export const openingTime = 120_000_000;

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

/** Pieces of a stream that follow one another: of one object, or of all that an index tells of. */
export type PieceRun = Omit<StoredPiece, 'segment' | 'from' | 'to' | 'sha256'>;

interface FoldedStream {
  readonly timeline: string;
  readonly hostId: string;
  readonly watermark: Watermark | undefined;
  /** What was wrong before any object was read. */
  readonly faults: LogFault[];
  /** Pieces that reach beyond it are kept, and a little more; undefined for none. */
  readonly piecesSince: Micros | undefined;
  /** From when on bytes are counted; undefined for all. */
  readonly bytesSince?: Micros | undefined;
}

/**
 * Follows the chain of a stream through its objects, in log order and in constant memory, and says what it proves. Never throws: what is
 * missing, swapped, doubled, foreign or contradicts itself is a fault with its reason, and what it made unprovable is not covered.
 */
export class StreamFold {
  readonly #stream: FoldedStream;
  readonly #spans: CoveredSpan[] = [];
  readonly #pieces: StoredPiece[] = [];
  #open: Open | undefined;
  #head: Head;
  /** The header of the head, where it was read. */
  #holder: LogPieceHeader | undefined;
  #first: number | undefined;
  #node: string | undefined;
  /** The run that ends with the piece that the watermark names. */
  #named: PieceRun | undefined;
  #lastFrom: Micros | undefined;
  #bytes = 0;

  constructor(stream: FoldedStream) {
    const { watermark, timeline, hostId } = stream;
    this.#stream = stream;
    this.#open = watermark === undefined ? undefined : beginning(instantOf(watermark.since));
    this.#head = { last: 0, chain: firstLink(timeline, hostId), key: '' };
  }

  get faults(): readonly LogFault[] {
    return this.#stream.faults;
  }

  /** Whether the run begins where what was read until now ends. */
  follows({ first, previous }: Pick<PieceRun, 'first' | 'previous'>): boolean {
    return first === this.#head.last + 1 && previous === this.#head.chain;
  }

  /** All objects of one segment, in any order. The longest come first: a merged one replaces its parts, and parts replace a damaged merged one. */
  addSegment(objects: readonly FoundPiece[]): void {
    const { timeline, hostId, faults } = this.#stream;
    const found: Array<{ readonly header: LogPieceHeader; readonly piece: StoredPiece }> = [];
    for (const object of objects) {
      const reason = 'fault' in object ? object.fault : faultOfPlace(object, timeline, hostId);
      if (reason !== undefined) faults.push({ key: object.key, reason });
      else if ('header' in object) found.push({ header: object.header, piece: storedPiece(object.key, object.header) });
    }
    const sorted = found.sort(
      (a, b) => a.piece.first - b.piece.first || b.piece.last - a.piece.last || (a.piece.key < b.piece.key ? -1 : 1),
    );
    for (const { header, piece } of sorted) this.#addPiece(header, piece);
  }

  /** What an index tells of objects that were all found, one by one. */
  addIndexed(piece: StoredPiece): void {
    if (this.#repeats(piece)) return;
    this.#keep(piece);
    this.#append(piece, piece.to - piece.from);
  }

  /** What an index tells of them together. `bytes`: plain. */
  addRun(run: PieceRun, bytes: number): void {
    if (!this.#repeats(run)) this.#append(run, bytes);
  }

  #repeats(run: PieceRun): boolean {
    const { last, key } = this.#head;
    if (run.first > last) return false;
    this.#stream.faults.push({ key: run.key, reason: `its pieces ${range(run)} repeat those of ${key}` });
    return true;
  }

  #append(run: PieceRun, bytes: number): void {
    const { faults, watermark, bytesSince } = this.#stream;
    this.#bytes += bytes * shareAfter(run, bytesSince);
    const broken = breakBetween(this.#head, run, faults);
    if (broken !== undefined) {
      // Retention removes the beginning of a stream, which is not a fault; whether a base needs it is decided for each base.
      if (this.#head.last > 0 || run.first === 1) faults.push({ key: run.key, reason: broken });
      if (this.#open !== undefined && this.#open.to > this.#open.from) {
        this.#spans.push({ from: this.#open.from, to: this.#open.to, ends: broken });
      }
      this.#open = beginning(run.coveredFrom, true);
    }
    const open = this.#open ?? beginning(run.coveredFrom);
    // What was written in one go is covered by the last piece of it, so of a torn one the rest proves nothing: it begins where the next did.
    if (open.torn && run.coveredTo > open.to) this.#open = { from: run.proves, to: run.coveredTo, torn: false };
    else this.#open = { ...open, from: lesser(open.from, run.coveredFrom), to: greater(open.to, run.coveredTo) };
    this.#head = { last: run.last, chain: run.chain, key: run.key };
    this.#holder = undefined;
    this.#first ??= run.first;
    this.#node = run.node;
    this.#lastFrom = run.coveredFrom;
    if (run.last === watermark?.sequence) this.#named = run;
  }

  end(marks: readonly LogMark[]): VerifiedStream {
    const { timeline, hostId, watermark, faults } = this.#stream;
    const covered = this.#coverage();
    const node = watermark?.node ?? this.#node ?? marks.at(-1)?.node ?? hostId;
    const first = this.#first ?? 1;
    const bytes = Math.round(this.#bytes);
    return { timeline, hostId, node, first, pieces: this.#pieces, covered, marks, watermark, faults, bytes };
  }

  #addPiece(header: LogPieceHeader, piece: StoredPiece): void {
    const { faults } = this.#stream;
    const before = this.#head;
    if (piece.first > before.last) {
      this.#keep(piece);
      this.#append(piece, piece.to - piece.from);
      this.#holder = header;
    } else if (piece.last > before.last) {
      const reason = `its pieces ${range(piece)} partly overlap those of ${before.key}`;
      faults.push({ key: piece.key, reason });
    } else if (this.#holder !== undefined && chainAt(this.#holder, piece.last) !== piece.chain) {
      // The chain of its last piece is made over everything before it, so this one comparison is enough.
      const reason = `it differs from ${before.key}, which holds the same pieces ${range(piece)}`;
      faults.push({ key: piece.key, reason });
    }
  }

  #keep(piece: StoredPiece): void {
    const { piecesSince } = this.#stream;
    if (piecesSince === undefined) return;
    // Of those before it only the last may still be read, and what was shipped in one go with it: see `readingFrom`.
    while (piece.coveredTo <= piecesSince - longestLag) {
      const [earliest] = this.#pieces;
      if (earliest === undefined || earliest.coveredTo >= piece.coveredTo) break;
      this.#pieces.shift();
    }
    this.#pieces.push(piece);
  }

  #coverage(): readonly CoveredSpan[] {
    const { watermark, faults } = this.#stream;
    const open = this.#open;
    if (open === undefined) return this.#spans;
    const end = watermark === undefined ? undefined : this.#endOf(watermark, faults);
    if (end !== undefined) {
      // The two name different last pieces: one of them is wrong, so the last one proves nothing.
      const to = end.unproved === undefined ? open.to : lesser(open.to, end.unproved);
      return open.torn || to <= open.from ? this.#spans : [...this.#spans, { from: open.from, to, ends: end.reason }];
    }
    const to = watermark?.sequence === this.#head.last ? greater(open.to, instantOf(watermark.at)) : open.to;
    // The watermark moves only after a whole go, and so ends a torn one as well. A stream that has just begun covers its first instant.
    return open.torn ? [...this.#spans, { from: to, to }] : [...this.#spans, { from: open.from, to }];
  }

  /** What the watermark shows to be missing at the end. */
  #endOf(
    { sequence, chain }: Watermark,
    faults: LogFault[],
  ): { readonly reason: string; readonly unproved?: Micros } | undefined {
    const head = this.#head;
    if (sequence > head.last) {
      const culprits = faults.filter(({ key }) => key > head.key).map(({ key, reason }) => `; ${key}: ${reason}`);
      const reason = `${plural({ first: head.last + 1, last: sequence })} missing at the end${culprits.join('')}`;
      faults.push({ key: head.key, reason });
      return { reason };
    }
    if (this.#named === undefined || this.#named.chain === chain) return undefined;
    const reason = `the watermark names a piece ${sequence} that differs from the one in the store`;
    faults.push({ key: this.#named.key, reason });
    if (sequence !== head.last || this.#lastFrom === undefined) return undefined;
    return { reason, unproved: this.#lastFrom };
  }
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

/** Which part of a run is of the time after an instant, 0 to 1. */
function shareAfter({ coveredFrom, coveredTo }: PieceRun, instant: Micros | undefined): number {
  if (instant === undefined || coveredFrom >= instant) return 1;
  if (coveredTo <= instant) return 0;
  return (coveredTo - instant) / (coveredTo - coveredFrom);
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

function breakBetween(head: Head, piece: PieceRun, faults: readonly LogFault[]): string | undefined {
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

export function storedPiece(key: string, header: LogPieceHeader): StoredPiece {
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
    proves: instantOf((pieces.find(({ coveredTo }) => coveredTo > first.coveredFrom) ?? last).coveredTo),
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
