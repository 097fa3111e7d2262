import { z } from 'zod';
import { documentType } from './document.ts';
import { timelineId } from './identifiers.ts';
import { instantText } from './instant.ts';
import { streamPrefix } from './log-piece.ts';

/**
 * An index of a node's shipped log: which objects hold an unbroken run of pieces, all of segments that get no more of them. Whoever asks how
 * far the log reaches reads a line for an hour or a day of it, and not the header of each object. It says nothing that the objects do not say
 * themselves: without it they are read. The object is one line of JSON (this header), a newline, then its entries, a line of JSON each,
 * compressed with zstd.
 */
const hash = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.number().int().nonnegative();
const positive = z.number().int().positive();
const segmentId = z.string().regex(/^\d{1,19}$/);

export const logIndexHeader = documentType('log-index', 1, {
  timeline: timelineId,
  hostId: z.uuid(),
  /** Medusa's name of the node. */
  node: z.string(),
  /** All objects of these segments and of those between. */
  firstSegment: segmentId,
  lastSegment: segmentId,
  /** Sequences of the pieces, both inclusive. */
  first: positive,
  last: positive,
  /** `chain` of the piece before the first, and of the last one. */
  previous: hash,
  chain: hash,
  coveredFrom: instantText,
  coveredTo: instantText,
  /** From here on it covers, also where what comes before it is missing. */
  proves: instantText,
  objects: positive,
  /** Of the log, and as it lies in the store. */
  plainBytes: count,
  storedBytes: count,
  /** SHA-256 of `listedLine` of each object, in the order of a listing: that they are all there shows without a look at the entries. */
  listing: hash,
  /** SHA-256 of the entries, as text. */
  entries: hash,
});
export type LogIndexHeader = z.infer<typeof logIndexHeader.body>;

/** One object of the log. It follows the one before: its first piece is the next after `last`, and names `chain`. */
export const logIndexEntry = z.object({
  segment: segmentId,
  from: count,
  to: count,
  /** Size of the object, bytes. */
  stored: count,
  /** SHA-256 of its plain bytes. */
  sha256: hash,
  last: positive,
  chain: hash,
  coveredFrom: instantText,
  coveredTo: instantText,
  proves: instantText,
});
export type LogIndexEntry = z.infer<typeof logIndexEntry>;

/** `log/t0001/<host-id>/index/0000000000000001-0000000000000112`: by the sequences of its pieces. */
export function logIndexKey(header: Pick<LogIndexHeader, 'timeline' | 'hostId' | 'first' | 'last'>): string {
  const sequence = (value: number) => String(value).padStart(16, '0');
  return `${logIndexPrefix(header.timeline, header.hostId)}${sequence(header.first)}-${sequence(header.last)}`;
}

export function logIndexPrefix(timeline: string, hostId: string): string {
  return `${streamPrefix(timeline, hostId)}index/`;
}

/** The sequences that the key of an index names; undefined for another key. */
export function runOfIndex(key: string): { readonly from: number; readonly to: number } | undefined {
  const [, first, last] = /\/index\/(\d{16})-(\d{16})$/.exec(key) ?? [];
  return first === undefined || last === undefined ? undefined : { from: Number(first), to: Number(last) };
}

/** What `listing` is computed over. */
export function listedLine({ key, bytes }: { readonly key: string; readonly bytes: number }): string {
  return `${key} ${bytes}\n`;
}
