import { type Micros, microsOf, micros } from '../../model/instant.ts';
import { segmentOfFileName } from '../../model/log-segment.ts';
import type { Clock } from '../../ports/clock.ts';
import type { LogFiles } from '../../ports/log-files.ts';
import { whyUnreadable } from '../../commitlog/log-version.ts';
import { Coverage } from './coverage.ts';
import { scanBytes, SegmentTail } from './segment-tail.ts';
import { SyncEvidence } from './sync-evidence.ts';

export interface TailSettings {
  /** Bytes of files that only the agent's links still hold, at most. */
  readonly maximumPinned: number;
  /** Bytes of the log's file system that are always left free, even if log is lost to shipping. */
  readonly minimumFree: number;
  /** Seconds between Cassandra's syncs. */
  readonly syncPeriod: number;
}

export type Running = 'running' | 'stopped' | 'unsure';

export interface TailParts {
  readonly clock: Clock;
  readonly files: LogFiles;
  readonly settings: TailSettings;
  /**
   * Whether this node's Cassandra is running. `unsure`: it does not answer, and nothing proves that its process is
   * gone.
   */
  readonly running: () => Promise<Running>;
  /** Whether Cassandra itself answers: see `SyncEvidence`. */
  readonly answers: () => Promise<boolean>;
  /** Where reading begins. Segments before it are done with. `empty`: what was shipped of it holds no entry. */
  readonly from:
    | { readonly id: bigint; readonly to: number; readonly closed: boolean; readonly empty?: boolean }
    | undefined;
  readonly covered: Micros;
  /** Whether an earlier agent shipped from here: then nothing may have come and gone since. */
  readonly resumes: boolean;
}

/** A part of the log that can no longer be shipped. */
export interface LostStretch {
  /** Where it begins; absent: at the end of what is covered. */
  readonly from?: Micros;
  readonly until: Micros;
  readonly reason: string;
}

/** Every segment of a node that is not shipped whole, in log order, as Cassandra writes on. */
export class LogTail {
  readonly #parts: TailParts;
  readonly #coverage: Coverage;
  readonly #evidence: SyncEvidence;
  #segments: Followed[] = [];
  #lost: LostStretch[] = [];
  /** Segments up to this id are done with. */
  #doneWith: bigint;
  #known = new Set<string>();
  /** Sections found in segments that are done with. */
  #foundBefore = 0;
  #stoppedSince: number | undefined;
  #still = true;
  #listedAt: number | undefined;
  /** The highest that was seen. */
  #newest: Pick<SegmentTail, 'id' | 'wasWritten'> | undefined;
  #nextScan = 0;
  #nextRoom = 0;
  #pinned = 0;
  /** The one whose bytes are being read. */
  #busy: SegmentTail | undefined;
  /** The clocks at the last look. */
  #lookedAt: { readonly at: Micros; readonly now: number } | undefined;
  #setBack = 0;
  /** The newest live segment that counts as done with, while none is followed. */
  #passedOver: { readonly file: string; readonly touched: string; readonly written: boolean } | undefined;
  readonly #scratch = Buffer.alloc(scanBytes);
  #memory = Buffer.alloc(0);

