import type { Micros } from '../../model/instant.ts';
import { clockLead } from './clock-lead.ts';
import type { StreamWriter } from './stream-writer.ts';
import type { LogTail } from './log-tail.ts';
import type { SegmentObjects } from './segment-objects.ts';
import type { SegmentTail } from './segment-tail.ts';

/** Plain bytes of a piece, about: so much stands in memory at once. */
const pieceBytes = 4 * 1024 * 1024;

/** A segment that is in the stream to its end. */
export interface Finished {
  readonly tail: SegmentTail;
  /** Undefined when nothing was ever written into it. */
  readonly objects: SegmentObjects | undefined;
}

export interface Round {
  /** The node's clock when it begins. */
  readonly now: Micros;
  /** What may be called covered once all that was found is shipped. */
  readonly claims: () => Micros;
  /** Awaited before a piece says so: what was lost in this round is told first. */
  readonly beforeClaim: () => Promise<void>;
  readonly onFinished: (finished: Finished) => void;
}

/** Ships every whole section that was found when it began; resolves with the bytes shipped and the segments that are done. */
export async function shipRound(
  tail: LogTail,
  stream: StreamWriter,
  { now, claims, beforeClaim, onFinished }: Round,
): Promise<{ readonly bytes: number }> {
  await answerFirst(tail, stream);
  const covered = claims();
  const goal = new Map(tail.readable.map((segment) => [segment, segment.end]));
  let bytes = 0;
  for (let head = tail.head; head !== undefined; head = tail.head) {
    const end = goal.get(head);
    if (end === undefined) break;
    const whole = tail.headIsWhole;
    for (let next = head.next(pieceBytes); next !== undefined && next.from < end; next = head.next(pieceBytes)) {
      const last = isLast(goal, head, next.to);
      if (last) await beforeClaim();
      bytes += await shipPart(tail, stream, { head, ...next, now, covered: last ? covered : stream.position.covered });
    }
    if (!whole || head.sections.length > 0) break;
    const objects = stream.current?.segment.id === String(head.id) ? stream.current : undefined;
    tail.finishHead();
    onFinished({ tail: head, objects });
  }
  return { bytes };
}

/** A piece whose put did not answer the last time is sent again as it was, before any other. */
async function answerFirst(tail: LogTail, stream: StreamWriter): Promise<void> {
  const cargo = stream.unanswered;
  if (cargo === undefined) return;
  await stream.ship(cargo);
  if (tail.head?.id === cargo.segment.id) tail.head.took(cargo.to);
}

/** Whole sections of a segment. */
interface Part {
  readonly head: SegmentTail;
  readonly from: number;
  readonly to: number;
  /** Everything acknowledged up to here is in the stream with it. */
  readonly covered: Micros;
  readonly now: Micros;
}

async function shipPart(tail: LogTail, stream: StreamWriter, { head, from, to, covered, now }: Part): Promise<number> {
  // The first piece of a segment begins with its header, for it says how the sections are compressed.
  const begin = from === head.header?.length ? 0 : from;
  const plain = await tail.holding(head, async () => head.read(begin, to, tail.memory(to - begin)));
  await stream.ship({
    segment: { id: head.id, file: head.file },
    from: begin,
    to,
    plain,
    closesSegment: false,
    covered,
  });
  stream.noteClockLead(clockLead(plain, from - begin, now), now);
  head.took(to);
  return plain.length;
}

function isLast(goal: ReadonlyMap<SegmentTail, number>, head: SegmentTail, to: number): boolean {
  const segments = [...goal];
  const at = segments.findIndex(([segment]) => segment === head);
  return to >= (goal.get(head) ?? 0) && segments.slice(at + 1).every(([segment]) => segment.sections.length === 0);
}
