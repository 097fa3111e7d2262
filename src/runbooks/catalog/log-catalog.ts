import { type LogFault, StreamFold, type VerifiedStream } from '../../commitlog/verified-stream.ts';
import { type Micros, formatInstant, instantOf, micros, microsOf, parseInstant } from '../../model/instant.ts';
import {
  type LogMark,
  type Watermark,
  hostOfStream,
  logMarkCopyKey,
  logMarkDocument,
  logMarkFolders,
  logMarkKey,
  watermarkDocument,
  watermarkKey,
} from '../../model/log-piece.ts';
import { type LogSchema, instantOfSchemaKey, logSchemaDocument, logSchemaPrefix } from '../../model/log-schema.ts';
import { mapConcurrently } from '../../model/map-concurrently.ts';
import type { KnownTimeline } from './timeline-record.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { failed, requestsAtOnce } from './piece-headers.ts';
import { foldStream } from './stream-reading.ts';
import { listTimelines } from './timeline-catalog.ts';

/** Everything shipped from an environment that can be trusted. */
export interface LogCatalog {
  readonly timelines: readonly KnownTimeline[];
  /** By timeline id; a timeline on which nothing was shipped has none. */
  readonly logs: ReadonlyMap<string, TimelineLog>;
}

export interface TimelineLog {
  readonly timeline: string;
  /** Ascending by host id. */
  readonly streams: readonly VerifiedStream[];
  /** Ascending by `at`. */
  readonly schemas: readonly StoredSchema[];
  /** Those that cannot be read: from `at` to the next one nobody can tell what the log means. */
  readonly damagedSchemas?: ReadonlyArray<{ readonly key: string; readonly at: Micros }>;
  /** Faults outside the streams: a schema that cannot be read, an object that does not belong there. */
  readonly faults: readonly LogFault[];
}

export interface StoredSchema {
  readonly key: string;
  readonly at: Micros;
  readonly schema: LogSchema;
}

export interface Reading {
  readonly signal?: AbortSignal;
  /** Objects that are known to be damaged, with the reason; they do not count. */
  readonly damaged?: ReadonlyMap<string, string>;
  /**
   * Read only what was shipped after this instant, and a little more: for callers that need only the newest instants.
   */
  readonly since?: Micros;
  /** Keep each piece that reaches beyond this instant, and a little more. Without it none: a window needs none, and a month of log has many. */
  readonly piecesSince?: Micros;
  /**
   * Called each time a watermark was read: the lag is measured against this moment, not against the end of the reading.
   */
  readonly onWatermark?: () => void;
}

/**
 * Reads what was shipped, in parallel, and only the header of each piece. A damaged, missing, swapped or duplicate
 * piece does not throw: it is a fault of its stream, and what can no longer be proved because of it is not covered.
 */
export async function readLogCatalog(bucket: ObjectStore, reading: Reading = {}): Promise<LogCatalog> {
  const timelines = await listTimelines(bucket);
  const logs = await Promise.all(timelines.map(async ({ id }) => readTimeline(bucket, id, reading)));
  return { timelines, logs: new Map(logs.map((log) => [log.timeline, log])) };
}

async function readTimeline(bucket: ObjectStore, timeline: string, reading: Reading): Promise<TimelineLog> {
  const faults: LogFault[] = [];
  const hosts: string[] = [];
  let schemas: string | undefined;
  for await (const child of bucket.children(`log/${timeline}/`)) {
    const host = hostOfStream(child);
    if (host !== undefined) hosts.push(host);
    else if (child === logSchemaPrefix(timeline)) schemas = child;
    else faults.push({ key: child, reason: 'it does not belong to a shipped log' });
  }
  // Together, so that a store which is away for both is one failure that somebody waits for.
  const [streams, read] = await Promise.all([
    Promise.all(hosts.map(async (hostId) => readStream(bucket, { timeline, hostId }, reading))),
    schemas === undefined ? { schemas: [] } : readSchemas(bucket, schemas, faults),
  ]);
  return { timeline, streams, ...read, faults };
}

/** Agents ship and merge while this reads, so a stream with faults is read again: they count only if they are still there. */
async function readStream(bucket: ObjectStore, place: Place, reading: Reading): Promise<VerifiedStream> {
  const stream = await readOnce(bucket, place, reading);
  return stream.faults.length === 0 ? stream : readOnce(bucket, place, reading);
}

async function readOnce(bucket: ObjectStore, place: Place, reading: Reading): Promise<VerifiedStream> {
  const faults: LogFault[] = [];
  // Read before the listing: the watermark must not name what was shipped after the listing.
  const watermark = await readWatermark(bucket, watermarkKey(place.timeline, place.hostId), place, faults);
  reading.onWatermark?.();
  const marks = await readMarks(bucket, place, faults);
  const fold = new StreamFold({
    ...place,
    watermark,
    faults,
    piecesSince: reading.piecesSince,
    bytesSince: reading.since,
  });
  await foldStream(bucket, place, fold, reading);
  return fold.end(marks);
}

async function readMarks(bucket: ObjectStore, place: Place, faults: LogFault[]): Promise<readonly LogMark[]> {
  const folders = logMarkFolders(place.timeline, place.hostId);
  const names = new Set<string>();
  for (const folder of [folders.copies, folders.marks]) {
    for await (const { key } of bucket.list(folder)) names.add(key.slice(folder.length));
  }
  const marks = await mapConcurrently([...names].sort(), requestsAtOnce, async (name) =>
    readMark(bucket, name, place, faults),
  );
  return marks.filter((mark) => mark !== undefined);
}