  constructor(parts: TailParts) {
    this.#parts = parts;
    this.#coverage = new Coverage(parts.covered);
    const { from, answers, clock, files, settings } = parts;
    this.#evidence = new SyncEvidence({
      monotonic: () => clock.monotonic(),
      answers,
      sync: async () => files.sync(),
      syncPeriod: settings.syncPeriod,
    });
    this.#newest = from === undefined ? undefined : { id: from.id, wasWritten: async () => from.empty !== true };
    // A segment that is not closed is read further.
    this.#doneWith = from === undefined ? -1n : from.closed ? from.id : from.id - 1n;
  }

  /** Everything acknowledged up to here lies in sections that were found. */
  get covered(): Micros {
    return this.#coverage.covered;
  }

  /** Bytes that only the agent's links hold. */
  get pinned(): number {
    return this.#pinned;
  }

  /** Bytes of whole sections that were found and may be shipped now. */
  get unshipped(): number {
    return this.readable.reduce(
      (sum, { sections }) => sum + ((sections.at(-1)?.to ?? 0) - (sections[0]?.from ?? 0)),
      0,
    );
  }

  /** Why what Cassandra writes now cannot be read by anybody here, as a clause; undefined when it can. */
  get unreadable(): string | undefined {
    const newest = this.#segments.findLast(({ tail }) => tail.hasContent)?.tail.header;
    return newest === undefined ? undefined : whyUnreadable(newest);
  }

  /** Sections found so far. */
  get #found(): number {
    return this.#segments.reduce((sum, { tail }) => sum + tail.found, this.#foundBefore);
  }

  get head(): SegmentTail | undefined {
    return this.#segments[0]?.tail;
  }

  /** Whether nothing can follow in the first segment. */
  get headIsWhole(): boolean {
    return this.#segments[0]?.whole === true;
  }

  /** Whether sections lie behind a segment that is not yet known to be whole: they wait. */
  get waiting(): boolean {
    const open = this.#segments.findIndex(({ whole }) => !whole);
    return open >= 0 && this.#segments.slice(open + 1).some(({ tail }) => tail.sections.length > 0);
  }

  /** Segments in log order up to the first that may still grow. */
  get readable(): readonly SegmentTail[] {
    const open = this.#segments.findIndex(({ whole }) => !whole);
    return (open < 0 ? this.#segments : this.#segments.slice(0, open + 1)).map(({ tail }) => tail);
  }

  /** Microseconds by which the node's clock was set back since the last call: the coverage tells the new time already. */
  takeSetBack(): number {
    const by = this.#setBack;
    this.#setBack = 0;
    return by;
  }

  /** What was lost since the last call. */
  takeLost(): readonly LostStretch[] {
    return this.#lost.splice(0);
  }

  /**
   * Memory for the bytes of one piece, until it is asked for again. Fresh memory for each, several times a second, keeps the garbage collector
   * busier than everything else the agent does.
   */
  memory(length: number): Buffer {
    if (length > keptMemory) return Buffer.allocUnsafeSlow(length);
    if (length > this.#memory.length) this.#memory = Buffer.allocUnsafeSlow(Math.min(keptMemory, 2 * length));
    return this.#memory;
  }

  async holding<T>(tail: SegmentTail, work: () => Promise<T>): Promise<T> {
    this.#busy = tail;
    try {
      return await work();
    } finally {
      this.#busy = undefined;
    }
  }

  /** The first segment is shipped whole; the caller closes and releases it. */
  finishHead(): void {
    const [head] = this.#segments;
    if (head === undefined) return;
    this.#segments.shift();
    this.#done(head);
    const { tail } = head;
    if (tail.damage === undefined) return;
    const reason = `what follows in ${tail.file} cannot be read: ${tail.damage}`;
    this.#lost.push({ until: microsOf(this.#parts.clock.now()), reason });
  }

  /** One look at everything. `draining`: how quiet it is does not matter. */
  async look(draining = false): Promise<void> {
    const at = microsOf(this.#parts.clock.now());
    const now = this.#parts.clock.monotonic();
    this.#noteSetBack(at, now);
    // Cassandra prepares the next segment long before it writes to it. If nothing seems to be written, the names must
    // be read again.
    const listing = this.#still || this.#listedAt === undefined || now - this.#listedAt >= listSeconds;
    if (listing) await this.#list(now);
    let found = 0;
    for (const { tail } of this.#segments) found += await tail.follow(now);
    this.#coverage.look(at, this.#found, this.#segments.findLast(({ tail }) => tail.hasContent)?.tail.id);
    this.#still = found === 0;
    if (this.#still && listing) await this.#whenStill(at, now, draining);
    for (const segment of this.#segments) {
      segment.whole ||= await this.#isWhole(segment, now);
      if (!segment.whole) break;
    }
    if (now >= this.#nextRoom) {
      this.#nextRoom = now + 1;
      await this.#makeRoom(at);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#segments.splice(0).map(async ({ tail }) => tail.close()));
  }

  /** An instant that the clock tells twice is not covered because it was covered the first time. */
  #noteSetBack(at: Micros, now: number): void {
    const before = this.#lookedAt;
    this.#lookedAt = { at, now };
    if (before === undefined) return;
    const expected = micros(before.at + Math.round((now - before.now) * 1e6));
    const by = expected - at;
    if (by < smallestStep + (now - before.now) * drift) return;
    this.#coverage.setBack(by);
    this.#setBack += by;
    const reason = `the clock of the node was set back by ${Math.round(by / 1000)} ms: these instants were there twice`;
    if (by >= toldStep) this.#lost.push({ from: this.#coverage.covered, until: expected, reason });
  }

  async #list(now: number): Promise<void> {
    // After a pause (of this process, of its machine) segments may have come and gone unseen, as they may before the first look.
    const strict = this.#listedAt === undefined ? this.#parts.resumes : now - this.#listedAt > pauseSeconds;
    const live = new Set(await this.#parts.files.live());
    const fresh = await this.#discover(live, now);
    await this.#notePassedOver(live, fresh.length > 0);
    for (const segment of this.#segments) segment.live = live.has(segment.tail.file);
    if (this.#listedAt !== undefined || this.#parts.resumes) await this.#noteUnseen(fresh, strict, now);
    const newest = fresh.at(-1);
    if (newest !== undefined) this.#newest = newest;
    this.#listedAt = now;
  }

  /** Links and opens what was not known. */
  async #discover(live: ReadonlySet<string>, now: number): Promise<readonly SegmentTail[]> {
    const { files, from } = this.#parts;
    const names = this.#listedAt === undefined ? new Set([...live, ...(await files.kept())]) : live;
    const unknown = [...names]
      .filter((file) => !this.#known.has(file))
      .map((file) => ({ file, id: segmentId(file) }))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    const fresh: SegmentTail[] = [];
    const seenRunning = unknown.length > 0 && (await this.#parts.running()) === 'running';
    for (const { file, id } of unknown) {
      // A segment counts as known only when it is open: whatever fails here is tried again at the next look.
      const done = id <= this.#doneWith;
      if (!done && live.has(file)) await files.keep(file);
      const bytes = done ? undefined : await files.open(file);
      this.#known.add(file);
      if (bytes === undefined) continue;
      const tail = new SegmentTail({ file, id, bytes, from: from?.id === id ? from.to : 0, now });
      this.#segments.push({ tail, since: now, live: live.has(file), seenRunning, final: false, whole: false });
      fresh.push(tail);
    }
    if (fresh.length > 0) this.#segments.sort((a, b) => (a.tail.id < b.tail.id ? -1 : 1));
    if (this.#known.size > 4 * (live.size + this.#segments.length) + 64) this.#known = new Set(names);
    return fresh;
  }

  /**
   * Cassandra writes to its newest segments. When those have ids that count as done with, because a clock was wrong when
   * the ids before them were given, they belong to no stream: that is a loss, and it must show.
   */
  async #notePassedOver(live: ReadonlySet<string>, found: boolean): Promise<void> {
    const before = this.#passedOver;
    if (found || this.#segments.some((segment) => segment.live)) {
      this.#tellPassedOver();
      this.#passedOver = undefined;
      return;
    }
    const newest = [...live].reduce((most, file) => (segmentId(file) > segmentId(most) ? file : most), '');
    const touched = newest === '' ? undefined : await this.#touched(newest);
    if (touched === undefined) return;
    const changed =
      before !== undefined &&
      (before.file === newest ? before.touched !== touched : segmentId(newest) > segmentId(before.file));
    this.#passedOver = { file: newest, touched, written: before?.written === true || changed };
  }

  async #touched(file: string): Promise<string | undefined> {
    const bytes = await this.#parts.files.open(file);
    if (bytes === undefined) return undefined;
    try {
      return (await bytes.facts()).touched;
    } finally {
      await bytes.close();
    }
  }

  /** Before anything that followed is called covered. */
  #tellPassedOver(): void {
    if (this.#passedOver?.written !== true) return;
    const { file } = this.#passedOver;
    const reason = `${file} and what was before it were not shipped: their numbers are not above those of the log that was there before`;
    this.#lost.push({ until: microsOf(this.#parts.clock.now()), reason });
    this.#passedOver = { ...this.#passedOver, written: false };
  }

  /** What came and went unseen: ids of one run of Cassandra follow one another, and each run begins at the time of its start. */
  async #noteUnseen(fresh: readonly SegmentTail[], strict: boolean, now: number): Promise<void> {
    const { from, clock } = this.#parts;
    const until = microsOf(clock.now());
    if (this.#listedAt === undefined && from?.closed === false && fresh[0]?.id !== from.id) {
      this.#lost.push({ until, reason: `segment ${from.id} was deleted before its end was shipped` });
    }
    let before = this.#newest;
    for (const tail of fresh) {
      if (before !== undefined && tail.id !== before.id && tail.id !== before.id + 1n) {
        if (before instanceof SegmentTail) await before.follow(now).catch(() => undefined);
        // The next one is made ready before it is written to: where it was seen empty, the last run had come no further.
        // Nor had one that closed it without an entry, as a drained Cassandra does.
        const written = strict && (await before.wasWritten().catch(() => true));
        const unseen = written || !(await beginsRun(tail));
        const reason = `segments between ${before.id} and ${tail.id} were written and deleted while no agent was running`;
        if (unseen) this.#lost.push({ until, reason });
      }
      before = tail;
    }
  }

  /** Nothing new in the chains: whether nothing was written either. */
  async #whenStill(at: Micros, now: number, draining: boolean): Promise<void> {
    const quiet = this.#segments.every(({ tail }) => now - tail.changedAt >= stillSeconds);
    if (now < this.#nextScan || !(quiet || draining)) return;
    this.#nextScan = now + scanSeconds;
    await this.#noteStopped(now);
    const open = this.#segments.filter(({ live, final }) => live && !final).map(({ tail }) => tail);
    // A running Cassandra has a segment; one that is not known here may hold anything.
    if (open.length === 0 && this.#stoppedSince === undefined) return;
    if (this.#stoppedSince === undefined && !(await this.#areMapped(open))) {
      const shown = await this.#evidence.look({ at, now, found: this.#found });
      if (shown !== undefined) this.#coverage.settled(shown);
      return;
    }
    for (const tail of open) if (!(await tail.restIsZero(this.#scratch))) return;
    this.#tellPassedOver();
    this.#coverage.settled(at);
  }

  async #areMapped(open: readonly SegmentTail[]): Promise<boolean> {
    const { block } = await this.#parts.files.space();
    for (const tail of open) if (!(await tail.isMapped(block))) return false;
    return true;
  }

  /** What a Cassandra that died had no time to mark, it does not replay either: the chains end where they end. */
  async #noteStopped(now: number): Promise<void> {
    const running = await this.#parts.running();
    if (running === 'running') {
      this.#stoppedSince = undefined;
      for (const segment of this.#segments) segment.seenRunning = true;
      return;
    }
    this.#stoppedSince ??= now;
    if (now - this.#stoppedSince < stoppedSeconds) return;
    for (const segment of this.#segments) {
      // One that appears while nothing answers may be that of a Cassandra that is just starting.
      const surely = running === 'stopped' || segment.seenRunning;
      if (surely && segment.since <= this.#stoppedSince) segment.final = true;
    }
  }

  async #isWhole(segment: Followed, now: number): Promise<boolean> {
    const { tail, live, final } = segment;
    // Cassandra deletes what it has closed, or replayed after a crash.
    if (!live) return true;
    const later = this.#segments.slice(this.#segments.indexOf(segment) + 1).filter((each) => each.tail.found > 0);
    const sections = later.reduce((sum, each) => sum + each.tail.found, 0);
    // Cassandra syncs segments in order, so this one was synced before a later one was for the second time, or a while ago.
    const synced = sections >= 2 || later.some((each) => now - each.tail.changedAt > syncedSeconds);
    if (!synced) return false;
    return final || now - tail.changedAt > 5 || (tail.damage === undefined && (await tail.restIsZero(this.#scratch)));
  }

  /** Links must never fill Cassandra's disk: beyond the limits the oldest are removed, shipped or not. */
  async #makeRoom(at: Micros): Promise<void> {
    const { files, settings } = this.#parts;
    const pinned: Array<{ readonly segment: Followed; readonly bytes: number }> = [];
    for (const segment of this.#segments) {
      if (!segment.live) pinned.push({ segment, bytes: (await segment.tail.facts()).taken });
    }
    this.#pinned = pinned.reduce((sum, { bytes }) => sum + bytes, 0);
    if (pinned.length === 0) return;
    let { free } = await files.space();
    for (const { segment, bytes } of pinned) {
      if (this.#pinned <= settings.maximumPinned && free >= settings.minimumFree) return;
      if (segment.tail === this.#busy) continue;
      const why =
        free < settings.minimumFree
          ? 'the disk of the commit log was nearly full'
          : 'more log waited to be shipped than backup.log.maximumPinned allows';
      this.#segments = this.#segments.filter((each) => each !== segment);
      this.#done(segment);
      await segment.tail.close();
      await files.release(segment.tail.file);
      if (segment.tail.sections.length > 0)
        this.#lost.push({ until: at, reason: `${segment.tail.file} was dropped before it was shipped: ${why}` });
      this.#pinned -= bytes;
      free += bytes;
    }
  }

  #done({ tail }: Followed): void {
    this.#foundBefore += tail.found;
    if (tail.id > this.#doneWith) this.#doneWith = tail.id;
  }
}

/** Microseconds: what a look may be late by, and by how much the two clocks may differ in a second. */
const smallestStep = 50_000;
const drift = 1000;
/** Microseconds that a clock may be set back without a mark: restores reckon with clocks that differ by two seconds. */
const toldStep = 1_000_000;
/** Seconds between looks at the names while segments grow. */
const listSeconds = 0.25;
/** Seconds without a look after which more may have happened than looks can see. */
const pauseSeconds = 2;
/** Seconds without a new section before the rest of the file is looked at. */
const stillSeconds = 0.2;
/** Seconds after which Cassandra, which marks ten times a second, has been at every segment. */
const syncedSeconds = 0.5;
/** Seconds between such looks. */
const scanSeconds = 1;
/** Bytes of `memory` that are kept; a piece is seldom larger. */
const keptMemory = 4 * 1024 * 1024;
/** Seconds that Cassandra must be gone before its chains count as ended. */
const stoppedSeconds = 1;

interface Followed {
  readonly tail: SegmentTail;
  /** Monotonic seconds of its discovery. */
  readonly since: number;
  /** Cassandra's own name of it is there. */
  live: boolean;
  /** Cassandra was seen running while it was there. */
  seenRunning: boolean;
  /** Its Cassandra is gone. */
  final: boolean;
  whole: boolean;
}

/** Of a file that `LogFiles` names. */
export function segmentId(file: string): bigint {
  return segmentOfFileName(file)?.id ?? 0n;
}

/** A run of Cassandra counts its segments from the millisecond of its start, or from above those that it finds. */
async function beginsRun(tail: SegmentTail): Promise<boolean> {
  const { bornMs } = await tail.facts();
  if (bornMs === undefined) return false;
  const late = bornMs - Number(tail.id);
  return late > -5000 && late < 15_000;
}
