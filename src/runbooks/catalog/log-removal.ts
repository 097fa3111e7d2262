import { readStreamedIndexHeader } from '../../commitlog/log-index.ts';
import { formatBytes } from '../../model/bytes.ts';
import { type Micros, formatInstant, instantOf, micros } from '../../model/instant.ts';
import { runOfIndex } from '../../model/log-index.ts';
import { hostOfStream, logMarkDocument, logMarkFolders, placeOfPiece, segmentFolder } from '../../model/log-piece.ts';
import { FailedProblem } from '../../model/problem.ts';
import { mapConcurrently } from '../../model/map-concurrently.ts';
import { isBeingRemoved, type RestorePoint } from '../../model/restore-point.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ObjectInfo, ObjectStore } from '../../ports/object-store.ts';
import { openedTimelines } from '../../ports/opened-timelines.ts';
import { failed, readHeader, requestsAtOnce } from './piece-headers.ts';
import { segmentOfInstant } from './stream-reading.ts';
import { type DamagedPoint, surveyPoints } from './point-catalog.ts';
import { snapshotOf } from './snapshot-span.ts';

/** The clocks of nodes differ, and keeping a segment a while longer costs nothing. */
const spare = 600_000_000;

/**
 * The instant before which no log is needed. Every point needs the log after the beginning of its snapshots: on its own
 * timeline, on the younger timelines that began from it, and, for the ids, on all others. So the oldest point
 * decides for all; those that are kept `without` their log do not count. One that is damaged, or its document, may be repaired from a copy of the bucket, or be whole
 * after all, so its log stays, too, until its removal begins. Without any point it is
 * undefined, and nothing is removed. Pure.
 */
export function logHorizon(
  points: readonly RestorePoint[],
  {
    damaged = [],
    without = new Set(),
  }: { readonly damaged?: readonly DamagedPoint[]; readonly without?: ReadonlySet<string> } = {},
): Micros | undefined {
  const begins = [
    ...points
      .filter((point) => !isBeingRemoved(point) && !without.has(point.id))
      .map((point) => snapshotOf(point).from),
    ...damaged.map(({ id }) => nameInstant(id)),
  ];
  return begins.length === 0 ? undefined : micros(Math.min(...begins) - spare);
}

/** A point is named after the start of its backup, in seconds. */
function nameInstant(id: string): Micros {
  const [, year, month, day, hour, minute, second] = /(\d{4})(\d{2})(\d{2})-(\d{2})(\d{2})(\d{2})$/.exec(id) ?? [];
  return instantOf(`${year}-${month}-${day}T${hour}:${minute}:${second}.000000Z`);
}

/** Seconds: one backup need not remove what has gathered for years. */
const longest = 3600;

export interface RemovedLogs {
  readonly objects: number;
  readonly bytes: number;
  /** Everything before it could be removed. */
  readonly before: string | null;
}

/**
 * Removes whole segments that end before the horizon, oldest first, and the marks that tell only of the time before it and before the log that
 * stays. Every base that keeps its log is newer, but a quiet node's segment may reach from long before the horizon to after it: what it holds
 * from before a TRUNCATE must not come back, and an older base that has its log by it alone must not do without what the marks tell. The newest
 * segment of every stream is kept. May be done again after a kill. If the log of a
 * stream cannot be read, nothing of that stream is removed. What is left after an hour is for the next backup.
 */
