import { readingObject } from '../../commitlog/log-damage.ts';
import {
  type IndexedPiece,
  listingOf,
  readLogIndex,
  readStreamedIndexHeader,
  runOf,
} from '../../commitlog/log-index.ts';
import { readStreamedPieceHeader } from '../../commitlog/piece.ts';
import { type FoundPiece, longestLag, type StreamFold } from '../../commitlog/verified-stream.ts';
import { instantOf, type Micros, micros } from '../../model/instant.ts';
import { type LogIndexHeader, logIndexPrefix, runOfIndex } from '../../model/log-index.ts';
import { type PieceLink, placeOfPiece, segmentFolder, streamPrefix, widestPieces } from '../../model/log-piece.ts';
import { mapConcurrently } from '../../model/map-concurrently.ts';
import { FailedProblem, asProblem } from '../../model/problem.ts';
import type { ObjectStore } from '../../ports/object-store.ts';

/** Enough to hide a store's latency, few enough for its connections. */
export const requestsAtOnce = 48;
/** Objects whose headers stand in memory together. */
const batchObjects = 512;
/** Looks at a segment whose objects go while they are read, because its agent merges them. */
const mostLooks = 5;

interface Place {
  readonly timeline: string;
  readonly hostId: string;
}

interface Reading {
  readonly signal?: AbortSignal;
  readonly damaged?: ReadonlyMap<string, string>;
  readonly since?: Micros;
  readonly piecesSince?: Micros;
}

interface Listed {
  readonly key: string;
  readonly bytes: number;
}

/** All objects below one folder of a stream. */
interface ListedSegment {
  /** 19 digits; for objects that do not belong there, whatever their folder is called. */
  readonly segment: string;
  readonly objects: readonly Listed[];
}

interface FoundIndex {
  readonly key: string;
  readonly header: LogIndexHeader;
  /** Names of the folders of its first and last segment. */
  readonly from: string;
  readonly to: string;
}

/**
 * Reads a stream into the fold, in log order: one listing of its objects, and for each of them what an index tells of it, else its header. In
 * memory stand the names of the objects of one index, or the headers of some hundred objects. What an index tells is believed when exactly its
 * objects are listed with their sizes; their bytes are compared by whoever reads them.
 */
export async function foldStream(bucket: ObjectStore, place: Place, fold: StreamFold, reading: Reading): Promise<void> {
  const { signal } = reading;
  const indexes = await readIndexes(bucket, place, reading);
  const after = await beginningOf(bucket, place, indexes, reading);
  const opened = openedFrom(indexes, reading.piecesSince);
  let waiting: ListedSegment[] = [];
  let current: FoundIndex | undefined;
  const take = async () => {
    const segments = waiting;
    waiting = [];
    if (segments.length === 0) return;
    if (current === undefined) await foldHeaders(bucket, segments, fold, reading);
    else await foldIndex(bucket, current, segments, { fold, reading, open: indexes.indexOf(current) >= opened });
  };
  for await (const listed of listSegments(bucket, place, after)) {
    signal?.throwIfAborted();
    const index = indexes.find((each) => holds(each, listed.segment));
    const isFull = index === undefined && waiting.reduce((sum, { objects }) => sum + objects.length, 0) >= batchObjects;
    if (index !== current || isFull) await take();
    current = index;
    waiting.push(listed);
  }
  await take();
}

/** The first index whose single objects are wanted. */
function openedFrom(indexes: readonly FoundIndex[], piecesSince: Micros | undefined): number {
  if (piecesSince === undefined) return indexes.length;
  const safe = safelyBefore(indexes, piecesSince);
  return safe === undefined ? 0 : indexes.findIndex(({ header }) => instantOf(header.coveredTo) >= safe);
}

function holds({ from, to }: FoundIndex, segment: string): boolean {
  return from <= segment && segment <= to;
}

