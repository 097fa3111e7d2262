import { longestLag } from '../../commitlog/verified-stream.ts';
import { logDamaged, readingObject } from '../../commitlog/log-damage.ts';
import { firstTableOf, partitionKeyOf } from '../../commitlog/mutation-glance.ts';
import { decodeMutation, isAllLater } from '../../commitlog/mutation-reader.ts';
import { readPiece, type ReadPiece, readStreamedPieceHeader } from '../../commitlog/piece.ts';
import { mutationsOf, segmentHeaderOf } from '../../commitlog/piece-content.ts';
import type { SegmentHeader } from '../../commitlog/segment-header.ts';
import { isSystemTable } from '../../commitlog/system-tables.ts';
import { tableIndexOf } from '../../commitlog/table-layout.ts';
import type { StoredChange } from '../../graph/transactions/stored-change.ts';
import { instantOf, type Micros, micros } from '../../model/instant.ts';
import {
  hostOfStream,
  type LogPieceHeader,
  type PieceLink,
  type PiecePlace,
  placeOfPiece,
  segmentPrefix,
  streamPrefix,
  widestPieces,
} from '../../model/log-piece.ts';
import { type LoggedTable, type LogSchema, logSchemaDocument, logSchemaPrefix } from '../../model/log-schema.ts';
import { FailedProblem } from '../../model/problem.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { indexedBefore } from '../catalog/stream-reading.ts';
import { changesOf } from './logged-changes.ts';

/** Where the shipped log of an environment lies, and which keyspace is the graph's. */
export interface GraphLog {
  readonly bucket: ObjectStore;
  readonly keyspace: string;
}

/** Part of a timeline's log by the clocks of its nodes. */
export interface LogRange {
  readonly timeline: string;
  readonly from: Micros;
  /** Everything from `from` on when undefined. */
  readonly to: Micros | undefined;
  /** Write times after it are not wanted: what holds nothing else may be written to a table that no schema tells of. */
  readonly last?: Micros | undefined;
  /** Only changes of these partition keys: the others are skipped without being decoded. */
  readonly rows?: (key: Uint8Array) => boolean;
}

/** The graph's changes in one object of the log, and how far all streams have been read together with it. */
export interface LogPart {
  readonly changes: Iterable<StoredChange>;
  /** Every stream has been read up to here. */
  readonly reached: Micros;
}

export interface LogRangeFacts {
  readonly streams: readonly string[];
  /**
   * The part of the stretch that the log of these streams covers: the first and last instant of the objects that were
   * read.
   */
  covered: { from: Micros; to: Micros } | undefined;
  objects: number;
  bytes: number;
  /** Where objects of a stream are missing, for people. Another replica's stream may hold the same changes. */
  readonly holes: string[];
}

/**
 * The graph's changes in a stretch of the shipped log, object by object. The next object is always one of the stream
 * that is furthest behind, so that all streams advance through time together. One object is in memory at a time, and
 * each is checked as it is read. Throws FailedProblem `log-damaged`, `log-table-unknown`, and what the decoder throws.
 */
export async function* readLogRange(
  { bucket, keyspace }: GraphLog,
  stretch: LogRange,
  facts: LogRangeFacts,
  signal?: AbortSignal,
): AsyncGenerator<LogPart> {
  const cursors: StreamCursor[] = [];
  for (const host of facts.streams) cursors.push(await openStream(bucket, stretch, host));
  // On a timeline on which nothing was shipped yet there may be no schema either.
  if (cursors.every(({ waiting }) => waiting.length === 0)) return;
  const tables = await loggedTables(bucket, stretch.timeline);
  for (;;) {
    const open = cursors.filter((cursor) => cursor.waiting.length > 0);
    const [cursor] = open.sort((a, b) => a.reached - b.reached);
    if (cursor === undefined) return;
    signal?.throwIfAborted();
    const next = cursor.waiting.shift();
    if (next === undefined) continue;
    const { key } = next;
    const object = await bucket.get(key);
    // Merging replaces small objects by a large one, which may already be in the listing.
    if (object === undefined) {
      if (cursor.read !== undefined && reaches(cursor.read, next)) continue;
      cursor.waiting = await objectsOf(bucket, stretch.timeline, cursor.host, cursor.read?.key);
      if (cursor.waiting.some((each) => each.key === key) || cursor.waiting.length === 0)
        throw logDamaged(`The shipped log ${key}`, 'it is no longer in the store');
      continue;
    }
    const { header, plain } = await readingObject(key, () => readPiece(object.body));
    const from = coveredFrom(header);
    if (stretch.to !== undefined && from > stretch.to) {
      cursor.waiting = [];
      continue;
    }
    facts.objects += 1;
    facts.bytes += plain.length;
    cursor.read = next;
    cursor.reached = coveredTo(header);
    facts.covered = {
      from: micros(Math.min(facts.covered?.from ?? from, from)),
      to: micros(Math.max(facts.covered?.to ?? 0, cursor.reached)),
    };
    noteHole(cursor, header, facts.holes);
    cursor.segment = await segmentOf(bucket, { header, plain }, cursor.segment);
    const reached = micros(
      Math.min(...cursors.filter((each) => each === cursor || each.waiting.length > 0).map((each) => each.reached)),
    );
    yield {
      changes: changesIn({ header, plain }, cursor.segment.header, {
        tables,
        keyspace,
        rows: stretch.rows,
        last: stretch.last,
      }),
      reached,
    };
  }
}

