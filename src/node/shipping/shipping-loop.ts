import { isDiskFull } from '../../model/disk-full.ts';
import { timelineId } from '../../model/identifiers.ts';
import { tracedDocument } from '../../model/fault-trace.ts';
import { formatInstant, type Micros, microsOf } from '../../model/instant.ts';
import { type Problem, asProblem } from '../../model/problem.ts';
import { watermarkKey } from '../../model/log-piece.ts';
import { type ShippingOrder, shippingOrderDocument, shippingOrderKey } from '../../model/shipping-order.ts';
import { type TimelineId, timelineDocument, timelineKey } from '../../model/timeline.ts';
import type { LoggedDatabase } from '../../ports/logged-database.ts';
import type { JobParams, JobResult, ShippingHealth } from '../../ports/node-agent.ts';
import { createObject } from '../../ports/object-store.ts';
import { openedTimelines } from '../../ports/opened-timelines.ts';
import { DatabaseWitness } from './database-witness.ts';
import { keepSegments } from './segment-keeper.ts';
import { LogShipper, type ShipperParts } from './log-shipper.ts';
import { foreignCode, notDrained } from './shipping-problems.ts';
import type { ShippingState, ShippingStateStore } from './shipping-state.ts';

export interface ShippingParts extends Omit<ShipperParts, 'answers'> {
  readonly environment: string;
  readonly database: LoggedDatabase;
  readonly state: ShippingStateStore;
  /** How often found sections are sent to the store; many bytes go at once. */
  readonly intervalMs: number;
  /** A name that no other agent has, for an agent without memory. */
  readonly newWriter: () => string;
}

/** Milliseconds between looks at the chains. */
const lookMs = 100;
const witnessMs = 1500;
/** Bytes of log that wait for no interval: they are worth a request, and are lost with the node until they are in the store. */
const atOnceBytes = 1024 * 1024;
/** Seconds without a look after which people are told that one fails: some looks, and the time that one may take. */
const blindSeconds = 10;
/** Milliseconds that a round waits for the look at Cassandra that lets it claim more: what was written goes all the same. */
const firstLookMs = 250;
/** Seconds for which a look is young enough for a round: rounds may follow one another at once. */
const youngLookSeconds = 0.25;
/** Milliseconds between looks at Cassandra's segments, and between tries to open the stream, before there is one. */
const keepMs = 250;
const longestOpeningMs = 1000;
const longestPauseMs = 8000;
/** Milliseconds between looks at the order in the bucket: of an agent that waits for one, and of one that ships. */
const orderMs = { waiting: 2000, shipping: 10_000 };
/** For the rest of the log, when a pause was found in the bucket: whoever ordered it asks the agent for the rest by itself. */
const foundPauseMs = 10_000;

/**
 * The shipping of one agent. It follows the log from the agent's start to its end, unless it was told to pause, also
 * after a restart. What it was not told, because it was away or is new, it finds in the bucket: the order there, which
 * is looked at before anything is shipped.
 */