/** A mark as it counts: a lost one, or one of which the store has only an older version, as its copy tells it. */
async function readMark(
  bucket: ObjectStore,
  name: string,
  place: Place,
  faults: LogFault[],
): Promise<LogMark | undefined> {
  const folders = logMarkFolders(place.timeline, place.hostId);
  const [key, copyKey] = [`${folders.marks}${name}`, `${folders.copies}${name}`];
  const ofCopy: LogFault[] = [];
  const [mark, copy] = await Promise.all([
    readMarkAt(bucket, key, { place, faults, keyOf: logMarkKey }),
    readMarkAt(bucket, copyKey, { place, faults: ofCopy, keyOf: logMarkCopyKey }),
  ]);
  if (mark === undefined) {
    if (copy === undefined) return undefined;
    faults.push({ key, reason: `the mark is lost; its copy counts in its place: ${copyKey}` }, ...ofCopy);
    return copy.mark;
  }
  // What is wrong with a copy is of no account beside its mark, and its agent mends it.
  if (copy?.readable !== true) return mark.mark;
  if (!mark.readable) return copy.mark;
  if (instantOf(copy.mark.until) <= instantOf(mark.mark.until)) return mark.mark;
  faults.push({ key, reason: `it is an older version of the mark; its copy counts in its place: ${copyKey}` });
  return copy.mark;
}

export interface Place {
  readonly timeline: string;
  readonly hostId: string;
}

async function readWatermark(
  bucket: ObjectStore,
  key: string,
  place: Place,
  faults: LogFault[],
): Promise<Watermark | undefined> {
  const watermark = await readDocument(bucket, key, watermarkDocument, faults);
  if (watermark === undefined) return undefined;
  return isAt(watermark, place) ? watermark : faulty(faults, key, `it is the watermark of ${watermark.node}`);
}

interface FoundMark {
  readonly mark: LogMark;
  /** False: only its name could be read. */
  readonly readable: boolean;
}

async function readMarkAt(
  bucket: ObjectStore,
  key: string,
  {
    place,
    faults,
    keyOf,
  }: { readonly place: Place; readonly faults: LogFault[]; readonly keyOf: (mark: LogMark) => string },
): Promise<FoundMark | undefined> {
  const stored = await bucket.get(key);
  if (stored === undefined) return undefined;
  let mark: LogMark;
  try {
    mark = logMarkDocument.read(stored.body, key);
  } catch (error) {
    faults.push({ key, reason: failed(error).happened });
    const named = markOfName(key, place, stored.modifiedAt);
    return named === undefined ? undefined : { mark: named, readable: false };
  }
  if (!isAt(mark, place)) return faulty(faults, key, `it is a mark of ${mark.node}`);
  // It still counts: a mark can only make the window smaller.
  if (keyOf(mark) !== key) faults.push({ key, reason: 'its name does not agree with its content' });
  return { mark, readable: true };
}

/** What the name of an unreadable mark still says. A mark is written when what it describes is over. */
function markOfName(key: string, place: Place, writtenAt: Date): LogMark | undefined {
  const [, day = '', hour = '', minute = '', rest = '', what] = markFile.exec(key) ?? [];
  const at = parseInstant(`${day}T${hour}:${minute}:${rest}`);
  if (at === undefined) return undefined;
  const until = Math.max(at, microsOf(writtenAt));
  return logMarkDocument.body.parse({
    ...place,
    node: place.hostId,
    what,
    at: formatInstant(at),
    until: formatInstant(micros(until)),
    reason: `the record ${key} cannot be read`,
  });
}

const markFile = /\/(\d{4}-\d{2}-\d{2})T(\d{2})(\d{2})(\d{2}\.\d{6}Z)-(gap|truncate|bypass|schema)\.json$/;

async function readSchemas(
  bucket: ObjectStore,
  prefix: string,
  faults: LogFault[],
): Promise<Pick<TimelineLog, 'schemas' | 'damagedSchemas'>> {
  const keys: string[] = [];
  for await (const { key } of bucket.list(prefix)) keys.push(key);
  const damagedSchemas: Array<{ readonly key: string; readonly at: Micros }> = [];
  const read = await mapConcurrently(keys, requestsAtOnce, async (key) => {
    const schema = await readDocument(bucket, key, logSchemaDocument, faults);
    if (schema !== undefined) return [{ key, at: instantOf(schema.at), schema }];
    const at = instantOfSchemaKey(key);
    if (at !== undefined && (await bucket.head(key)) !== undefined) damagedSchemas.push({ key, at });
    return [];
  });
  const byTime = (a: { readonly at: Micros }, b: { readonly at: Micros }) => a.at - b.at;
  return { schemas: read.flat().sort(byTime), damagedSchemas: damagedSchemas.sort(byTime) };
}

interface Readable<Body> {
  read(text: Uint8Array, where: string): Body;
}

async function readDocument<Body>(
  bucket: ObjectStore,
  key: string,
  type: Readable<Body>,
  faults: LogFault[],
): Promise<Body | undefined> {
  const stored = await bucket.get(key);
  if (stored === undefined) return undefined;
  try {
    return type.read(stored.body, key);
  } catch (error) {
    return faulty(faults, key, failed(error).happened);
  }
}

function isAt(document: Place, place: Place): boolean {
  return document.timeline === place.timeline && document.hostId === place.hostId;
}

function faulty(faults: LogFault[], key: string, reason: string): undefined {
  faults.push({ key, reason });
  return undefined;
}
