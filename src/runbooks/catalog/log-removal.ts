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

/** Clocks of nodes differ, and a segment costs nothing to keep a while longer. */
const spare = 600_000_000;

/**
 * The instant before which no log is needed: every point needs what follows the beginning of its snapshots, on its own timeline and on
 * those that came out of it, which are younger; and the ids of others from the same instant on. So the oldest point that is kept decides
 * for all. Undefined, and nothing goes, while there is no point. Pure.
 */
export function logHorizon(points: readonly RestorePoint[]): Micros | undefined {
  const begins = points.filter(({ proof }) => proof !== 'failed').map((point) => snapshotOf(point).from);
  return begins.length === 0 ? undefined : micros(Math.min(...begins) - spare);
}

export interface RemovedLogs {
  readonly objects: number;
  readonly bytes: number;
  /** Everything before it could go. */
  readonly before: string | null;
}

/**
 * Removes whole segments that end before the horizon, oldest first; of every stream the newest stays. May be done again after a kill.
 * Where the log cannot be read nothing of that stream goes.
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
      // In this order, so that a kill leaves an older beginning and no hole; a few at a time.
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
  if (objects > 0) log(`${objects} objects of the log of before ${before} removed, ${formatBytes(bytes)}`);
  return { objects, bytes, before };
}

async function goingOf(bucket: ObjectStore, stream: string, horizon: Micros): Promise<readonly ObjectInfo[]> {
  const pieces: ObjectInfo[] = [];
  for await (const info of bucket.list(stream)) if (placeOfPiece(info.key) !== undefined) pieces.push(info);
  const keys = pieces.map(({ key }) => key);
  return pieces.slice(0, (await segmentOfInstant(bucket, keys, horizon)) ?? 0);
}
