import { formatBytes } from '../../model/bytes.ts';
import { type Micros, formatInstant, micros } from '../../model/instant.ts';
import { placeOfPiece } from '../../model/log-piece.ts';
import { mapConcurrently } from '../../model/map-concurrently.ts';
import type { RestorePoint } from '../../model/restore-point.ts';
import type { ObjectInfo, ObjectStore } from '../../ports/object-store.ts';
import { requestsAtOnce, segmentOfInstant } from './log-catalog.ts';
import { listPoints } from './point-catalog.ts';
import { snapshotOf } from './snapshot-span.ts';
import { timelineIds } from './timeline-record.ts';

/** The clocks of nodes differ, and keeping a segment a while longer costs nothing. */
const spare = 600_000_000;

/**
 * The instant before which no log is needed. Every point needs the log after the beginning of its snapshots: on its own
 * timeline, on the younger timelines that began from it, and, for the ids, on all others. So the oldest kept point
 * decides for all. Without any point it is undefined, and nothing is removed. Pure.
 */
export function logHorizon(points: readonly RestorePoint[]): Micros | undefined {
  const begins = points.filter(({ proof }) => proof !== 'failed').map((point) => snapshotOf(point).from);
  return begins.length === 0 ? undefined : micros(Math.min(...begins) - spare);
}

export interface RemovedLogs {
  readonly objects: number;
  readonly bytes: number;
  /** Everything before it could be removed. */
  readonly before: string | null;
}

/**
 * Removes whole segments that end before the horizon, oldest first. The newest segment of every stream is kept. May be
 * done again after a kill. If the log of a stream cannot be read, nothing of that stream is removed.
 */
export async function removeOldLogs(
  bucket: ObjectStore,
  { signal, log }: { readonly signal: AbortSignal; readonly log: (line: string) => void },
): Promise<RemovedLogs> {
  const horizon = logHorizon(await listPoints(bucket));
  if (horizon === undefined) return { objects: 0, bytes: 0, before: null };
  let objects = 0;
  let bytes = 0;
  for (const timeline of await timelineIds(bucket)) {
    for await (const stream of bucket.children(`log/${timeline}/`)) {
      const going = await goingOf(bucket, stream, horizon);
      // In this order and a few at a time, so that a kill leaves an older beginning but no hole.
      for (let at = 0; at < going.length; at += requestsAtOnce) {
        signal.throwIfAborted();
        await mapConcurrently(going.slice(at, at + requestsAtOnce), requestsAtOnce, async ({ key }) =>
          bucket.delete(key),
        );
      }
      objects += going.length;
      bytes += going.reduce((sum, each) => sum + each.bytes, 0);
    }
  }
  const before = formatInstant(horizon);
  if (objects > 0) log(`removed ${objects} objects of log from before ${before}, ${formatBytes(bytes)}`);
  return { objects, bytes, before };
}

async function goingOf(bucket: ObjectStore, stream: string, horizon: Micros): Promise<readonly ObjectInfo[]> {
  const pieces: ObjectInfo[] = [];
  for await (const info of bucket.list(stream)) if (placeOfPiece(info.key) !== undefined) pieces.push(info);
  const keys = pieces.map(({ key }) => key);
  return pieces.slice(0, (await segmentOfInstant(bucket, keys, horizon)) ?? 0);
}
