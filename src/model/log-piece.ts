import { z } from 'zod';
import { documentType } from './document.ts';
import { timelineId } from './identifiers.ts';
import { instantText } from './instant.ts';

/**
 * A shipped piece of a node's commit log: the bytes `from` to `to` of one segment, always whole sections, as they lay in the segment file.
 * The object is one line of JSON (this header), a newline, then the bytes compressed with zstd. The pieces of a node on one timeline are a
 * chain: each names the `chain` of the one before, also across segments, so that a missing, swapped, doubled or foreign piece shows.
 * When a segment closes (and now and then before) adjacent pieces are merged into one object that lists them in `pieces`.
 */
const hash = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.number().int().nonnegative();

const link = {
  /** Counts from 1 within a node's stream on the timeline. */
  sequence: z.number().int().positive(),
  from: count,
  to: count,
  /** SHA-256 of the plain bytes `from` to `to`. */
  sha256: hash,
  /** `chain` of the piece before; of the first, `firstLink(timeline, hostId)`. */
  previous: hash,
  /**
   * Every mutation that this node's Cassandra acknowledged up to `coveredTo` (its own clock) lies in this piece or in one before it. The piece
   * may hold later ones, too: of what is shipped in one go, only the last piece moves `coveredTo` on, and what is proved lags behind what is
   * read. `coveredFrom` of a piece equals `coveredTo` of the one before, or of the watermark that followed it. Where to begin to read: see
   * `readingFrom`.
   */
  coveredFrom: instantText,
  coveredTo: instantText,
};

/** What `chain` is computed over: see `chainOf`. */
export const pieceLink = z.object({ ...link, chain: hash });
export type PieceLink = z.infer<typeof pieceLink>;

export const logPieceHeader = documentType('log-piece', 1, {
  timeline: timelineId,
  hostId: z.uuid(),
  /** Medusa's name of the node. */
  node: z.string(),
  segment: z.object({ id: z.string().regex(/^\d{1,19}$/), file: z.string() }),
  from: count,
  to: count,
  /** SHA-256 of all the plain bytes of this object. */
  sha256: hash,
  /** True when nothing follows `to` in the segment, and the next piece begins another one. */
  closesSegment: z.boolean(),
  /** One for a piece as shipped, all of them in order for a merged one. */
  pieces: z.array(pieceLink).min(1),
});
export type LogPieceHeader = z.infer<typeof logPieceHeader.body>;

/** `log/t0001/<host-id>/<segment-id>/0000000000-0000131072`: listing order is log order. */
export function logPieceKey(header: Pick<LogPieceHeader, 'timeline' | 'hostId' | 'segment' | 'from' | 'to'>): string {
  const offset = (value: number) => String(value).padStart(10, '0');
  return `${segmentPrefix(header, header.segment.id)}${offset(header.from)}-${offset(header.to)}`;
}

/** What the key of a piece says. */
export interface PiecePlace {
  /** Prefix of the segment's objects. */
  readonly folder: string;
  /** Id of the segment in 19 digits, so that the order of the texts is that of the numbers. */
  readonly segment: string;
  readonly from: number;
  readonly to: number;
}

/** Undefined for the key of anything else. */
export function placeOfPiece(key: string): PiecePlace | undefined {
  const [, folder, segment, from, to] = /^(.*\/(\d{19})\/)(\d{10,})-(\d{10,})$/.exec(key) ?? [];
  if (folder === undefined || segment === undefined) return undefined;
  return { folder, segment, from: Number(from), to: Number(to) };
}

/**
 * Of the objects of one segment, in any order: the widest ones that follow one another, in log order, and those whose bytes a wider one holds.
 * A merged object comes before its parts go, so for a while both are there.
 */
export function widestPieces<Piece extends { readonly from: number; readonly to: number }>(
  found: readonly Piece[],
): { readonly widest: Piece[]; readonly held: Piece[] } {
  const widest: Piece[] = [];
  const held: Piece[] = [];
  for (const piece of found.toSorted((a, b) => a.from - b.from || b.to - a.to)) {
    (piece.to <= (widest.at(-1)?.to ?? -1) ? held : widest).push(piece);
  }
  return { widest, held };
}

/** Prefix of all objects of one segment. */
export function segmentPrefix(
  { timeline, hostId }: Pick<LogPieceHeader, 'timeline' | 'hostId'>,
  id: string | bigint,
): string {
  return `${streamPrefix(timeline, hostId)}${segmentFolder(id)}/`;
}