/** Host ids that shipped on a timeline, ascending. */
export async function streamsOf(bucket: ObjectStore, timeline: string): Promise<readonly string[]> {
  const hosts: string[] = [];
  for await (const child of bucket.children(`log/${timeline}/`)) {
    const host = hostOfStream(child);
    if (host !== undefined) hosts.push(host);
  }
  return hosts;
}

interface StreamCursor {
  readonly host: string;
  waiting: StoredObject[];
  reached: Micros;
  /** The last object that was read. */
  read: StoredObject | undefined;
  /** The last piece that was read. */
  last: PieceLink | undefined;
  segment: OpenSegment | undefined;
}

interface OpenSegment {
  readonly file: string;
  readonly header: SegmentHeader;
}

/**
 * The objects, beginning with the first that may hold something of the stretch (see `readingFrom`). Listing order is log order, so a few headers
 * are enough.
 */
async function openStream(bucket: ObjectStore, { timeline, from }: LogRange, host: string): Promise<StreamCursor> {
  const objects = await objectsOf(
    bucket,
    timeline,
    host,
    await indexedBefore(bucket, { timeline, hostId: host }, from),
  );
  const safely = from - longestLag;
  const endOf = async (at: number) => {
    const header = await headerAt(bucket, objects[at]?.key ?? '');
    return header && coveredTo(header);
  };
  let low = 0;
  let high = objects.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const end = await endOf(middle);
    // An object that was merged meanwhile decides nothing: reading from an earlier one only costs time.
    if (end === undefined || end > safely) high = middle;
    else low = middle + 1;
  }
  // The ones before it that say the same were shipped in one go with it.
  const before = low === 0 ? undefined : await endOf(low - 1);
  while (low > 0 && (await endOf(low - 1)) === before) low -= 1;
  return {
    host,
    waiting: objects.slice(low),
    reached: from,
    read: undefined,
    last: undefined,
    segment: undefined,
  };
}

/** The pieces of a stream are a chain; one that was merged meanwhile may come again. */
function noteHole(cursor: StreamCursor, { node, pieces }: LogPieceHeader, holes: string[]): void {
  const [first] = pieces;
  const { last } = cursor;
  cursor.last = pieces.at(-1);
  if (first === undefined || last === undefined || first.sequence <= last.sequence) return;
  if (first.sequence === last.sequence + 1 && first.previous === last.chain) return;
  holes.push(`the log of ${node} from ${last.coveredTo} to ${first.coveredFrom} is missing`);
}

interface StoredObject extends PiecePlace {
  readonly key: string;
}

/** A stream's objects in log order, without those that a merged object contains. */
async function objectsOf(
  bucket: ObjectStore,
  timeline: string,
  host: string,
  after: string | undefined,
): Promise<StoredObject[]> {
  const segments = new Map<string, StoredObject[]>();
  for await (const { key } of bucket.list(streamPrefix(timeline, host), after === undefined ? {} : { after })) {
    const place = placeOfPiece(key);
    if (place === undefined) continue;
    const object = { key, ...place };
    const others = segments.get(place.segment);
    if (others === undefined) segments.set(place.segment, [object]);
    else others.push(object);
  }
  // The listing's order is that of the segments.
  return [...segments.values()].flatMap((objects) => widestPieces(objects).widest);
}

