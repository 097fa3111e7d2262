import { EntryCursor, sectionContent } from '../../commitlog/entries.ts';
import { logDamaged } from '../../commitlog/log-damage.ts';
import { decodeMutation } from '../../commitlog/mutation-reader.ts';
import { readPiece, readPieceHeader } from '../../commitlog/piece.ts';
import { wholeSections } from '../../commitlog/section-chain.ts';
import { headerOfFileName, readSegmentHeader, type SegmentHeader } from '../../commitlog/segment-header.ts';
import { isSystemTable } from '../../commitlog/system-tables.ts';
import { formatTableId } from '../../commitlog/table-layout.ts';
import type { StoredChange } from '../../graph/transactions/stored-change.ts';
import { instantOf, type Micros, micros } from '../../model/instant.ts';
import { type LogPieceHeader, type PieceLink, streamPrefix } from '../../model/log-piece.ts';
import { type LoggedTable, logSchemaDocument, logSchemaPrefix } from '../../model/log-schema.ts';
import { FailedProblem } from '../../model/problem.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { changesOf } from './logged-changes.ts';

/** Part of a timeline's log by the clocks of its nodes. */
export interface LogRange {
  readonly timeline: string;
  readonly from: Micros;
  /** Everything from `from` on when undefined. */
  readonly to: Micros | undefined;
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
  bucket: ObjectStore,
  keyspace: string,
  stretch: LogRange,
  facts: LogRangeFacts,
  signal?: AbortSignal,
): AsyncGenerator<LogPart> {
  const tables = await loggedTables(bucket, stretch.timeline);
  const cursors: StreamCursor[] = [];
  for (const host of facts.streams) cursors.push(await openStream(bucket, stretch, host));
  for (;;) {
    const open = cursors.filter((cursor) => cursor.waiting.length > 0);
    const [cursor] = open.sort((a, b) => a.reached - b.reached);
    if (cursor === undefined) return;
    signal?.throwIfAborted();
    const key = cursor.waiting.shift() ?? '';
    const object = await bucket.get(key);
    // Merging replaces small objects by a large one, which may already be in the listing.
    if (object === undefined) {
      if (cursor.bytesTo >= reachOf(key)) continue;
      cursor.waiting = await keysOf(bucket, stretch.timeline, cursor.host, cursor.lastKey);
      if (cursor.waiting.includes(key) || cursor.waiting.length === 0)
        throw logDamaged(`The shipped log ${key}`, 'it is no longer in the store');
      continue;
    }
    const { header, plain } = readPiece(object.body);
    const from = coveredFrom(header);
    if (stretch.to !== undefined && from > stretch.to) {
      cursor.waiting = [];
      continue;
    }
    facts.objects += 1;
    facts.bytes += plain.length;
    cursor.lastKey = key;
    cursor.bytesTo = reachOf(key);
    cursor.reached = coveredTo(header);
    facts.covered = {
      from: micros(Math.min(facts.covered?.from ?? from, from)),
      to: micros(Math.max(facts.covered?.to ?? 0, cursor.reached)),
    };
    noteHole(cursor, header, facts.holes);
    cursor.segment = await segmentOf(bucket, header, plain, cursor.segment);
    const reached = micros(
      Math.min(...cursors.filter((each) => each === cursor || each.waiting.length > 0).map((each) => each.reached)),
    );
    yield {
      changes: changesIn(plain, header, cursor.segment.header, { tables, keyspace, rows: stretch.rows }),
      reached,
    };
  }
}

/** Host ids that shipped on a timeline, ascending. */
export async function streamsOf(bucket: ObjectStore, timeline: string): Promise<readonly string[]> {
  const hosts: string[] = [];
  for await (const child of bucket.children(`log/${timeline}/`)) {
    const host = child.slice(`log/${timeline}/`.length).replace(/\/$/, '');
    if (/^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(host)) hosts.push(host);
  }
  return hosts;
}

interface StreamCursor {
  readonly host: string;
  waiting: string[];
  reached: Micros;
  lastKey: string | undefined;
  /** Segment and offset up to which it was read. */
  bytesTo: string;
  /** The last piece that was read. */
  last: PieceLink | undefined;
  segment: OpenSegment | undefined;
}

interface OpenSegment {
  readonly file: string;
  readonly header: SegmentHeader;
}

/**
 * The objects, beginning with the one that covers the stretch's beginning. Listing order is log order, so a few headers
 * are enough.
 */
async function openStream(bucket: ObjectStore, { timeline, from }: LogRange, host: string): Promise<StreamCursor> {
  const keys = await keysOf(bucket, timeline, host, undefined);
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const header = await headerAt(bucket, keys[middle] ?? '');
    // An object that was merged meanwhile decides nothing: reading from an earlier one only costs time.
    if (header === undefined || coveredTo(header) >= from) high = middle;
    else low = middle + 1;
  }
  return {
    host,
    waiting: keys.slice(low),
    reached: from,
    lastKey: undefined,
    bytesTo: '',
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

const objectName = /\/(\d{19})\/(\d{10})-(\d{10})$/;

/** Keys of a stream's objects in log order, without those that a merged object contains. */
async function keysOf(
  bucket: ObjectStore,
  timeline: string,
  host: string,
  after: string | undefined,
): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of bucket.list(streamPrefix(timeline, host), after === undefined ? {} : { after })) {
    if (objectName.test(key)) keys.push(key);
  }
  // At one offset the longer object comes after the shorter ones that it replaces, and reaches at least as far as those that follow.
  const kept: string[] = [];
  for (const key of keys) {
    while (kept.length > 0 && startOf(kept.at(-1) ?? '') >= startOf(key) && reachOf(kept.at(-1) ?? '') <= reachOf(key))
      kept.pop();
    if (kept.length === 0 || reachOf(key) > reachOf(kept.at(-1) ?? '')) kept.push(key);
  }
  return kept;
}

