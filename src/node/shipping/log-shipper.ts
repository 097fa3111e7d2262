import { readingObject } from '../../commitlog/log-damage.ts';
import { isEmptySegment, largestEmptySegment } from '../../commitlog/empty-segment.ts';
import { readPiece } from '../../commitlog/piece.ts';
import { tracedDocument } from '../../model/fault-trace.ts';
import { instantOf, type Micros, micros, microsOf } from '../../model/instant.ts';
import { segmentPrefix, type Watermark } from '../../model/log-piece.ts';
import { asProblem } from '../../model/problem.ts';
import type { AgentLog } from '../../ports/agent-log.ts';
import type { Clock } from '../../ports/clock.ts';
import type { LogFiles } from '../../ports/log-files.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { claimStream, heartbeatSeconds } from './stream-claim.ts';
import { StreamWriter } from './stream-writer.ts';
import { LogIndexer } from './log-indexer.ts';
import { LogTail, type Running, segmentId, type TailSettings } from './log-tail.ts';
import type { ReadBack, SegmentObjects } from './segment-objects.ts';
import { type Finished, shipRound } from './ship-round.ts';
import { findSegment, findStream } from './stream-position.ts';

export interface ShipperParts {
  readonly node: string;
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly bucket: ObjectStore;
  readonly files: LogFiles;
  readonly settings: TailSettings;
  readonly running: () => Promise<Running>;
}

/** Which stream a shipper ships, and as whom. */
export interface ShipperStream {
  readonly timeline: Watermark['timeline'];
  readonly hostId: string;
  /** Segments up to it belong to no stream. */
  readonly after: string | null;
  /** The same after a restart of the agent, and another for every other agent. */
  readonly writer: string;
}

/** Microseconds between watermarks while nothing is written. */
const quietMicros = 1e6;

/**
 * Ships one node's log on one timeline to the bucket. `look` and `ship` may run at the same time, but each only once.
 */
export class LogShipper {
  readonly stream: StreamWriter;
  readonly tail: LogTail;
  readonly #parts: ShipperParts;
  #watermark: Micros | undefined;
  /** Gaps that were found but not yet marked. */
  #gapUntil: Micros | undefined;
  #gapReasons: string[] = [];
  #merging: Promise<void> = Promise.resolve();
  /** Segments that are shipped and whose merge has not ended. */
  readonly #unmerged = new Set<bigint>();
  readonly #indexer: LogIndexer;
  #closing = false;
  #merges = 0;

