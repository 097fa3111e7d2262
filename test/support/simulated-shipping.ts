import { zstdCompressSync } from 'node:zlib';
import { chainOf, firstLink } from '../../src/commitlog/piece-chain.ts';
import { canonicalJson } from '../../src/model/canonical-json.ts';
import { timelineId } from '../../src/model/identifiers.ts';
import { formatInstant, type Micros, microsOf } from '../../src/model/instant.ts';
import { logPieceHeader, logPieceKey, watermarkDocument, watermarkKey } from '../../src/model/log-piece.ts';
import { type LogSchema, logSchemaDocument, logSchemaKey } from '../../src/model/log-schema.ts';
import { asProblem } from '../../src/model/problem.ts';
import { sha256 } from '../../src/model/sha256.ts';
import { notDrained } from '../../src/node/shipping/shipping-problems.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { JobParams, JobResult } from '../../src/ports/node-agent.ts';
import { createObject, type ObjectStore } from '../../src/ports/object-store.ts';
import { type Cell, laterTable, segmentOf, tables } from './ring-cells.ts';

interface Waiting {
  readonly segment: { readonly id: bigint };
  readonly cells: readonly Cell[];
}

interface Stream {
  readonly since: Micros;
  covered: Micros;
  sequence: number;
  chain: string;
  /** Whether its beginning is in the store. */
  begun: boolean;
}

interface Parts {
  readonly node: string;
  readonly hostId: string;
  readonly bucket: () => ObjectStore;
  readonly clock: Clock;
  /** Told what is in the store from now on. */
  readonly shipped: (cells: readonly Cell[]) => void;
}

/**
 * The shipping of one node without the tail of a commit log: what the node has written waits here, as it does on its disk, and goes to the
 * store in real pieces when somebody asks for a round.
 */
export class SimulatedShipping {
  paused = false;
  /** An application has made a table that is newer than the first backup. */
  hasLaterTable = false;
  timeline = timelineId.parse('t0001');
  #waiting: Waiting[] = [];
  /** Those that were there when data was moved last. */
  #moved: ReadonlySet<Waiting> = new Set();
  #streams = new Map<string, Stream>();
  /** Whose put did not answer: it is sent again as it was. */
  #pending: { readonly key: string; readonly body: Uint8Array; readonly next: Stream } | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** The node has written. While nothing is shipped it lies on its disk. */
  note(id: bigint, cells: readonly Cell[]): void {
    this.#waiting.push({ segment: { id }, cells });
  }