export class ShippingLoop {
  readonly #parts: ShippingParts;
  readonly #stopping = new AbortController();
  #state: ShippingState = { after: null, paused: false };
  #shipper: LogShipper | undefined;
  #witness: DatabaseWitness;
  #rounds: Rounds | undefined;
  #problem: Problem | undefined;
  /** Another agent ships this stream: this one does nothing more until it is told to begin, or starts anew. */
  #foreign: Problem | undefined;
  #witnessProblem: Problem | undefined;
  #witnessing: Promise<void> = Promise.resolve();
  /** The look at Cassandra that is going on. */
  #asking: Promise<void> | undefined;
  #orderProblem: Problem | undefined;
  #following: Promise<void> = Promise.resolve();
  /** Since the agent's start the order was looked at, or a job told what it says. */
  #ordered = false;
  /** Pausing, beginning and following an order come one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: ShippingParts) {
    this.#parts = parts;
    this.#witness = new DatabaseWitness(parts, undefined);
  }

  async start(): Promise<void> {
    this.#state = await this.#parts.state.load();
    this.#witness = new DatabaseWitness(this.#parts, this.#state.tokens);
    this.#witnessing = this.#watchDatabase();
    this.#following = this.#watchOrder();
    if (!this.#state.paused) this.#begin();
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new DOMException('the agent stops', 'AbortError'));
    await this.#following;
    await this.#end();
    await this.#witnessing;
    await this.#parts.database.close();
  }

  health(): ShippingHealth {
    const { clock } = this.#parts;
    const stream = this.#shipper?.stream;
    const unreadable = this.#shipper?.tail.unreadable;
    const newest = stream?.position.covered;
    const early = this.#shipper === undefined ? (this.#witnessProblem ?? this.#orderProblem) : this.#blind();
    const problem = this.#foreign ?? this.#problem ?? early;
    const begun = this.#shipper === undefined ? 'starting' : 'shipping';
    return {
      state: this.#state.paused ? 'paused' : this.#foreign === undefined ? begun : 'stopped',
      timeline: stream?.timeline ?? this.#state.timeline ?? null,
      newest: newest === undefined ? null : formatInstant(newest),
      lagSeconds: newest === undefined ? null : Math.max(0, (microsOf(clock.now()) - newest) / 1e6),
      pinnedBytes: this.#shipper?.tail.pinned ?? 0,
      ...(problem === undefined ? {} : { problem: problem.happened }),
      ...(unreadable === undefined ? {} : { unreadable }),
    };
  }

  /**
   * Ships everything that Cassandra acknowledged before this moment, then stops until `begin`, also after a restart of
   * the agent. Throws RetryableProblem `log-not-drained` if that takes too long: shipping is paused nevertheless, and
   * the next try continues with the rest.
   */
  async pause(signal: AbortSignal, withinMs = 60_000): Promise<JobResult['pause-shipping']> {
    return this.#inTurn(async () => this.#pause(signal, withinMs));
  }