  private constructor(parts: ShipperParts, stream: StreamWriter, tail: LogTail) {
    this.#parts = parts;
    this.stream = stream;
    this.tail = tail;
    const { timeline, hostId, node } = stream;
    this.#indexer = new LogIndexer({
      bucket: parts.bucket,
      timeline,
      hostId,
      node,
      isFinished: (segment) => segment < BigInt(stream.position.segment?.id ?? 0) && !this.#unmerged.has(segment),
    });
  }

  /**
   * Continues the stream where the bucket says that it ends, or begins one. Throws RefusedProblem `log-stream-foreign`
   * when another agent ships it.
   */
  static async open(
    parts: ShipperParts,
    { timeline, hostId, after, writer }: ShipperStream,
    signal?: AbortSignal,
  ): Promise<LogShipper> {
    const { bucket, clock, files, node } = parts;
    const held = await claimStream(bucket, clock, { timeline, hostId, node }, writer, signal);
    const now = microsOf(clock.now());
    const found = await findStream(bucket, timeline, hostId, now);
    const { position, current, watermark } = found;
    const since = watermark === undefined ? position.covered : instantOf(watermark.since);
    const stream = new StreamWriter({
      bucket,
      clock,
      writer,
      held,
      timeline,
      hostId,
      node,
      since,
      clockLead: watermark?.clockLead ?? 0,
      position,
      current,
    });
    const last = position.segment;
    const skipped = after === null ? undefined : { id: BigInt(after), to: 0, closed: true };
    const shipped =
      last === undefined
        ? watermark === undefined
          ? undefined
          : await firstKept(files, skipped)
        : {
            id: BigInt(last.id),
            to: last.to,
            closed: last.closed,
            empty: await isEmptySoFar(bucket, last.to, current),
          };
    const resumes =
      watermark !== undefined && shipped !== undefined && (skipped === undefined || skipped.id < shipped.id);
    const tail = new LogTail({
      clock,
      files,
      settings: parts.settings,
      running: parts.running,
      covered: position.covered,
      from: resumes ? shipped : skipped,
      resumes,
    });
    const shipper = new LogShipper(parts, stream, tail);
    if (watermark !== undefined && !resumes && last === undefined) {
      shipper.#noteGap(now, 'the previous agent kept none of the log that was written before this agent started');
    }
    if (found.missing) shipper.#noteGap(now, 'pieces that this node had shipped are no longer in the store');
    await shipper.#finishEarlier(resumes && last !== undefined ? last.id : after);
    shipper.#index();
    // What is there is kept from now on.
    await tail.look();
    // The stream is there from now on, also while nothing is written.
    if (watermark === undefined) await stream.reach(position.covered);
    return shipper;
  }

  get merges(): number {
    return this.#merges;
  }

  async look(draining = false): Promise<void> {
    await this.tail.look(draining);
  }

  /** Ships what was found and replaces the watermark when that says something new. Throws RetryableProblem when the store is gone. */
  async ship(draining = false): Promise<{ readonly bytes: number }> {
    for (const { until, reason } of this.tail.takeLost()) this.#noteGap(until, reason);
    await this.#tellGap();
    const covered = this.tail.waiting ? this.stream.position.covered : this.tail.covered;
    const round = await shipRound(
      this.tail,
      this.stream,
      (finished) => this.#finish(finished),
      microsOf(this.#parts.clock.now()),
    );
    const { current } = this.stream;
    if (current?.wantsMerge(false) === true && this.#merges === 0) this.#mergeOpen(current);
    const reached = Math.max(covered, this.stream.position.covered) as Micros;
    const last = this.#watermark ?? (0 as Micros);
    const moved = reached > last && (draining || reached - last >= quietMicros);
    // Also when nothing is new, so that another agent sees that this one lives.
    if (round.bytes > 0 || moved || this.stream.secondsOurs >= heartbeatSeconds) {
      await this.stream.reach(reached);
      this.#watermark = reached;
    }
    return round;
  }

  /** Resolves when every merge that was begun has ended, with or without success. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#merging;
    await this.tail.close();
  }

  #noteGap(until: Micros, reason: string): void {
    // The clock counts whole milliseconds: the true time may be almost one later.
    this.#gapUntil = micros(until + 1000);
    if (!this.#gapReasons.includes(reason)) this.#gapReasons.push(reason);
    this.#parts.log.write('log lost to shipping', { reason });
  }

  async #tellGap(): Promise<void> {
    const until = this.#gapUntil;
    if (until === undefined) return;
    const reasons = this.#gapReasons;
    await this.stream.mark('gap', this.stream.position.covered, until, reasons.slice(0, 20).join('; '));
    this.#gapUntil = undefined;
    this.#gapReasons = [];
  }

  /** Segments that were shipped completely and that the previous agent did not merge. */
  async #finishEarlier(upTo: string | null | undefined): Promise<void> {
    const { files, bucket } = this.#parts;
    if (upTo === null || upTo === undefined) return;
    for (const file of await files.kept()) {
      const id = segmentId(file);
      const done = id < BigInt(upTo) || (id === BigInt(upTo) && this.stream.position.segment?.closed !== false);
      if (!done) continue;
      const prefix = segmentPrefix(this.stream, id);
      const objects = await findSegment(bucket, prefix);
      this.#mergeWhole(id, async () => {
        const bytes = objects === undefined || objects.closed ? undefined : await files.open(file);
        if (bytes !== undefined && objects !== undefined) {
          const read: ReadBack = async (from, to, into) => bytes.read(from, to - from, into);
          try {
            while (objects.wantsMerge(true)) await objects.merge(read, true);
          } finally {
            await bytes.close();
          }
        }
        await files.release(file);
      });
    }
  }

  #finish({ tail, objects }: Finished): void {
    this.#mergeWhole(tail.id, async () => {
      try {
        if (objects !== undefined) {
          while (objects.wantsMerge(true))
            await objects.merge(async (from, to, into) => tail.read(from, to, into), true);
        }
        await this.#parts.files.release(tail.file);
      } finally {
        await tail.close();
      }
    });
    this.#index();
  }

  /** After the merges, and some segments at a time, so that later ones need not wait. */
  #index(): void {
    this.#beside('Indexing the log failed', async () => {
      const more = !this.#closing && (await this.#indexer.step(microsOf(this.#parts.clock.now())));
      if (more) this.#index();
    });
  }

  #mergeWhole(segment: bigint, work: () => Promise<void>): void {
    this.#unmerged.add(segment);
    this.#merge(async () => {
      try {
        await work();
      } finally {
        this.#unmerged.delete(segment);
      }
    });
  }

  #mergeOpen(objects: SegmentObjects): void {
    const { head } = this.tail;
    if (head === undefined || String(head.id) !== objects.segment.id) return;
    this.#merge(async () => {
      const bytes = await this.#parts.files.open(head.file);
      if (bytes === undefined) return;
      try {
        await objects.merge(async (from, to, into) => bytes.read(from, to - from, into), false);
      } finally {
        await bytes.close();
      }
    });
  }

  /**
   * Merges run one after the other, beside the shipping. A failed one changes nothing: its parts are in the store, and
   * the next agent retries.
   */
  #merge(work: () => Promise<void>): void {
    this.#beside('Merging pieces of the log failed', work);
  }

  #beside(failure: string, work: () => Promise<void>): void {
    this.#merges += 1;
    this.#merging = this.#merging
      .then(work)
      .catch((thrown: unknown) => {
        this.#parts.log.write('not done beside the shipping', { problem: tracedDocument(asProblem(thrown, failure)) });
      })
      .finally(() => {
        this.#merges -= 1;
      });
  }
}

/** Whether what the store holds of the segment has no entry. */
async function isEmptySoFar(bucket: ObjectStore, to: number, segment: SegmentObjects | undefined): Promise<boolean> {
  const [first, ...more] = segment?.objects ?? [];
  if (first === undefined || more.length > 0 || first.from > 0 || to > largestEmptySegment) return false;
  const stored = await bucket.get(first.key);
  if (stored === undefined) return false;
  return isEmptySegment((await readingObject(first.key, () => readPiece(stored.body))).plain);
}

/** For a stream without pieces: the first segment that the previous agent kept. */
async function firstKept(files: LogFiles, after: { readonly id: bigint } | undefined) {
  const ids = (await files.kept()).map(segmentId).filter((id) => id > (after?.id ?? -1n));
  if (ids.length === 0) return undefined;
  return { id: ids.reduce((least, id) => (id < least ? id : least)), to: 0, closed: false };
}
