import { readStreamedPieceHeader } from '../../commitlog/piece.ts';
import { formatInstant, instantOf, type Micros, micros, microsOf } from '../../model/instant.ts';
import { type LogMark, placeOfPiece, streamPrefix } from '../../model/log-piece.ts';
import {
  type LogSchema,
  isUserKeyspace,
  logSchemaDocument,
  logSchemaKey,
  logSchemaPrefix,
} from '../../model/log-schema.ts';
import { FailedProblem } from '../../model/problem.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DatabaseGlance, LoggedDatabase, SchemaOfLog, StreamSeen } from '../../ports/logged-database.ts';
import { createObject, type ObjectStore } from '../../ports/object-store.ts';
import type { StreamWriter } from './stream-writer.ts';
import { changesOfExisting } from './schema-change.ts';
import { mendMarks } from './stored-marks.ts';

/** How often the mark of keyspaces whose writes bypass the log is brought up to the present. */
const repeatMicros = 600e6;
/** Twice that: an agent that is away for a moment is late. */
const aheadMicros = 2 * repeatMicros;
const unlogged = 'has durable_writes = false: its writes are not in the log';
const unread = 'the log of this node cannot be read: ';

export interface WitnessParts {
  readonly database: LoggedDatabase;
  readonly bucket: ObjectStore;
  readonly clock: Clock;
}

/**
 * Watches Cassandra for what the log alone does not show: its schema with table ids, written to the bucket at each
 * change, and changes of data that bypass the log, written as marks.
 */
export class DatabaseWitness {
  readonly #parts: WitnessParts;
  #stream: StreamWriter | undefined;
  #lookedAt: Micros | undefined;
  #known: SchemaOfLog | undefined;
  #told = new Set<string>();
  /** Truncates that are marked already, by this agent or one before. */
  #marks: readonly LogMark[] = [];
  /**
   * From when on the store has the stream's log, where retention has removed what came before. Cassandra goes on to tell of changes of that time,
   * and marks of them went with the log: told once more, they would ask for a newer base than there is.
   */
  #kept: Micros = micros(0);
  #lookedMono = 0;
  /** The marks of what goes on, as long as it is the same: of keyspaces that are not logged, and of a log that nobody here can read. */
  #goingOn: Partial<Record<GoingOn, Going>> = {};
  #tokens: readonly string[] | undefined;

  constructor(parts: WitnessParts, tokens: readonly string[] | undefined) {
    this.#parts = parts;
    this.#tokens = tokens;
  }