function startOf(key: string): string {
  const [, segment = '', from = ''] = objectName.exec(key) ?? [];
  return `${segment}${from}`;
}

function reachOf(key: string): string {
  const [, segment = '', , to = ''] = objectName.exec(key) ?? [];
  return `${segment}${to}`;
}

/** The header line alone, without the bytes behind it. */
async function headerAt(bucket: ObjectStore, key: string): Promise<LogPieceHeader | undefined> {
  if ((await bucket.head(key)) === undefined) return undefined;
  const parts: Uint8Array[] = [];
  for await (const part of await bucket.getStream(key)) {
    parts.push(part);
    if (part.includes(0x0a)) break;
  }
  return readPieceHeader(Buffer.concat(parts));
}

function coveredFrom({ pieces }: LogPieceHeader): Micros {
  return instantOf(pieces[0]?.coveredFrom ?? '');
}

function coveredTo({ pieces }: LogPieceHeader): Micros {
  return instantOf(pieces.at(-1)?.coveredTo ?? '');
}

/**
 * Only the first object of a segment holds its header. If that was not shipped, the file name is used, if it is a usual
 * one.
 */
async function segmentOf(
  bucket: ObjectStore,
  header: LogPieceHeader,
  plain: Uint8Array,
  known: OpenSegment | undefined,
): Promise<OpenSegment> {
  const { file } = header.segment;
  if (known?.file === file) return known;
  if (header.from === 0) return { file, header: readSegmentHeader(plain) };
  const folder = `${streamPrefix(header.timeline, header.hostId)}${header.segment.id.padStart(19, '0')}/`;
  for await (const { key } of bucket.list(folder)) {
    const first = startOf(key).endsWith('0000000000') ? await bucket.get(key) : undefined;
    if (first !== undefined) return { file, header: readSegmentHeader(readPiece(first.body).plain) };
    break;
  }
  const named = headerOfFileName(file);
  if (named === undefined) throw logDamaged('A log piece', `its file name ${file} does not name a segment`);
  return { file, header: named };
}

interface Wanted {
  readonly tables: ReadonlyMap<string, LoggedTable>;
  readonly keyspace: string;
  readonly rows: LogRange['rows'];
}

function* changesIn(
  plain: Uint8Array,
  piece: LogPieceHeader,
  segment: SegmentHeader,
  { tables, keyspace, rows }: Wanted,
): Generator<StoredChange> {
  const skipped = piece.from === 0 ? segment.length : 0;
  const sections = wholeSections(plain.subarray(skipped), segment, piece.from + skipped);
  for (const { from, to } of sections) {
    const content = sectionContent(plain.subarray(from - piece.from, to - piece.from), segment);
    const cursor = new EntryCursor(content, segment.id);
    while (cursor.next()) {
      const mutation = content.subarray(cursor.from, cursor.to);
      // All tables of a mutation are in one keyspace, so the first table is enough.
      const id = firstTable(mutation);
      const table = tables.get(id);
      if (table === undefined ? isSystemTable(id) : table.keyspace !== keyspace) continue;
      if (rows?.(keyOf(mutation)) === false) continue;
      yield* changesOf(decodeMutation(mutation, segment.version, tables), keyspace, piece.hostId);
    }
  }
}

function firstTable(mutation: Uint8Array): string {
  const at = (mutation[0] ?? 0) < 0x80 ? 1 : 2;
  return formatTableId(mutation.subarray(at, at + 16));
}

/** All updates of a mutation have one key; it stands after the first table's id, behind its length. */
function keyOf(mutation: Uint8Array): Uint8Array {
  const at = ((mutation[0] ?? 0) < 0x80 ? 1 : 2) + 16;
  const first = mutation[at] ?? 0;
  // The length's leading ones count the bytes that follow it; a key has at most 64 KiB.
  const more = first < 0x80 ? 0 : Math.clz32(~(first << 24));
  let length = first & (0xff >> more);
  for (let step = 1; step <= more; step += 1) length = length * 256 + (mutation[at + step] ?? 0);
  return mutation.subarray(at + 1 + more, at + 1 + more + length);
}

/** Every table that the timeline's log may have been written under, by id. Throws FailedProblem `log-schema-missing` when there is none. */
async function loggedTables(bucket: ObjectStore, timeline: string): Promise<ReadonlyMap<string, LoggedTable>> {
  const tables = new Map<string, LoggedTable>();
  for await (const { key } of bucket.list(logSchemaPrefix(timeline))) {
    const stored = await bucket.get(key);
    if (stored === undefined) continue;
    for (const table of logSchemaDocument.read(stored.body, key).tables) tables.set(table.id, table);
  }
  if (tables.size > 0) return tables;
  throw new FailedProblem({
    code: 'log-schema-missing',
    happened: `The log of ${timeline} in ${bucket.description} has no schema, so it cannot be read.`,
    state: 'Nothing was changed.',
    next: 'Check with `cardea status` whether the agents ship the log; they write the schema when they begin.',
  });
}
