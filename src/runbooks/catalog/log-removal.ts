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
import { failed, requestsAtOnce } from './piece-headers.ts';
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
 * Removes whole segments that end before the horizon, oldest first, and the marks that tell only of the time before it:
 * every base that keeps its log is newer. The newest segment of every stream is kept. May be done again after a kill. If the log of a
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
      const { copies, marks } = await marksOver(bucket, timeline, stream, horizon);
      // Each for itself: a kill leaves no copy whose mark would seem to be lost.
      for (const going of [await goingOf(bucket, stream, horizon), copies, marks]) {
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

async function goingOf(bucket: ObjectStore, stream: string, horizon: Micros): Promise<readonly ObjectInfo[]> {
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
  return [...pieces.slice(0, from), ...empty.flat()];
}

/** A mark and its copy go together: one of them may be an older version, or damaged. */
async function marksOver(bucket: ObjectStore, timeline: string, stream: string, horizon: Micros) {
  const hostId = hostOfStream(stream);
  if (hostId === undefined) return { copies: [], marks: [] };
  const { marks, copies } = logMarkFolders(timeline, hostId);
  const overIn = async (folder: string, other: string) => {
    const over: ObjectInfo[] = [];
    for await (const info of bucket.list(folder)) {
      const keys = [info.key, `${other}${info.key.slice(folder.length)}`];
      const told = await Promise.all(keys.map(async (key) => isOver(bucket, key, horizon)));
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
 * Whether nothing that the mark tells of is after the horizon; undefined when there is none, or none that can be read. Where that is
 * so of its copy, too, it is kept: the window names it.
 */
async function isOver(bucket: ObjectStore, key: string, horizon: Micros): Promise<boolean | undefined> {
  const stored = await bucket.get(key);
  if (stored === undefined) return undefined;
  try {
    return instantOf(logMarkDocument.read(stored.body, key).until) < horizon;
  } catch (thrown) {
    if (thrown instanceof FailedProblem) return undefined;
    throw thrown;
  }
}
