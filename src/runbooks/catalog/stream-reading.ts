import { readStreamedIndexHeader } from '../../commitlog/log-index.ts';
import { longestLag, type StreamFold } from '../../commitlog/verified-stream.ts';
import { instantOf, type Micros, micros } from '../../model/instant.ts';
import { type LogIndexHeader, logIndexPrefix, runOfIndex } from '../../model/log-index.ts';
import { type PieceLink, placeOfPiece, segmentFolder, streamPrefix, widestPieces } from '../../model/log-piece.ts';
import { mapConcurrently } from '../../model/map-concurrently.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { type FoundIndex, holds, listSegments, type Place, type StretchReading, stretchOf } from './stream-stretch.ts';
import { failed, folderOf, type HeaderReading, readHeader } from './piece-headers.ts';

/** Of each stream. Only their first lines are wanted, but with them come up to some hundred kilobytes. */
const indexesAtOnce = 8;

interface Reading extends HeaderReading {
  readonly since?: Micros;
  readonly piecesSince?: Micros;
}

/**
 * Reads a stream into the fold, in log order: one listing of its objects, and for each of them what an index tells of
 * it, else its header. In memory stand the headers of the indexes, and the entries of one of them or the headers of
 * some hundred objects; nothing for each object of the log. What an index tells is believed when exactly its objects
 * are listed with their sizes; their bytes are compared by whoever reads them. Throws what the store throws, and the
 * signal's reason.
 */
export async function foldStream(bucket: ObjectStore, place: Place, fold: StreamFold, reading: Reading): Promise<void> {
  const indexes = await readIndexes(bucket, place, reading);
  const after = await beginningOf(bucket, place, indexes, reading);
  const opened = openedFrom(indexes, reading.piecesSince);
  const stretches: StretchReading = { bucket, place, fold, reading };
  let current: { readonly index: FoundIndex | undefined; readonly stretch: ReturnType<typeof stretchOf> } | undefined;
  let last = after;
  for await (const listed of listSegments(bucket, place, after)) {
    reading.signal?.throwIfAborted();
    const index = indexes.find((each) => holds(each, listed.segment));
    if (current === undefined || index !== current.index) {
      await current?.stretch.end();
      const open = index !== undefined && indexes.indexOf(index) >= opened;
      current = { index, stretch: stretchOf(stretches, { index, open, after: last }) };
    }
    await current.stretch.add(listed);
    last = listed.objects.at(-1)?.key ?? last;
  }
  await current?.stretch.end();
}

/** The first index whose single objects are wanted. */
function openedFrom(indexes: readonly FoundIndex[], piecesSince: Micros | undefined): number {
  if (piecesSince === undefined) return indexes.length;
  const safe = safelyBefore(indexes, piecesSince);
  return safe === undefined ? 0 : indexes.findIndex(({ header }) => instantOf(header.coveredTo) >= safe);
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
  for (let end = widest.length; end > 0; end -= indexesAtOnce) {
    const some = widest.slice(Math.max(0, end - indexesAtOnce), end);
    const read = await mapConcurrently(some, indexesAtOnce, async ({ key }) => readIndex(bucket, key));
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

/** The headers of a stream's indexes of the time since an instant, and of some before it, in log order. */
export async function newestIndexes(
  bucket: ObjectStore,
  place: Place,
  since: Micros,
): Promise<readonly LogIndexHeader[]> {
  return (await readIndexes(bucket, place, { since })).map(({ header }) => header);
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
