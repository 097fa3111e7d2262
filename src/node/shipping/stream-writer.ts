import { sha256 } from '../../model/sha256.ts';
import { chainOf, firstLink } from '../../commitlog/piece-chain.ts';
import { readPieceHeader, writePiece } from '../../commitlog/piece.ts';
import { formatInstant, instantOf, type Micros } from '../../model/instant.ts';
import {
  type LogMark,
  type LogPieceHeader,
  logMarkDocument,
  logMarkKey,
  logPieceKey,
  type PieceLink,
  type Watermark,
  watermarkDocument,
  watermarkKey,
} from '../../model/log-piece.ts';
import { createObject, type ObjectStore } from '../../ports/object-store.ts';
import { foreignStream } from './shipping-problems.ts';
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

/** The stream of one node on one timeline: its chain of pieces, its watermark and its marks in the bucket. One writer. */
export class StreamWriter {
  readonly timeline: Watermark['timeline'];
  readonly hostId: string;
  readonly node: string;
  readonly #bucket: ObjectStore;
  /** When coverage of the stream begins. */
  readonly since: Micros;
  #position: StreamPosition;
  #clockLead: number;
  #current: SegmentObjects | undefined;
  /** A put that may or may not have arrived: it is sent again as it was. */
  #pending: { readonly cargo: Cargo; readonly header: LogPieceHeader; readonly body: Uint8Array } | undefined;

  constructor(parts: {
    readonly bucket: ObjectStore;
    readonly timeline: Watermark['timeline'];
    readonly hostId: string;
    readonly node: string;
    readonly since: Micros;
    readonly clockLead: number;
    readonly position: StreamPosition;
    readonly current: SegmentObjects | undefined;
  }) {
    this.timeline = parts.timeline;
    this.hostId = parts.hostId;
    this.node = parts.node;
    this.#bucket = parts.bucket;
    this.since = parts.since;
    this.#clockLead = parts.clockLead;
    this.#position = parts.position;
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

  noteClockLead(seconds: number): void {
    this.#clockLead = Math.max(this.#clockLead, seconds);
  }

  /** Puts the piece, create-only; one that is there already with the same bytes is ours from before. Throws RefusedProblem `log-stream-foreign`. */
  async ship(cargo: Cargo): Promise<void> {
    this.#pending ??= await this.#prepare(cargo);
    const { header, body } = this.#pending;
    const [link] = header.pieces;
    if (link === undefined) throw new RangeError('a piece has a link');
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

  /** Replaces the watermark: everything acknowledged up to the instant is in. */
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
      clockLead: this.#clockLead,
    };
    await this.#bucket.put(watermarkKey(this.timeline, this.hostId), watermarkDocument.write(watermark));
    this.#position = { ...this.#position, covered: at };
  }

  /** Create-only: the same thing is told once. */
  async mark(what: LogMark['what'], at: Micros, until: Micros, reason: string): Promise<void> {
    const { timeline, hostId, node } = this;
    const mark: LogMark = { timeline, hostId, node, what, at: formatInstant(at), until: formatInstant(until), reason };
    await createObject(this.#bucket, logMarkKey(mark), logMarkDocument.write(mark));
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
    const [there, ...more] = stored === undefined ? [] : readPieceHeader(stored.body).pieces;
    // Covered instants may differ when an agent that died had sent it.
    const same = there?.sequence === link.sequence && there.previous === link.previous && there.sha256 === link.sha256;
    if (there === undefined || more.length > 0 || !same) throw foreignStream(this.node, key);
    return there;
  }
}