/** In log order, the widest of each run. One that cannot be read does not count: what it tells is read from the objects themselves. */
async function readIndexes(
  bucket: ObjectStore,
  { timeline, hostId }: Place,
  { since }: Reading,
): Promise<readonly FoundIndex[]> {
  const runs: Array<{ readonly key: string; readonly from: number; readonly to: number }> = [];
  for await (const { key } of bucket.list(logIndexPrefix(timeline, hostId))) {
    const run = runOfIndex(key);
    if (run !== undefined) runs.push({ key, from: run.from - 1, to: run.to });
  }
  const { widest } = widestPieces(runs);
  const found: FoundIndex[] = [];
  // From the newest on: who wants the last day reads no more of them.
  for (let end = widest.length; end > 0; end -= requestsAtOnce) {
    const some = widest.slice(Math.max(0, end - requestsAtOnce), end);
    const read = await mapConcurrently(some, requestsAtOnce, async ({ key }) => readIndex(bucket, key));
    found.unshift(
      ...read
        .filter((each) => each?.header.timeline === timeline && each.header.hostId === hostId)
        .flatMap((each) => each ?? []),
    );
    const [oldest] = found;
    const safe = since === undefined ? undefined : safelyBefore(found, since);
    if (safe !== undefined && oldest !== undefined && instantOf(oldest.header.coveredTo) < safe) break;
  }
  return found;
}

async function readIndex(bucket: ObjectStore, key: string): Promise<FoundIndex | undefined> {
  try {
    const header = await readStreamedIndexHeader(await bucket.getStream(key));
    return { key, header, from: segmentFolder(header.firstSegment), to: segmentFolder(header.lastSegment) };
  } catch (thrown) {
    // Replaced by a wider one meanwhile, or damaged.
    if (['object-missing', 'log-damaged'].includes(failed(thrown).code)) return undefined;
    throw thrown;
  }
}

/**
 * A key with nothing before it that may hold something of after the instant (see `readingFrom`), so that a listing need not begin with the
 * oldest object; undefined where no index tells of one.
 */
export async function indexedBefore(bucket: ObjectStore, place: Place, instant: Micros): Promise<string | undefined> {
  return behindIndexes(place, await readIndexes(bucket, place, { since: instant }), instant);
}

/** The latest end of an index that is safely before the instant: those that end there may hold what reaches beyond it, see `readingFrom`. */
function safelyBefore(indexes: readonly FoundIndex[], instant: Micros): Micros | undefined {
  const last = indexes.findLast(({ header }) => instantOf(header.coveredTo) <= instant - longestLag);
  return last === undefined ? undefined : instantOf(last.header.coveredTo);
}

/** Behind every object of the last index of which nothing reaches beyond the instant. */
function behindIndexes(
  { timeline, hostId }: Place,
  indexes: readonly FoundIndex[],
  instant: Micros,
): string | undefined {
  const safe = safelyBefore(indexes, instant);
  const last = indexes.findLast(({ header }) => safe !== undefined && instantOf(header.coveredTo) < safe);
  return last === undefined ? undefined : `${streamPrefix(timeline, hostId)}${last.to}/~`;
}

/** The key after which a reading of what was shipped since an instant begins; undefined for the beginning of the stream. */
async function beginningOf(
  bucket: ObjectStore,
  { timeline, hostId }: Place,
  indexes: readonly FoundIndex[],
  { since }: Reading,
): Promise<string | undefined> {
  if (since === undefined) return undefined;
  const prefix = streamPrefix(timeline, hostId);
  const indexed = behindIndexes({ timeline, hostId }, indexes, since);
  if (indexed !== undefined) return indexed;
  // Of what is in no index the headers of a few objects say where it begins.
  const [first] = indexes;
  const keys: string[] = [];
  for await (const { key } of bucket.list(prefix)) {
    const place = placeOfPiece(key);
    if (place === undefined || (first !== undefined && holds(first, place.segment))) break;
    keys.push(key);
  }
  // If it cannot be found, everything is read, and the reading says why.
  const at = await segmentOfInstant(bucket, keys, since);
  return at === undefined || at === 0 ? undefined : keys[at - 1];
}