  /** One after the other. Throws RetryableProblem when the store is away. */
  async ship(): Promise<Stream> {
    const turn = this.#turn.then(async () => this.#ship());
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async pause(signal: AbortSignal): Promise<JobResult['pause-shipping']> {
    const { clock, node } = this.#parts;
    this.paused = true;
    const deadline = clock.monotonic() + 60;
    for (;;) {
      try {
        const { covered, sequence, chain } = await this.ship();
        return { newest: formatInstant(covered), sequence, chain };
      } catch (thrown) {
        if (clock.monotonic() > deadline) throw notDrained(node, asProblem(thrown, 'Shipping').happened);
        await clock.sleep(5000, signal);
      }
    }
  }

  /** What is moved from now on is not what waits here. */
  async hold(): Promise<void> {
    this.paused = true;
    this.#moved = new Set(this.#waiting);
  }

  async begin(
    { timeline, after }: JobParams['start-shipping'],
    signal: AbortSignal,
  ): Promise<JobResult['start-shipping']> {
    const { clock } = this.#parts;
    if (this.timeline !== timeline) {
      this.#waiting = this.#waiting.filter((each) => !this.#moved.has(each));
      this.#pending = undefined;
    }
    this.timeline = timelineId.parse(timeline);
    if (after !== undefined && after !== null) {
      this.#waiting = this.#waiting.filter(({ segment }) => segment.id > BigInt(after));
      this.#pending = undefined;
    }
    this.paused = false;
    const deadline = clock.monotonic() + 30;
    for (;;) {
      try {
        const { since } = await this.ship();
        return { timeline, since: formatInstant(since) };
      } catch {
        if (clock.monotonic() > deadline) return { timeline, since: null };
        await clock.sleep(5000, signal);
      }
    }
  }

  /** The same of another node, whose disk is a copy. */
  copyTo(other: SimulatedShipping): void {
    other.paused = this.paused;
    other.hasLaterTable = this.hasLaterTable;
    other.timeline = this.timeline;
    other.#waiting = [...this.#waiting];
    other.#streams = new Map([...this.#streams].map(([id, stream]) => [id, { ...stream }]));
  }

  async #ship(): Promise<Stream> {
    const { hostId, bucket, clock, shipped } = this.#parts;
    const now = microsOf(clock.now());
    let stream = this.#streams.get(this.timeline);
    if (stream === undefined) {
      stream = { since: now, covered: now, sequence: 0, chain: firstLink(this.timeline, hostId), begun: false };
      this.#streams.set(this.timeline, stream);
    }
    if (!stream.begun) {
      await createObject(bucket(), ...schemaOf(this.timeline, stream.since, this.hasLaterTable));
      await this.#tell(stream);
      stream.begun = true;
    }
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const { key, body, next } = (this.#pending ??= this.#piece(stream, first, now));
      await createObject(bucket(), key, body);
      this.#pending = undefined;
      this.#waiting.shift();
      Object.assign(stream, next);
      shipped(first.cells);
    }
    stream.covered = now;
    await this.#tell(stream);
    return stream;
  }

  #piece(stream: Stream, { segment: { id }, cells }: Waiting, now: Micros) {
    const { hostId, node } = this.#parts;
    const { file, bytes: plain } = segmentOf(id, cells);
    const segment = { id: String(id), file };
    const sum = sha256(plain);
    const link = {
      sequence: stream.sequence + 1,
      from: 0,
      to: plain.length,
      sha256: sum,
      previous: stream.chain,
      coveredFrom: formatInstant(stream.covered),
      coveredTo: formatInstant(now),
    };
    const chain = chainOf(link, segment.id);
    const header = logPieceHeader.body.parse({
      timeline: this.timeline,
      hostId,
      node,
      segment,
      from: 0,
      to: plain.length,
      sha256: sum,
      closesSegment: true,
      pieces: [{ ...link, chain }],
    });
    const { kind, version } = logPieceHeader;
    const line = JSON.stringify({ kind, version, ...header, check: sha256(canonicalJson(header)) });
    return {
      key: logPieceKey(header),
      body: Buffer.concat([Buffer.from(`${line}\n`), zstdCompressSync(plain)]),
      next: { ...stream, sequence: link.sequence, chain, covered: now },
    };
  }

  async #tell({ since, covered, sequence, chain }: Stream): Promise<void> {
    const { hostId, node, bucket } = this.#parts;
    const body = watermarkDocument.write({
      timeline: this.timeline,
      hostId,
      node,
      at: formatInstant(covered),
      since: formatInstant(since),
      sequence,
      chain,
    });
    await bucket().put(watermarkKey(this.timeline, hostId), body);
  }
}

/** Where the schema lies that is in force from then on, and its document. */
export function schemaOf(timeline: LogSchema['timeline'], at: Micros, withLater: boolean): [string, string] {
  const schema: LogSchema = {
    timeline,
    at: formatInstant(at),
    schemaVersion: withLater ? 'two' : 'one',
    tables: withLater ? [...tables, laterTable] : tables,
    keyspaces: [{ keyspace: 'bank', durableWrites: true, replication: { class: 'NetworkTopologyStrategy', dc1: '3' } }],
    cql: withLater ? `CREATE TABLE bank.later (key blob PRIMARY KEY) WITH ID = ${laterTable.id};` : '',
  };
  return [logSchemaKey(schema), logSchemaDocument.write(schema)];
}
