import { readingObject } from '../../commitlog/log-damage.ts';
import { sha256 } from '../../model/sha256.ts';
import { chainOf, firstLink } from '../../commitlog/piece-chain.ts';
import { readPieceHeader, writePiece } from '../../commitlog/piece.ts';
import { formatInstant, instantOf, type Micros, micros } from '../../model/instant.ts';
import {
  type LogMark,
  type LogPieceHeader,
  logPieceKey,
  type PieceLink,
  type SeenLead,
  type Watermark,
  watermarkDocument,
  watermarkKey,
} from '../../model/log-piece.ts';
import type { Clock } from '../../ports/clock.ts';
import { ConflictProblem, createObject, type ObjectStore } from '../../ports/object-store.ts';
import { putMark } from '../../ports/log-marks.ts';
import type { HeldWatermark } from './stream-claim.ts';
import { hasMark, readMark } from './stored-marks.ts';
import { foreignStream, unsteadyStream } from './shipping-problems.ts';
import { SegmentObjects } from './segment-objects.ts';
import type { StreamPosition } from './stream-position.ts';

/** Bytes of one segment that become a piece. */
export interface Cargo {
  readonly segment: { readonly id: bigint; readonly file: string };
  readonly from: number;
  readonly to: number;
  readonly plain: Uint8Array;
  readonly closesSegment: boolean;
  /** Everything acknowledged up to here lies in the stream once this is in. */
  readonly covered: Micros;
}

/** Puts without an answer that are remembered: some hours of a store that is away. */
const mostKnown = 2000;
/** Characters of a mark's reason. */
const mostReason = 2000;
/** Leads of clocks that a watermark tells of. */
const mostLeads = 8;
/** Seconds for which nobody else can have taken the stream over, after its watermark was replaced. */
const surelyOurs = 5;

/**
 * The stream of one node on one timeline: its chain of pieces, its watermark and its marks in the bucket. It has one
 * writer. The watermark is replaced only as this writer left it, and before a piece when that was long ago: so a writer
 * that another has taken the stream from, while its machine was paused perhaps, finds out before it puts anything.
 */
export class StreamWriter {
  readonly timeline: Watermark['timeline'];
  readonly hostId: string;
  readonly node: string;
  readonly #bucket: ObjectStore;
  readonly #clock: Clock;
  readonly #writer: string;
  #held: Pick<HeldWatermark, 'etag'> | undefined;
  /** The text that stands as far as this writer knows, and those whose put did not answer: one of them may stand. */
  #known: string[];
  #beat: number;
  /** Monotonic seconds: the stream was this writer's after it. */
  #oursAt = Number.NEGATIVE_INFINITY;
  /** When coverage of the stream begins. */
  readonly since: Micros;
  /** Up to here the stream was covered when this writer took it up. */
  readonly resumedAt: Micros;
  #position: StreamPosition;
  #clockLeads: readonly SeenLead[];
  #current: SegmentObjects | undefined;
  /** A put that may or may not have arrived: it is sent again as it was. */
  #pending: { readonly cargo: Cargo; readonly header: LogPieceHeader; readonly body: Uint8Array } | undefined;

  constructor(parts: {
    readonly bucket: ObjectStore;
    readonly clock: Clock;
    readonly writer: string;
    /** The watermark as this writer last read or wrote it; undefined when there was none. */
    readonly held: HeldWatermark | undefined;
    readonly timeline: Watermark['timeline'];
    readonly hostId: string;
    readonly node: string;
    readonly since: Micros;
    /** Leads of writers' clocks that were seen before, the largest first. */
    readonly clockLeads: readonly SeenLead[];
    readonly position: StreamPosition;
    readonly current: SegmentObjects | undefined;
  }) {
    this.timeline = parts.timeline;
    this.hostId = parts.hostId;
    this.node = parts.node;
    this.#bucket = parts.bucket;
    this.#clock = parts.clock;
    this.#writer = parts.writer;
    this.#held = parts.held;
    this.#known = parts.held === undefined ? [] : [parts.held.text];
    this.#beat = parts.held?.beat ?? 0;
    this.since = parts.since;
    this.#clockLeads = parts.clockLeads;
    this.#position = parts.position;
    this.resumedAt = parts.position.covered;
    this.#current = parts.current;
  }