/**
 * The index, among the ascending keys of a stream's pieces, from which on they hold everything of after the instant, and prove so from `by` on at
 * the latest. Segments follow one another in time, so the first objects of a few segments are enough. Undefined when one of those cannot be read.
 */
export async function segmentOfInstant(
  bucket: ObjectStore,
  keys: readonly string[],
  instant: Micros,
  by: Micros = instant,
): Promise<number | undefined> {
  const firsts = keys.flatMap((key, at) => (folderOf(key) === folderOf(keys[at - 1] ?? '') ? [] : [at]));
  const seen = { all: true };
  const piecesAt = async (at: number) => {
    const found = await readHeader(bucket, keys[firsts[at] ?? 0] ?? '', {});
    if (found !== undefined && 'header' in found) return found.header.pieces;
    seen.all = false;
    return [];
  };
  /** Of the segments up to `high`, the last one whose first piece begins to cover at the instant or before it, or the first. */
  const lastBegun = async (wanted: Micros, high: number): Promise<number> => {
    let low = 0;
    while (high - low > 1 && seen.all) {
      const middle = Math.floor((low + high) / 2);
      const [first] = await piecesAt(middle);
      if (first === undefined || instantOf(first.coveredFrom) > wanted) high = middle;
      else low = middle;
    }
    return low;
  };
  let low = await lastBegun(instant, firsts.length);
  // What an agent ships in one go, after hours perhaps, begins to cover at one instant in all its segments, and only its end says how young it is.
  const [first] = await piecesAt(low);
  if (first !== undefined) {
    const earlier = await lastBegun(micros(instantOf(first.coveredFrom) - 1), low + 1);
    const [begun] = await piecesAt(earlier);
    low = begun?.coveredFrom === first.coveredFrom ? earlier : Math.min(earlier + 1, low);
  }
  // Alone it proves from the end of its first go on.
  while (low > 0 && seen.all && !provesFrom(by, await piecesAt(low))) low -= 1;
  return seen.all ? (firsts[low] ?? 0) : undefined;
}

function provesFrom(instant: Micros, pieces: readonly PieceLink[]): boolean {
  const [first] = pieces;
  const end = pieces.find(({ coveredTo }) => coveredTo > (first?.coveredFrom ?? ''));
  return end !== undefined && instantOf(end.coveredTo) <= instant;
}

function folderOf(key: string): string {
  return key.slice(0, key.lastIndexOf('/'));
}

async function* listSegments(
  bucket: ObjectStore,
  { timeline, hostId }: Place,
  after: string | undefined,
): AsyncGenerator<ListedSegment> {
  const prefix = streamPrefix(timeline, hostId);
  let segment: string | undefined;
  let objects: Listed[] = [];
  for await (const { key, bytes } of bucket.list(prefix, after === undefined ? {} : { after })) {
    const name = key.slice(prefix.length);
    if (/^(?:index|marks)\/|^watermark\.json$/.test(name)) continue;
    const folder = name.includes('/') ? name.slice(0, name.indexOf('/')) : '';
    if (segment !== undefined && folder !== segment) {
      yield { segment, objects };
      objects = [];
    }
    segment = folder;
    objects.push({ key, bytes });
  }
  if (segment !== undefined) yield { segment, objects };
}

interface Indexed {
  readonly fold: StreamFold;
  readonly reading: Reading;
  /** Its single objects are wanted. */
  readonly open: boolean;
}