export async function removeOldLogs(
  bucket: ObjectStore,
  {
    signal,
    log,
    clock,
    without,
  }: {
    readonly signal: AbortSignal;
    readonly log: (line: string) => void;
    readonly clock: Pick<Clock, 'monotonic'>;
    readonly without?: ReadonlySet<string>;
  },
): Promise<RemovedLogs> {
  const until = clock.monotonic() + longest;
  const { points, damaged } = await surveyPoints(bucket);
  const horizon = logHorizon(points, { damaged, ...(without === undefined ? {} : { without }) });
  if (horizon === undefined) return { objects: 0, bytes: 0, before: null };
  let objects = 0;
  let bytes = 0;
  for (const timeline of await openedTimelines(bucket)) {
    for await (const stream of bucket.children(`log/${timeline}/`)) {
      const { going: pieces, begins } = await goingOf(bucket, stream, horizon);
      const { copies, marks } = await marksOver(bucket, timeline, stream, micros(Math.min(horizon, begins)));
      // Each for itself: a kill leaves no copy whose mark would seem to be lost.
      for (const going of [pieces, copies, marks]) {
        // In this order and a few at a time, so that a kill leaves an older beginning but no hole.
        for (let at = 0; at < going.length && clock.monotonic() < until; at += requestsAtOnce) {
          signal.throwIfAborted();
          const together = going.slice(at, at + requestsAtOnce);
          await mapConcurrently(together, requestsAtOnce, async ({ key }) => bucket.delete(key));
          objects += together.length;
          bytes += together.reduce((sum, each) => sum + each.bytes, 0);
        }
      }
    }
  }
  const before = formatInstant(horizon);
  if (clock.monotonic() >= until) log('there is more to remove than an hour allows: the next backup goes on with it');
  if (objects > 0) log(`removed ${objects} objects of log from before ${before}, ${formatBytes(bytes)}`);
  return { objects, bytes, before };
}

/** `begins`: from when on what stays of the pieces may hold something. */
async function goingOf(
  bucket: ObjectStore,
  stream: string,
  horizon: Micros,
): Promise<{ readonly going: readonly ObjectInfo[]; readonly begins: number }> {
  const pieces: ObjectInfo[] = [];
  const indexes: ObjectInfo[] = [];
  for await (const info of bucket.list(stream)) {
    if (placeOfPiece(info.key) !== undefined) pieces.push(info);
    else if (runOfIndex(info.key) !== undefined) indexes.push(info);
  }
  const keys = pieces.map(({ key }) => key);
  const from = (await segmentOfInstant(bucket, keys, horizon, micros(horizon + spare))) ?? 0;
  const kept = placeOfPiece(keys[from] ?? '')?.segment ?? '';
  const empty = await mapConcurrently(indexes, requestsAtOnce, async (info) =>
    (await endsBefore(bucket, info.key, kept)) ? [info] : [],
  );
  return { going: [...pieces.slice(0, from), ...empty.flat()], begins: await beginningOf(bucket, keys[from]) };
}

/** One of which nobody can tell, because it is damaged or was merged meanwhile, may begin at any time. */
async function beginningOf(bucket: ObjectStore, key: string | undefined): Promise<number> {
  if (key === undefined) return Infinity;
  const found = await readHeader(bucket, key, {});
  return found !== undefined && 'header' in found ? instantOf(found.header.pieces[0]?.coveredFrom ?? '') : 0;
}

/** A mark and its copy go together: one of them may be an older version, or damaged. */
async function marksOver(bucket: ObjectStore, timeline: string, stream: string, before: Micros) {
  const hostId = hostOfStream(stream);
  if (hostId === undefined) return { copies: [], marks: [] };
  const { marks, copies } = logMarkFolders(timeline, hostId);
  const overIn = async (folder: string, other: string) => {
    const over: ObjectInfo[] = [];
    for await (const info of bucket.list(folder)) {
      const keys = [info.key, `${other}${info.key.slice(folder.length)}`];
      const told = await Promise.all(keys.map(async (key) => isOver(bucket, key, before)));
      if (told.includes(true) && !told.includes(false)) over.push(info);
    }
    return over;
  };
  return { copies: await overIn(copies, marks), marks: await overIn(marks, copies) };
}

/** Whether the index tells of nothing from that segment on. One that cannot be read is of no use to anybody. */
async function endsBefore(bucket: ObjectStore, key: string, segment: string): Promise<boolean> {
  try {
    const { lastSegment } = await readStreamedIndexHeader(await bucket.getStream(key));
    return segmentFolder(lastSegment) < segment;
  } catch (thrown) {
    if (['log-damaged', 'object-missing'].includes(failed(thrown).code)) return true;
    throw thrown;
  }
}

/**
 * Whether nothing that the mark tells of is later; undefined when there is none, or none that can be read. Where that is
 * so of its copy, too, it is kept: the window names it.
 */
async function isOver(bucket: ObjectStore, key: string, before: Micros): Promise<boolean | undefined> {
  const stored = await bucket.get(key);
  if (stored === undefined) return undefined;
  try {
    return instantOf(logMarkDocument.read(stored.body, key).until) < before;
  } catch (thrown) {
    if (thrown instanceof FailedProblem) return undefined;
    throw thrown;
  }
}