/** Name of a segment's folder: 19 digits, so that the order of the texts is that of the numbers. */
export function segmentFolder(id: string | bigint): string {
  return String(id).padStart(19, '0');
}

/** Prefix of everything a node shipped on a timeline. */
export function streamPrefix(timeline: string, hostId: string): string {
  return `log/${timeline}/${hostId}/`;
}

/** The host id of a stream's prefix; undefined for another one. */
export function hostOfStream(prefix: string): string | undefined {
  return /^log\/[^/]+\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/$/.exec(prefix)?.[1];
}

/**
 * How far a node's stream has come, at `log/<timeline>/<host-id>/watermark.json`; replaced in place. On a quiet node it advances while no
 * piece is written. It names the head of the chain, so that a stream whose newest pieces were removed shows.
 */
export const watermarkDocument = documentType(
  'log-watermark',
  1,
  {
    timeline: timelineId,
    hostId: z.uuid(),
    node: z.string(),
    /** Everything that this node acknowledged on the timeline up to here is shipped, from `since` on, gaps aside. */
    at: instantText,
    /** When shipping of this stream began. */
    since: instantText,
    /** Zero and the first link before the first piece. */
    sequence: count,
    chain: hash,
    /** Largest lead of a mutation's write time over this node's clock seen so far, seconds: clocks of graph servers that run ahead. */
    clockLead: z.number().nonnegative().default(0),
    /**
     * The same with until when it was seen: each lead that was larger than all that were seen after it, so the largest come first. What is
     * older than the last of them tells nothing of later instants. Absent in those of before this was noted.
     */
    clockLeads: z.array(z.object({ until: instantText, seconds: z.number().positive() })).optional(),
    /**
     * The agent that ships, and how often it has replaced this: so that each replacement differs from the one before,
     * and a second agent sees that the first one lives.
     */
    writer: z.object({ id: z.string(), beat: count }).optional(),
  },
  { sealed: true },
);
export type Watermark = z.infer<typeof watermarkDocument.body>;

/** Leads of writers' clocks as the watermark tells of them, the largest first. */
export function leadsOf({ at, clockLead, clockLeads }: Watermark): readonly SeenLead[] {
  // When an older agent has seen it nobody knows: perhaps only now.
  return clockLeads ?? (clockLead > 0 ? [{ until: at, seconds: clockLead }] : []);
}

export type SeenLead = NonNullable<Watermark['clockLeads']>[number];

export function watermarkKey(timeline: string, hostId: string): string {
  return `${streamPrefix(timeline, hostId)}watermark.json`;
}

/**
 * Something that the shipped log of a node does not hold, at `log/<timeline>/<host-id>/marks/<at>-<what>.json`: restores to an instant at
 * or after `at` need a base taken after `until`.
 */
export const logMarkDocument = documentType(
  'log-mark',
  1,
  {
    timeline: timelineId,
    hostId: z.uuid(),
    node: z.string(),
    what: z.enum(['gap', 'truncate', 'bypass', 'schema']),
    /** The earliest instant that may be touched, and the latest. Equal when it is one moment. */
    at: instantText,
    until: instantText,
    /** For people: which table, which stream, which segment. */
    reason: z.string(),
  },
  { sealed: true },
);
export type LogMark = z.infer<typeof logMarkDocument.body>;

type NameOfMark = Pick<LogMark, 'timeline' | 'hostId' | 'at' | 'what'>;

export function logMarkKey(mark: NameOfMark): string {
  return `${logMarkFolders(mark.timeline, mark.hostId).marks}${nameOf(mark)}`;
}

/** Where the copy of a mark lies, which tells the same. */
export function logMarkCopyKey(mark: NameOfMark): string {
  return `${logMarkFolders(mark.timeline, mark.hostId).copies}${nameOf(mark)}`;
}

/**
 * Prefixes of a stream's marks and of their copies, where each has the same name. A mark hangs on no chain, so its copy is all that shows that
 * it was lost. It lies outside of the stream, where a Cardea from before there were copies looks at nothing.
 */
export function logMarkFolders(timeline: string, hostId: string): { readonly marks: string; readonly copies: string } {
  return { marks: `${streamPrefix(timeline, hostId)}marks/`, copies: `log-marks/${timeline}/${hostId}/` };
}

function nameOf({ at, what }: NameOfMark): string {
  return `${at.replaceAll(':', '')}-${what}.json`;
}