async function foldIndex(
  bucket: ObjectStore,
  { key, header }: FoundIndex,
  segments: readonly ListedSegment[],
  { fold, reading, open }: Indexed,
): Promise<void> {
  const listed = segments.flatMap(({ objects }) => objects);
  const whole = listingOf(listed) === header.listing && !listed.some((each) => reading.damaged?.has(each.key) === true);
  const run = runOf(key, header);
  if (whole && !open && fold.follows(run)) {
    fold.addRun(run);
    return;
  }
  const pieces = Map.groupBy(await entriesOf(bucket, key), ({ segment }) => segmentFolder(segment));
  let doubtful: ListedSegment[] = [];
  for (const each of segments) {
    const told = pieces.get(each.segment) ?? [];
    if (!isTold(each, told, reading)) {
      doubtful.push(each);
      continue;
    }
    await foldHeaders(bucket, doubtful, fold, reading);
    doubtful = [];
    for (const piece of told) fold.addIndexed(piece);
  }
  await foldHeaders(bucket, doubtful, fold, reading);
}

/** None when it is gone or damaged. */
async function entriesOf(bucket: ObjectStore, key: string): Promise<readonly IndexedPiece[]> {
  const stored = await bucket.get(key);
  if (stored === undefined) return [];
  try {
    return (await readingObject(key, () => readLogIndex(stored.body))).pieces;
  } catch (thrown) {
    if (failed(thrown).code === 'log-damaged') return [];
    throw thrown;
  }
}

function isTold({ objects }: ListedSegment, told: readonly IndexedPiece[], { damaged }: Reading): boolean {
  const sizes = new Map(told.map(({ key, stored }) => [key, stored]));
  return (
    told.length > 0 &&
    told.length === objects.length &&
    objects.every(({ key, bytes }) => sizes.get(key) === bytes && damaged?.has(key) !== true)
  );
}

async function foldHeaders(
  bucket: ObjectStore,
  segments: readonly ListedSegment[],
  fold: StreamFold,
  reading: Reading,
): Promise<void> {
  const read = await mapConcurrently(
    segments.flatMap(({ objects }) => objects),
    requestsAtOnce,
    async ({ key }) => readHeader(bucket, key, reading),
  );
  let at = 0;
  for (const { objects } of segments) {
    let found: ReadonlyArray<FoundPiece | undefined> = read.slice(at, at + objects.length);
    at += objects.length;
    for (let look = 1; look < mostLooks && found.includes(undefined); look += 1) {
      found = await readFolder(bucket, objects, reading);
    }
    fold.addSegment(found.filter((each) => each !== undefined));
  }
}

/** Once more what lies in the folder of these objects. */
async function readFolder(
  bucket: ObjectStore,
  objects: readonly Listed[],
  reading: Reading,
): Promise<ReadonlyArray<FoundPiece | undefined>> {
  const keys: string[] = [];
  for await (const { key } of bucket.list(`${folderOf(objects[0]?.key ?? '')}/`)) keys.push(key);
  return mapConcurrently(keys, requestsAtOnce, async (key) => readHeader(bucket, key, reading));
}

/** Undefined for an object that went since it was listed: it was merged, and its bytes are in another one. */
async function readHeader(
  bucket: ObjectStore,
  key: string,
  { signal, damaged }: Reading,
): Promise<FoundPiece | undefined> {
  signal?.throwIfAborted();
  if (placeOfPiece(key) === undefined) return { key, fault: 'it does not belong to a shipped log' };
  const known = damaged?.get(key);
  if (known !== undefined) return { key, fault: known };
  try {
    return { key, header: await readStreamedPieceHeader(await bucket.getStream(key)) };
  } catch (error) {
    const problem = failed(error);
    if (problem.code === 'object-missing') return undefined;
    return { key, fault: problem.happened };
  }
}

/**
 * What is wrong with the object itself. A store that does not answer says nothing about the object, so that error is
 * rethrown.
 */
export function failed(error: unknown): FailedProblem {
  const problem = asProblem(error, 'Reading the shipped log');
  if (problem instanceof FailedProblem && problem.code !== 'unexpected') return problem;
  throw error;
}
