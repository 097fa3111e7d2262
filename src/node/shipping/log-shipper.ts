import { readingObject } from '../../commitlog/log-damage.ts';
import { openingTime } from '../../commitlog/verified-stream.ts';
import { isEmptySegment, largestEmptySegment } from '../../commitlog/empty-segment.ts';
import { readPiece } from '../../commitlog/piece.ts';
import { tracedDocument } from '../../model/fault-trace.ts';
import { instantOf, type Micros, micros, microsOf } from '../../model/instant.ts';
import { leadsOf, segmentPrefix, type Watermark } from '../../model/log-piece.ts';
import { asProblem, Problem } from '../../model/problem.ts';
import { timelineDocument, timelineKey } from '../../model/timeline.ts';
import type { AgentLog } from '../../ports/agent-log.ts';
import type { Clock } from '../../ports/clock.ts';
import type { LogFiles } from '../../ports/log-files.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { claimStream, heartbeatSeconds } from './stream-claim.ts';
import { StreamWriter } from './stream-writer.ts';
import { LogIndexer } from './log-indexer.ts';
import { LogTail, type Running, segmentId, type TailSettings } from './log-tail.ts';
import { firstSince, whileKeeping } from './segment-keeper.ts';
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
  /** Whether Cassandra itself answers a question. */
  readonly answers: () => Promise<boolean>;
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
  /** What was lost and is not yet marked. */
  #gap: { readonly from: Micros; readonly until: Micros; readonly reasons: readonly string[] } | undefined;
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
    const read = async () => {
      const held = await claimStream(bucket, clock, { timeline, hostId, node }, writer, signal);
      const opened = await openingOf(bucket, timeline);
      const now = microsOf(clock.now());
      return { held, opened, now, ...(await findStream(bucket, timeline, hostId, now)) };
    };
    const found = await whileKeeping(parts, after, read, signal);
    const { held, opened, now, current, watermark } = found;
    const last = found.position.segment;
    const skipped = after === null ? undefined : { id: BigInt(after), to: 0, closed: true };
    // What a stream without a piece holds begins where its timeline does, if nothing can have been let go since.
    const claims = watermark === undefined ? opened : found.position.covered;
    const first = last !== undefined || claims === undefined ? undefined : await firstSince(files, skipped?.id, claims);
    const whole = watermark === undefined && first?.sure === true && claims !== undefined;
    // A clock that was set back tells again what it told before: that is not covered.
    const ahead = watermark !== undefined && found.position.covered > now;
    const begun = watermark === undefined ? undefined : instantOf(watermark.since);
    const covered = whole ? claims : ahead ? (begun ?? now) : found.position.covered;
    const position = { ...found.position, covered: micros(Math.min(covered, now)) };
    const since = begun ?? position.covered;
    const stream = new StreamWriter({
      bucket,
      clock,
      writer,
      held,
      timeline,
      hostId,
      node,
      since,
      clockLeads: watermark === undefined ? [] : leadsOf(watermark),
      position,
      current,
    });
    const shipped =
      last === undefined
        ? first !== undefined && (watermark !== undefined || whole)
          ? { id: first.id, to: 0, closed: false }
          : undefined
        : {
            id: BigInt(last.id),
            to: last.to,
            closed: last.closed,
            empty: await isEmptySoFar(bucket, last.to, current),
          };
    const resumes =
      (watermark !== undefined || whole) && shipped !== undefined && (skipped === undefined || skipped.id < shipped.id);
    const tail = new LogTail({
      clock,
      files,
      settings: parts.settings,
      running: parts.running,
      answers: parts.answers,
      covered: position.covered,
      from: resumes ? shipped : skipped,
      resumes,
    });
    const shipper = new LogShipper(parts, stream, tail);
    if (watermark !== undefined && last === undefined && first?.sure !== true) {
      const what = resumes ? 'may not have kept all' : 'kept none';
      shipper.#noteGap(now, `the previous agent ${what} of the log that was written before this agent started`);
    }
    if (ahead) {
      const reason = 'the clock of the node was set back: these instants were there twice';
      shipper.#noteGap(found.position.covered, reason, now);
    }
    if (watermark === undefined && !whole && opened !== undefined && now <= opened + openingTime) {
      // Else it would claim all of its timeline, for it begins so soon after that.
      shipper.#noteGap(now, 'the log that was written before this agent began to ship may not be whole', opened);
      await shipper.#tellGap();
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

  /**
   * Ships what was found and replaces the watermark when that says something new, at most up to `limit`. Throws
   * RetryableProblem when the store is gone.
   */
  async ship(draining = false, limit?: Micros): Promise<{ readonly bytes: number }> {
    const from = this.stream.position.covered;
    let back = 0;
    const tellLost = async () => {
      back += await this.#tellLost(from);
    };
    await tellLost();
    back = 0;
    const claims = () => this.#claimable(limit);
    const covered = claims();
    const round = await shipRound(this.tail, this.stream, {
      now: microsOf(this.#parts.clock.now()),
      claims,
      beforeClaim: tellLost,
      onFinished: (finished) => this.#finish(finished),
    });
    // What was given up while the round went on lies before what it has reached.
    await tellLost();
    const { current } = this.stream;
    if (current?.wantsMerge(false) === true && this.#merges === 0) this.#mergeOpen(current);
    const reached = Math.max(covered - back, this.stream.position.covered) as Micros;
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

  #claimable(limit: Micros | undefined): Micros {
    const { tail, stream } = this;
    // A piece that was begun before the clock was set back has just said the old time.
    if (stream.position.covered > tail.covered) stream.setBack(stream.position.covered - tail.covered);
    return tail.waiting ? stream.position.covered : micros(Math.min(tail.covered, limit ?? tail.covered));
  }

  /**
   * Marks what was lost, before anything is claimed. `from`: what was covered before the loss. Resolves with the
   * microseconds by which the clock was set back meanwhile.
   */
  async #tellLost(from: Micros): Promise<number> {
    const back = this.tail.takeSetBack();
    if (back > 0) this.stream.setBack(back);
    if (back > 0 && this.#watermark !== undefined) this.#watermark = micros(this.#watermark - back);
    const begin = Math.min(from, this.stream.position.covered) as Micros;
    for (const lost of this.tail.takeLost()) this.#noteGap(lost.until, lost.reason, lost.from ?? begin);
    await this.#tellGap();
    return back;
  }

  #noteGap(until: Micros, reason: string, from: Micros = this.stream.position.covered): void {
    const { from: begins = from, until: ends = 0, reasons = [] } = this.#gap ?? {};
    this.#gap = {
      from: micros(Math.min(begins, from)),
      // The clock counts whole milliseconds: the true time may be almost one later.
      until: micros(Math.max(ends, until + 1000)),
      reasons: reasons.includes(reason) ? reasons : [...reasons, reason],
    };
    this.#parts.log.write('log lost to shipping', { reason });
  }

  async #tellGap(): Promise<void> {
    const gap = this.#gap;
    if (gap === undefined) return;
    await this.stream.widenMark('gap', gap.from, gap.until, gap.reasons.slice(0, 20).join('; '));
    this.#gap = undefined;
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

/** When a restore opened the timeline; undefined for the first one, and where its record does not tell. */
async function openingOf(bucket: ObjectStore, timeline: string): Promise<Micros | undefined> {
  const key = timelineKey(timeline);
  const stored = await bucket.get(key);
  if (stored === undefined) return undefined;
  try {
    const { parent, openedAt } = timelineDocument.read(stored.body, key);
    return parent === undefined ? undefined : instantOf(openedAt);
  } catch (thrown) {
    if (thrown instanceof Problem && thrown.code === 'bad-document') return undefined;
    throw thrown;
  }
}