  /**
   * Tells the stream what happened since the last look. Before there is a stream only the answer counts. `unreadable`: why what Cassandra writes
   * now cannot be read, as a clause. Throws RetryableProblem.
   */
  async look(stream: StreamWriter | undefined, unreadable?: string): Promise<DatabaseGlance> {
    const { database, clock } = this.#parts;
    const now = microsOf(clock.now());
    const mono = clock.monotonic();
    const glance = await database.glance();
    if (stream === undefined) return glance;
    const until = micros(microsOf(clock.now()) + 1000);
    if (stream !== this.#stream) await this.#begin(stream);
    const before = this.#lookedAt ?? stream.resumedAt;
    if (glance.schemaVersion !== this.#known?.schemaVersion) await this.#schemaChanged(stream, before);
    await this.#truncations(stream, glance, before, until);
    for (const seen of glance.streams) await this.#streamed(stream, seen, until);
    await this.#goesOn(stream, 'unlogged', { reason: this.#unlogged(), from: this.#lookedAt ?? stream.since, until });
    const reason = unreadable === undefined ? undefined : `${unread}${unreadable}`;
    await this.#goesOn(stream, 'unread', { reason, from: before, until });
    await this.#tokensChanged(stream, glance.tokens, before, until);
    this.#lookedAt = now;
    this.#lookedMono = mono;
    return glance;
  }

  /**
   * The last look whose every mark is in the store, and how long ago it was in seconds; undefined before the first look
   * for this stream.
   */
  lookedFor(stream: StreamWriter): { readonly at: Micros; readonly ago: number } | undefined {
    if (stream !== this.#stream || this.#lookedAt === undefined) return undefined;
    return { at: this.#lookedAt, ago: this.#parts.clock.monotonic() - this.#lookedMono };
  }

  /** Changes are found by comparison with what the previous agent wrote. */
  async #begin(stream: StreamWriter): Promise<void> {
    const newest = await this.#newest(stream.timeline);
    this.#marks = await mendMarks(this.#parts.bucket, stream.timeline, stream.hostId);
    this.#kept = await keptFrom(this.#parts.bucket, stream);
    this.#known = newest === 'damaged' ? undefined : newest;
    this.#told.clear();
    this.#goingOn = {};
    this.#lookedAt = undefined;
    this.#stream = stream;
  }

  async #newest(timeline: string): Promise<LogSchema | 'damaged' | undefined> {
    const { bucket } = this.#parts;
    let newest: string | undefined;
    for await (const { key } of bucket.list(logSchemaPrefix(timeline))) newest = key;
    const stored = newest === undefined ? undefined : await bucket.get(newest);
    if (stored === undefined || newest === undefined) return undefined;
    try {
      return logSchemaDocument.read(stored.body, newest);
    } catch (error) {
      // Another one is written after it, and a base that is taken from then on can be brought forward again.
      if (error instanceof FailedProblem && error.code === 'bad-document') return 'damaged';
      throw error;
    }
  }

  async #schemaChanged(stream: StreamWriter, before: Micros): Promise<void> {
    const { bucket, clock, database } = this.#parts;
    const schema = await database.schema();
    const until = micros(microsOf(clock.now()) + 1000);
    const newest = await this.#newest(stream.timeline);
    // Another node's agent may have been first.
    if (newest === undefined || newest === 'damaged' || newest.schemaVersion !== schema.schemaVersion) {
      const { timeline } = stream;
      // Nothing was written to it before the look that did not see it yet.
      const at = formatInstant(newest === undefined ? stream.since : before);
      const document: LogSchema = { timeline, at, ...schema };
      await createObject(bucket, logSchemaKey(document), logSchemaDocument.write(document));
    }
    const changes = this.#known === undefined ? [] : changesOfExisting(this.#known, schema);
    if (changes.length > 0) await stream.mark('schema', before, until, changes.join('; '));
    this.#known = schema;
  }

  /** Cassandra tells only the last truncate of each table: there may have been others since the last look. */
  async #truncations(
    stream: StreamWriter,
    { truncated }: DatabaseGlance,
    before: Micros,
    until: Micros,
  ): Promise<void> {
    for (const [id, atMs] of truncated) {
      const at = micros(atMs * 1000);
      const table = this.#known?.tables.find((each) => each.id === id);
      if (at < stream.since || table === undefined || !isUserKeyspace(table.keyspace)) continue;
      if (at < this.#kept) continue;
      const reason = `${table.keyspace}.${table.table} was truncated`;
      // Marked by an agent before: told once more, it would ask for a newer base.
      const marked = this.#marks.some(
        (mark) =>
          mark.what === 'truncate' &&
          mark.reason.includes(reason) &&
          instantOf(mark.at) <= at &&
          at <= instantOf(mark.until),
      );
      if (marked) continue;
      // Two tables may have been truncated since the same look: one mark tells of both.
      await this.#once(`truncate ${id} ${atMs}`, async () =>
        stream.widenMark('truncate', micros(Math.min(at, before)), until, reason),
      );
    }
  }

  async #streamed(stream: StreamWriter, seen: StreamSeen, until: Micros): Promise<void> {
    const from = micros(Math.round(seen.startedAt * 1000));
    const last = seen.updatedAt * 1000;
    if (last < stream.since || (seen.ended && last < this.#kept)) return;
    const what = `${seen.operation} streamed in data that is not in the log of this node (stream ${seen.id})`;
    // Marked at once, and again when it has ended: data that came in between counts as well.
    await this.#once(`stream ${seen.id}`, async () => stream.mark('bypass', from, until, what));
    if (!seen.ended) return;
    await this.#once(`end ${seen.id}`, async () =>
      stream.mark('bypass', micros(from + 1), until, `${what}, to its end`),
    );
  }

  #unlogged(): string | undefined {
    const names = (this.#known?.keyspaces ?? [])
      .filter(({ keyspace, durableWrites }) => !durableWrites && isUserKeyspace(keyspace))
      .map(({ keyspace }) => keyspace)
      .sort()
      .join(', ');
    return names === '' ? undefined : `${names} ${unlogged}`;
  }

  /**
   * One mark for each change of what goes on. As long as that stays, its end lies ahead, further than to when it is brought forward
   * again: a base that is taken meanwhile is none from after it.
   */
  async #goesOn(
    stream: StreamWriter,
    kind: GoingOn,
    { reason, from, until }: { readonly reason: string | undefined; readonly from: Micros; readonly until: Micros },
  ): Promise<void> {
    const before = this.#goingOn[kind] ?? (reason === undefined ? undefined : this.#markedBefore(reason));
    const isSame = before !== undefined && before.reason === reason;
    if (isSame && until - before.told < repeatMicros) {
      this.#goingOn[kind] = before;
      return;
    }
    const ahead = micros(until + aheadMicros);
    if (before !== undefined) await stream.extendMark('bypass', before.from, isSame ? ahead : until, before.reason);
    if (reason !== undefined && !isSame) await stream.extendMark('bypass', from, ahead, reason);
    if (reason === undefined) delete this.#goingOn[kind];
    else this.#goingOn[kind] = { reason, from: isSame ? before.from : from, told: until };
  }

  /** The mark that the previous agent of the stream, or this one before its restart, has brought up to its end. */
  #markedBefore(reason: string): Going | undefined {
    const newest = this.#marks.filter((mark) => mark.what === 'bypass' && mark.reason === reason).at(-1);
    if (newest === undefined) return undefined;
    return { reason, from: instantOf(newest.at), told: micros(instantOf(newest.until) - aheadMicros) };
  }

  async #tokensChanged(stream: StreamWriter, tokens: readonly string[], before: Micros, until: Micros): Promise<void> {
    const known = this.#tokens;
    if (known !== undefined && known.join() !== tokens.join()) {
      // The mark of keyspaces without log may be of the same instant.
      const reason = 'the tokens of the node changed: it received data of other ranges';
      await stream.widenMark('bypass', before, until, reason);
    }
    this.#tokens = tokens;
  }

  async #once(what: string, tell: () => Promise<void>): Promise<void> {
    if (this.#told.has(what)) return;
    await tell();
    this.#told.add(what);
  }
}

/** Zero where the log is there from its beginning on, or where nobody can tell. */
async function keptFrom(bucket: ObjectStore, { timeline, hostId }: StreamWriter): Promise<Micros> {
  for await (const { key } of bucket.list(streamPrefix(timeline, hostId))) {
    if (placeOfPiece(key) === undefined) break;
    try {
      const [first] = (await readStreamedPieceHeader(await bucket.getStream(key))).pieces;
      if (first !== undefined && first.sequence > 1) return instantOf(first.coveredFrom);
    } catch (error) {
      if (!(error instanceof FailedProblem)) throw error;
    }
    break;
  }
  return micros(0);
}

type GoingOn = 'unlogged' | 'unread';

interface Going {
  readonly reason: string;
  readonly from: Micros;
  /** When its mark was brought forward last. */
  readonly told: Micros;
}