  async #pause(signal: AbortSignal, withinMs: number): Promise<JobResult['pause-shipping']> {
    const { clock } = this.#parts;
    const target = microsOf(clock.now());
    await this.#halt();
    const deadline = clock.monotonic() + withinMs / 1000;
    try {
      // Without a host id nothing was ever shipped, and the stream has no name.
      const shipper = (this.#shipper ??=
        this.#state.hostId === undefined ? undefined : await this.#open(this.#state.hostId, signal));
      if (shipper === undefined) return { newest: null, sequence: 0, chain: null };
      for (;;) {
        signal.throwIfAborted();
        await this.#lookFirst(shipper, (looked) => looked.at >= target, signal);
        await shipper.look(true);
        await shipper.ship(true, await this.#limit(shipper)).catch((thrown: unknown) => this.#soften(thrown));
        const { covered, sequence, chain } = shipper.stream.position;
        if (covered >= target) {
          await this.#close();
          return { newest: formatInstant(covered), sequence, chain };
        }
        if (clock.monotonic() > deadline) break;
        await clock.sleep(lookMs, signal);
      }
    } catch (thrown) {
      await this.#close();
      throw thrown;
    }
    await this.#close();
    const why = (this.#problem ?? this.#blind())?.happened ?? 'Cassandra has not marked all of it as written';
    throw notDrained(this.#parts.node, why.replace(/\.$/, ''));
  }

  /**
   * Stops at once, without the rest of the log, until `begin`: the data of this node is about to be moved. An agent that
   * was told to pause has stopped before.
   */
  async hold(): Promise<void> {
    await this.#inTurn(async () => {
      if (this.#state.paused) return;
      await this.#halt();
      await this.#close();
      this.#parts.log.write('shipping paused', { why: 'the data of this node is being moved' });
    });
  }

  /** Begins or continues this node's stream on the timeline. Segments up to `after` are ignored. */
  async begin(
    { timeline, after }: JobParams['start-shipping'],
    signal: AbortSignal,
  ): Promise<JobResult['start-shipping']> {
    const { clock } = this.#parts;
    await this.#inTurn(async () => this.#beginOn(timelineId.parse(timeline), after));
    // If the store answers, the stream exists when this resolves.
    const deadline = clock.monotonic() + 30;
    while (this.#shipper === undefined && clock.monotonic() < deadline) {
      if (this.#foreign !== undefined) throw this.#foreign;
      signal.throwIfAborted();
      await clock.sleep(lookMs, signal);
    }
    const since = this.#shipper === undefined ? null : formatInstant(this.#shipper.stream.since);
    return { timeline, since };
  }

  /**
   * Goes on in the bucket that the agent is bound to now. A timeline that this bucket does not have is given up with what
   * was told about it: the agent joins the newest, or begins the first. Orders of another bucket count no more.
   */
  async rebind(): Promise<void> {
    await this.#inTurn(async () => {
      const { bucket, state } = this.#parts;
      await this.#end();
      await this.#close();
      const { timeline, order: _order, ...rest } = this.#state;
      const there = timeline !== undefined && (await openedTimelines(bucket)).includes(timeline);
      this.#state = there || timeline === undefined ? { ...rest, timeline } : { ...rest, paused: false };
      await state.save(this.#state);
      this.#ordered = false;
      this.#problem = undefined;
      if (!this.#state.paused) this.#begin();
    });
  }

  async #beginOn(timeline: TimelineId, after: string | null | undefined, order?: number): Promise<void> {
    const known = this.#shipper?.stream.timeline ?? this.#state.timeline;
    await this.#end();
    await this.#close();
    const anew = known === undefined ? after !== undefined : known !== timeline;
    // Links that another timeline left are let go of; whose those of an agent without memory are, its stream tells.
    const only = anew ? await this.#onlyLinked() : [];
    if (known !== undefined) await this.#letGo(only);
    const left = !anew ? this.#state.left : known === undefined ? only : undefined;
    // Told again, an agent knows no less than before: it may have been told less.
    const from = anew ? (after ?? null) : latest(after, this.#state.after);
    // Whoever calls this was told, by a job or by the order itself.
    this.#ordered = true;
    await this.#save({ timeline, after: from, left, paused: false, ...(order === undefined ? {} : { order }) });
    this.#begin();
  }

  /**
   * When a timeline begins, the segments that only this agent's links still hold belong to the history that was left: they were set aside, or
   * Cassandra has let go of them. Which these are, their ids do not tell: Cassandra counts from above those in its own directory, so after a
   * clock was set back, new ids may be below those that lie aside.
   */
  async #letGo(left: readonly string[]): Promise<void> {
    const only = await this.#onlyLinked();
    for (const file of left) if (only.includes(file)) await this.#parts.files.release(file);
  }

  async #onlyLinked(): Promise<readonly string[]> {
    const { files } = this.#parts;
    const live = new Set(await files.live());
    return (await files.kept()).filter((file) => !live.has(file));
  }

  async #halt(): Promise<void> {
    await this.#end();
    await this.#save({ paused: true }).catch((thrown: unknown) => {
      // An agent that starts anew reads the order in the bucket before it ships.
      if (!isDiskFull(thrown)) throw thrown;
      this.#parts.log.write('pause not saved', { why: 'the disk is full' });
    });
  }

  async #save(change: Partial<ShippingState>): Promise<void> {
    this.#state = { ...this.#state, ...change };
    await this.#parts.state.save(this.#state);
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #watchOrder(): Promise<void> {
    const { clock, node } = this.#parts;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.#inTurn(async () => this.#follow(signal));
        this.#orderProblem = undefined;
      } catch (thrown) {
        const problem = asProblem(thrown, `Following the order for the shipping of ${node} failed`);
        if (!signal.aborted && problem.happened !== this.#orderProblem?.happened) {
          this.#parts.log.write('order not followed', { problem: tracedDocument(problem) });
        }
        this.#orderProblem = problem;
      }
      const waits = this.#state.paused || !this.#ordered;
      await clock.sleep(waits ? orderMs.waiting : orderMs.shipping, signal).catch(() => undefined);
    }
  }

  /** Does what the order in the bucket says, once for each. It was written before any agent was told. */
  async #follow(signal: AbortSignal): Promise<void> {
    const order = await this.#findOrder();
    this.#ordered = true;
    if (order === undefined || order.number <= (this.#state.order ?? 0)) return;
    const { number, state, timeline } = order;
    if (state === 'paused') {
      if (!this.#state.paused) {
        this.#parts.log.write('shipping paused', { why: 'the order in the bucket', order });
        // One that has not begun yet may have come into the middle of a restore: what lies there now is not its log.
        // Of one that ships, the rest goes first; if it cannot, whoever gave the order asks for it, and says so.
        if (this.#shipper === undefined) await this.#halt();
        else await this.#pause(signal, foundPauseMs).catch((thrown: unknown) => this.#soften(thrown));
      }
    } else if (this.#state.paused || (this.#shipper?.stream.timeline ?? this.#state.timeline) !== timeline) {
      this.#parts.log.write('shipping begins', { why: 'the order in the bucket', order });
      await this.#beginOn(timeline, order.after?.[this.#parts.node], number);
    }
    await this.#save({ order: number });
  }

  async #findOrder(): Promise<ShippingOrder | undefined> {
    const stored = await this.#parts.bucket.get(shippingOrderKey);
    return stored === undefined ? undefined : shippingOrderDocument.read(stored.body, shippingOrderKey);
  }

  #begin(): void {
    this.#foreign = undefined;
    const abort = new AbortController();
    const signal = AbortSignal.any([abort.signal, this.#stopping.signal]);
    this.#rounds = { abort, ended: this.#run(signal) };
  }

  /** The rounds end; the shipper stays. */
  async #end(): Promise<void> {
    const rounds = this.#rounds;
    this.#rounds = undefined;
    rounds?.abort.abort(new DOMException('shipping ends', 'AbortError'));
    await rounds?.ended;
    if (this.#stopping.signal.aborted) await this.#close();
  }

  async #close(): Promise<void> {
    const shipper = this.#shipper;
    this.#shipper = undefined;
    await shipper?.close();
  }

  async #run(signal: AbortSignal): Promise<void> {
    await this.#repeat(
      signal,
      async () => {
        const { hostId } = this.#state;
        // An agent that is new, or was away, may have come into the middle of a restore.
        if (hostId === undefined || !this.#ordered) {
          // Cassandra lets its log go meanwhile.
          await keepSegments(this.#parts, this.#state.after);
          return keepMs;
        }
        this.#shipper ??= await this.#open(hostId, signal);
        return 'done';
      },
      longestOpeningMs,
    );
    const shipper = this.#shipper;
    if (shipper === undefined) return;
    const looking = this.#repeat(signal, async () => {
      await shipper.look();
      return lookMs;
    });
    const shipping = this.#repeat(signal, async () => {
      await this.#lookFirst(shipper, (looked) => looked.ago < youngLookSeconds, signal);
      await shipper.ship(false, await this.#limit(shipper));
      this.#problem = undefined;
      return this.#untilDue(shipper, signal);
    });
    await Promise.all([looking, shipping]);
  }

  /** Waits for the next round: an interval, or until so much was found that it goes at once. Resolves with 0 milliseconds left. */
  async #untilDue({ tail }: LogShipper, signal: AbortSignal): Promise<0> {
    const { clock, intervalMs } = this.#parts;
    const due = clock.monotonic() + intervalMs / 1000;
    for (let left = intervalMs; left > 0; left = Math.round((due - clock.monotonic()) * 1000)) {
      await clock.sleep(Math.min(left, lookMs), signal);
      if (tail.unshipped >= atOnceBytes) break;
    }
    return 0;
  }

  /** Does the work until it is done or the signal fires; after a failure it waits, longer each time. */
  async #repeat(signal: AbortSignal, work: () => Promise<'done' | number>, longestMs = longestPauseMs): Promise<void> {
    const { clock } = this.#parts;
    let pause = 250;
    while (!signal.aborted && this.#foreign === undefined) {
      let wait = pause;
      try {
        const outcome = await work();
        if (outcome === 'done') return;
        wait = outcome;
        pause = 250;
      } catch (thrown) {
        if (signal.aborted) return;
        this.#soften(thrown);
        if (this.#foreign !== undefined) return;
        pause = Math.min(longestMs, pause * 2);
      }
      if (wait > 0) await clock.sleep(wait, signal).catch(() => undefined);
    }
  }

  #soften(thrown: unknown): void {
    const problem = asProblem(thrown, `Shipping the commit log of ${this.#parts.node} failed`);
    if (problem.happened !== this.#problem?.happened) {
      this.#parts.log.write('shipping failed', { problem: tracedDocument(problem) });
    }
    this.#problem = problem;
    if (problem.code === foreignCode) this.#foreign = problem;
  }

  async #open(hostId: string, signal: AbortSignal): Promise<LogShipper> {
    const timeline = this.#state.timeline ?? (await this.#newestTimeline());
    // Remembered, so that another one is known to be another.
    if (this.#state.timeline === undefined) await this.#save({ timeline });
    const { left } = this.#state;
    if (left !== undefined) await this.#decideLeft(timeline, hostId, left);
    const writer = this.#state.writer ?? this.#parts.newWriter();
    if (this.#state.writer === undefined) await this.#save({ writer });
    const parts = { ...this.#parts, answers: async () => this.#answers() };
    const shipper = await LogShipper.open(parts, { timeline, hostId, after: this.#state.after, writer }, signal);
    this.#parts.log.write('shipping', { timeline, hostId, position: shipper.stream.position });
    return shipper;
  }

  /** A port may be open, and a process may be there, while Cassandra stands still. */
  async #answers(): Promise<boolean> {
    await this.#parts.database.glance();
    return true;
  }

  /** Of a stream that an agent without memory takes up again, what only the links hold is its own backlog. */
  async #decideLeft(timeline: TimelineId, hostId: string, left: readonly string[]): Promise<void> {
    const begun = await this.#parts.bucket.head(watermarkKey(timeline, hostId));
    if (begun === undefined) await this.#letGo(left);
    await this.#save({ left: undefined });
  }

  /** The first agent of an environment creates the first; the others join it. */
  async #newestTimeline(): Promise<TimelineId> {
    const { bucket, clock, environment } = this.#parts;
    const newest = (await openedTimelines(bucket)).at(-1);
    if (newest !== undefined) return newest;
    const id = timelineId.parse('t0001');
    const openedAt = formatInstant(microsOf(clock.now()));
    const first = {
      id,
      environment,
      exclusions: [],
      openedAt,
      why: 'the shipping of the log of this environment began',
    };
    await createObject(bucket, timelineKey(id), timelineDocument.write(first));
    return id;
  }

  /** Why nothing is known of what Cassandra did since some looks; undefined when it is looked at. */
  #blind(): Problem | undefined {
    const stream = this.#shipper?.stream;
    if (stream === undefined || this.#witnessProblem === undefined) return undefined;
    const looked = this.#witness.lookedFor(stream);
    return looked === undefined || looked.ago > blindSeconds ? this.#witnessProblem : undefined;
  }

  /**
   * A running Cassandra may have truncated tables since the last look, and nobody has marked that yet: nothing that it
   * acknowledged since then is promised. Of one that is gone, only its log counts.
   */
  async #limit({ stream }: LogShipper): Promise<Micros | undefined> {
    if (this.#witnessProblem !== undefined && (await this.#parts.running()) !== 'running') return undefined;
    return this.#witness.lookedFor(stream)?.at ?? stream.resumedAt;
  }

  /** Looks at Cassandra, if the last look will not do. Its failure, or one that takes long, keeps nothing from being shipped. */
  async #lookFirst(
    { stream }: LogShipper,
    willDo: (looked: { readonly at: Micros; readonly ago: number }) => boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const looked = this.#witness.lookedFor(stream);
    if (looked !== undefined && willDo(looked)) return;
    await Promise.race([this.#lookAtDatabase(), this.#parts.clock.sleep(firstLookMs, signal)]);
  }

  async #watchDatabase(): Promise<void> {
    const { clock } = this.#parts;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#lookAtDatabase();
      // A node with another host id has another stream.
      const stream = this.#shipper?.stream;
      if (stream !== undefined && stream.hostId !== this.#state.hostId) await this.#inTurn(async () => this.#renew());
      await clock.sleep(this.#state.hostId === undefined ? 500 : witnessMs, signal).catch(() => undefined);
    }
  }

  /** One look at a time; whoever wants one while it goes on waits for its end. */
  async #lookAtDatabase(): Promise<void> {
    this.#asking ??= this.#askDatabase().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #askDatabase(): Promise<void> {
    try {
      const { hostId, tokens } = await this.#witness.look(this.#shipper?.stream, this.#shipper?.tail.unreadable);
      this.#witnessProblem = undefined;
      const known = this.#state;
      if (known.hostId === hostId && known.tokens?.join() === tokens.join()) return;
      await this.#save({ hostId, tokens: [...tokens] });
    } catch (thrown) {
      const problem = asProblem(thrown, 'Watching Cassandra failed');
      if (problem.happened !== this.#witnessProblem?.happened) {
        this.#parts.log.write('Cassandra cannot be watched', { problem: tracedDocument(problem) });
      }
      this.#witnessProblem = problem;
    }
  }

  async #renew(): Promise<void> {
    if (this.#state.paused) return;
    await this.#end();
    await this.#close();
    this.#begin();
  }
}

/** The later of two segment ids; undefined and null are before any. */
function latest(left: string | null | undefined, right: string | null): string | null {
  if (left === undefined || left === null) return right;
  return right === null || BigInt(left) >= BigInt(right) ? left : right;
}

interface Rounds {
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}