  get position(): StreamPosition {
    return this.#position;
  }

  /** What the store holds of the segment that the position is in. */
  get current(): SegmentObjects | undefined {
    return this.#current;
  }

  /** A piece that was begun and whose put did not answer: it has to be shipped before any other. */
  get unanswered(): Cargo | undefined {
    return this.#pending?.cargo;
  }

  /** Seconds since it was last certain that no other writer has the stream. */
  get secondsOurs(): number {
    return this.#clock.monotonic() - this.#oursAt;
  }

  /** A write was that much later than the clock of this node, which showed `at`. */
  noteClockLead(seconds: number, at: Micros): void {
    if (seconds <= 0) return;
    const until = formatInstant(at);
    const larger = this.#clockLeads.filter((lead) => lead.seconds > seconds);
    const smallest = larger.at(-1);
    // Of too many the two smallest become one, which is as large as the larger and as late as the later.
    this.#clockLeads =
      larger.length < mostLeads || smallest === undefined
        ? [...larger, { until, seconds }]
        : [...larger.slice(0, -1), { until, seconds: smallest.seconds }];
  }

  /** Puts the piece, create-only; one that is there already with the same bytes is ours from before. Throws RefusedProblem `log-stream-foreign`. */
  async ship(cargo: Cargo): Promise<void> {
    this.#pending ??= await this.#prepare(cargo);
    const { header, body } = this.#pending;
    const [link] = header.pieces;
    if (link === undefined) throw new RangeError('a piece has a link');
    if (this.secondsOurs >= surelyOurs) await this.reach(this.#position.covered);
    const key = logPieceKey(header);
    const stored = await this.#putOrAdopt(key, link, body);
    if (header.segment.id !== this.#current?.segment.id) this.#current = new SegmentObjects(this.#bucket, header, []);
    this.#current.add({ key, from: header.from, to: header.to, pieces: [stored] }, header.closesSegment);
    this.#position = {
      segment: { ...header.segment, to: header.to, closed: header.closesSegment },
      sequence: stored.sequence,
      chain: stored.chain,
      covered: instantOf(stored.coveredTo),
    };
    this.#pending = undefined;
  }

  /**
   * Replaces the watermark: everything acknowledged up to the instant is in. Throws RefusedProblem `log-stream-foreign`
   * when another writer has replaced it since.
   */
  async reach(covered: Micros): Promise<void> {
    const at = Math.max(covered, this.#position.covered) as Micros;
    const watermark: Watermark = {
      timeline: this.timeline,
      hostId: this.hostId,
      node: this.node,
      at: formatInstant(at),
      since: formatInstant(this.since),
      sequence: this.#position.sequence,
      chain: this.#position.chain,
      clockLead: this.#clockLeads[0]?.seconds ?? 0,
      clockLeads: [...this.#clockLeads],
      writer: { id: this.#writer, beat: this.#beat + 1 },
    };
    this.#beat += 1;
    const from = this.#clock.monotonic();
    const text = watermarkDocument.write(watermark);
    this.#held = { etag: await this.#replace(text) };
    this.#known = [text];
    this.#oursAt = from;
    this.#position = { ...this.#position, covered: at };
  }

  /** The clock was set back: what is covered stays the same, and has an earlier time now. */
  setBack(by: number): void {
    this.#position = { ...this.#position, covered: micros(this.#position.covered - by) };
  }

  /** The same thing is told once. A mark that cannot be read is told again. */
  async mark(what: LogMark['what'], at: Micros, until: Micros, reason: string): Promise<void> {
    if (await hasMark(this.#bucket, this.#markOf(what, at, until, reason))) return;
    // A copy without it is of a put that came half-way: what was seen since then counts, too.
    await this.widenMark(what, at, until, reason);
  }

  /** A mark that there is of the same instant is made to say both. */
  async widenMark(what: LogMark['what'], at: Micros, until: Micros, reason: string): Promise<void> {
    const before = await readMark(this.#bucket, this.#markOf(what, at, until, reason));
    if (before === undefined) return this.extendMark(what, at, until, reason);
    const reasons = before.reason.includes(reason) ? before.reason : `${before.reason}; ${reason}`.slice(0, mostReason);
    const later = Math.max(instantOf(before.until), until) as Micros;
    await this.extendMark(what, at, later, reasons);
  }

  /** A mark of something that goes on: its end is replaced. */
  async extendMark(what: LogMark['what'], at: Micros, until: Micros, reason: string): Promise<void> {
    await putMark(this.#bucket, this.#markOf(what, at, until, reason));
  }

  #markOf(what: LogMark['what'], at: Micros, until: Micros, reason: string): LogMark {
    const { timeline, hostId, node } = this;
    return { timeline, hostId, node, what, at: formatInstant(at), until: formatInstant(until), reason };
  }

  /**
   * Resolves with the etag. A store that goes away in the middle may say of an object that it is not there, or not as it
   * was; only one that is there and not from this writer is from another.
   */
  async #replace(text: string): Promise<string> {
    const key = watermarkKey(this.timeline, this.hostId);
    this.#known = [...this.#known.slice(-mostKnown), text];
    let etag = this.#held?.etag;
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      try {
        return (await this.#bucket.put(key, text, etag === undefined ? { ifAbsent: true } : { ifMatch: etag })).etag;
      } catch (thrown) {
        if (!(thrown instanceof ConflictProblem)) throw thrown;
      }
      const stored = await this.#bucket.get(key);
      const there = stored === undefined ? undefined : new TextDecoder().decode(stored.body);
      if (there !== undefined && !this.#known.includes(there)) throw foreignStream(this.node, key);
      if (stored !== undefined && there === text) return stored.etag;
      etag = stored?.etag;
    }
    throw unsteadyStream(this.node, key);
  }

  async #prepare(cargo: Cargo) {
    const { segment, from, to, plain, closesSegment, covered } = cargo;
    const { sequence, chain, covered: coveredFrom } = this.#position;
    const hash = sha256(plain);
    const link: Omit<PieceLink, 'chain'> = {
      sequence: sequence + 1,
      from,
      to,
      sha256: hash,
      previous: sequence === 0 ? firstLink(this.timeline, this.hostId) : chain,
      coveredFrom: formatInstant(coveredFrom),
      coveredTo: formatInstant(Math.max(covered, coveredFrom) as Micros),
    };
    const id = String(segment.id);
    const header: LogPieceHeader = {
      timeline: this.timeline,
      hostId: this.hostId,
      node: this.node,
      segment: { id, file: segment.file },
      from,
      to,
      sha256: hash,
      closesSegment,
      pieces: [{ ...link, chain: chainOf(link, id) }],
    };
    return { cargo, header, body: await writePiece(header, plain) };
  }

  async #putOrAdopt(key: string, link: PieceLink, body: Uint8Array): Promise<PieceLink> {
    if (await createObject(this.#bucket, key, body)) return link;
    const stored = await this.#bucket.get(key);
    const [there, ...more] =
      stored === undefined ? [] : (await readingObject(key, () => readPieceHeader(stored.body))).pieces;
    // Covered instants may differ when an agent that died had sent it.
    const same = there?.sequence === link.sequence && there.previous === link.previous && there.sha256 === link.sha256;
    if (there === undefined || more.length > 0 || !same) throw foreignStream(this.node, key);
    return there;
  }
}
