import { sha256 } from '../model/sha256.ts';
import type { PieceLink } from '../model/log-piece.ts';

/** What the first piece of a node on a timeline names as the one before it: a stream cannot be passed off as another node's or timeline's. */
export function firstLink(timeline: string, hostId: string): string {
  return sha256(`cardea log\n${timeline}\n${hostId}\n`);
}

/** The head of the chain after this piece: it depends on everything the piece says, on its segment and, through `previous`, on all before it. */
export function chainOf(link: Omit<PieceLink, 'chain'>, segmentId: string): string {
  const { sequence, from, to, sha256: sum, previous, coveredFrom, coveredTo } = link;
  // The canonical JSON of the link and its segment, written out: there is one for every piece of every header that is read.
  const text =
    `{"coveredFrom":${JSON.stringify(coveredFrom)},"coveredTo":${JSON.stringify(coveredTo)},"from":${from},` +
    `"previous":${JSON.stringify(previous)},"segment":${JSON.stringify(segmentId)},"sequence":${sequence},` +
    `"sha256":${JSON.stringify(sum)},"to":${to}}`;
  return sha256(text);
}