/** Whether everything up to the end of the other is behind the end of this one. */
function reaches(one: StoredObject, other: StoredObject): boolean {
  return one.segment === other.segment ? one.to >= other.to : one.segment > other.segment;
}

/** The header line alone, without the bytes behind it. */
async function headerAt(bucket: ObjectStore, key: string): Promise<LogPieceHeader | undefined> {
  if ((await bucket.head(key)) === undefined) return undefined;
  return readingObject(key, async () => readStreamedPieceHeader(await bucket.getStream(key)));
}

function coveredFrom({ pieces }: LogPieceHeader): Micros {
  return instantOf(pieces[0]?.coveredFrom ?? '');
}

function coveredTo({ pieces }: LogPieceHeader): Micros {
  return instantOf(pieces.at(-1)?.coveredTo ?? '');
}

/** Only the first object of a segment holds its header. */
async function segmentOf(bucket: ObjectStore, piece: ReadPiece, known: OpenSegment | undefined): Promise<OpenSegment> {
  const { header } = piece;
  const { file } = header.segment;
  if (known?.file === file) return known;
  if (header.from === 0) return { file, header: segmentHeaderOf(piece) };
  for await (const { key } of bucket.list(segmentPrefix(header, header.segment.id))) {
    const first = placeOfPiece(key)?.from === 0 ? await bucket.get(key) : undefined;
    if (first !== undefined) {
      return { file, header: segmentHeaderOf(await readingObject(key, () => readPiece(first.body))) };
    }
    break;
  }
  return { file, header: segmentHeaderOf(piece) };
}

interface Wanted {
  readonly tables: ReadonlyMap<string, LoggedTable>;
  readonly keyspace: string;
  readonly rows: LogRange['rows'];
  readonly last: LogRange['last'];
}

function* changesIn(
  piece: ReadPiece,
  segment: SegmentHeader,
  { tables, keyspace, rows, last }: Wanted,
): Generator<StoredChange> {
  const decode = (mutation: Uint8Array) => {
    try {
      return decodeMutation(mutation, segment.version, tables);
    } catch (thrown) {
      if (last === undefined || !(thrown instanceof FailedProblem) || thrown.code !== 'log-table-unknown') throw thrown;
      if (!isAllLater(mutation, tableIndexOf(tables, segment.version), { lastKept: last })) throw thrown;
      return undefined;
    }
  };
  for (const mutation of mutationsOf(piece, segment)) {
    const id = firstTableOf(mutation);
    const table = id === undefined ? undefined : tables.get(id);
    const others = table === undefined ? id !== undefined && isSystemTable(id) : table.keyspace !== keyspace;
    if (others || rows?.(partitionKeyOf(mutation)) === false) continue;
    const decoded = decode(mutation);
    if (decoded !== undefined) yield* changesOf(decoded, keyspace, piece.header.hostId);
  }
}

/**
 * Every table that the timeline's log may have been written under, by id. A schema that is damaged is passed over: others tell of the same
 * tables, and a table of which none tells is named where it is met. Throws FailedProblem `log-schema-missing` when there is none.
 */
async function loggedTables(bucket: ObjectStore, timeline: string): Promise<ReadonlyMap<string, LoggedTable>> {
  const tables = new Map<string, LoggedTable>();
  for await (const { key } of bucket.list(logSchemaPrefix(timeline))) {
    const stored = await bucket.get(key);
    const schema = stored === undefined ? undefined : readable(stored.body, key);
    for (const table of schema?.tables ?? []) tables.set(table.id, table);
  }
  if (tables.size > 0) return tables;
  throw new FailedProblem({
    code: 'log-schema-missing',
    happened: `The log of ${timeline} in ${bucket.description} has no schema, so it cannot be read.`,
    state: 'Nothing was changed.',
    next: 'Check with `cardea status` whether the agents ship the log; they write the schema when they begin.',
  });
}

function readable(body: Uint8Array, key: string): LogSchema | undefined {
  try {
    return logSchemaDocument.read(body, key);
  } catch (error) {
    if (error instanceof FailedProblem && error.code === 'bad-document') return undefined;
    throw error;
  }
}
