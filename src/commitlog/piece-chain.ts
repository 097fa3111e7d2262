import { createHash } from 'node:crypto';
import { canonicalJson } from '../model/canonical-json.ts';
import type { PieceLink } from '../model/log-piece.ts';

/** What the first piece of a node on a timeline names as the one before it: a stream cannot be passed off as another node's or timeline's. */
export function firstLink(timeline: string, hostId: string): string {
  return sha256(`cardea log\n${timeline}\n${hostId}\n`);
}

/** The head of the chain after this piece: it depends on everything the piece says, on its segment and, through `previous`, on all before it. */
export function chainOf(link: Omit<PieceLink, 'chain'>, segmentId: string): string {
  return sha256(canonicalJson({ ...link, segment: segmentId }));
}

/** SHA-256 in hexadecimal. */
export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
