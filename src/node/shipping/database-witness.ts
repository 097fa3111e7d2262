import { formatInstant, instantOf, type Micros, micros, microsOf } from '../../model/instant.ts';
import type { LogMark } from '../../model/log-piece.ts';
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
const unloggedReason = ' has durable_writes = false: its writes are not in the log';

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
  #lookedMono = 0;
  /** The mark of the keyspaces that are not logged, as long as they are the same. */
  #unlogged: Unlogged | undefined;
  #tokens: readonly string[] | undefined;

  constructor(parts: WitnessParts, tokens: readonly string[] | undefined) {
    this.#parts = parts;
    this.#tokens = tokens;
  }

  /** Tells the stream what happened since the last look. Before there is a stream only the answer counts. Throws RetryableProblem. */
  async look(stream: StreamWriter | undefined): Promise<DatabaseGlance> {
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
    await this.#withoutLog(stream, until);
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
    this.#known = newest === 'damaged' ? undefined : newest;
    this.#told.clear();
    this.#unlogged = undefined;
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
    if (seen.updatedAt * 1000 < stream.since) return;
    const what = `${seen.operation} streamed in data that is not in the log of this node (stream ${seen.id})`;
    // Marked at once, and again when it has ended: data that came in between counts as well.
    await this.#once(`stream ${seen.id}`, async () => stream.mark('bypass', from, until, what));
    if (!seen.ended) return;
    await this.#once(`end ${seen.id}`, async () =>
      stream.mark('bypass', micros(from + 1), until, `${what}, to its end`),
    );
  }

  /** One mark for each change of what is not logged: it is brought up to the present as long as that stays. */
  async #withoutLog(stream: StreamWriter, until: Micros): Promise<void> {
    const names = (this.#known?.keyspaces ?? [])
      .filter(({ keyspace, durableWrites }) => !durableWrites && isUserKeyspace(keyspace))
      .map(({ keyspace }) => keyspace)
      .sort()
      .join(', ');
    const before = this.#unlogged ?? (names === '' ? undefined : this.#unloggedBefore(names));
    if (before?.names === names && until - before.until < repeatMicros) return;
    if (before !== undefined) await stream.extendMark('bypass', before.from, until, `${before.names}${unloggedReason}`);
    this.#unlogged = before?.names === names ? { ...before, until } : undefined;
    if (names === '' || this.#unlogged !== undefined) return;
    const from = this.#lookedAt ?? stream.since;
    await stream.extendMark('bypass', from, until, `${names}${unloggedReason}`);
    this.#unlogged = { names, from, until };
  }

  /** The mark that the previous agent of the stream, or this one before its restart, has brought up to its end. */
  #unloggedBefore(names: string): Unlogged | undefined {
    const marks = this.#marks.filter(({ what, reason }) => what === 'bypass' && reason === `${names}${unloggedReason}`);
    const newest = marks.at(-1);
    return newest === undefined ? undefined : { names, from: instantOf(newest.at), until: instantOf(newest.until) };
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

interface Unlogged {
  readonly names: string;
  readonly from: Micros;
  readonly until: Micros;
}
