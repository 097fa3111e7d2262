import { instantOf, type Micros } from '../../model/instant.ts';
import { watermarkDocument, watermarkKey } from '../../model/log-piece.ts';
import { Problem } from '../../model/problem.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Database } from '../../ports/database.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { streamsOf } from './log-range-reader.ts';

/** What has to be shipped. */
interface Wanted {
  readonly timeline: string;
  readonly instant: Micros;
  /** Host ids of the nodes that there are: the stream of one that was replaced ends for good. All count when it is undefined. */
  readonly ring: readonly string[] | undefined;
}

/** Undefined when the database does not tell. */
export async function presentRing(database: Pick<Database, 'ring'>): Promise<readonly string[] | undefined> {
  try {
    return (await database.ring()).map(({ hostId }) => hostId);
  } catch (thrown) {
    if (thrown instanceof Problem) return undefined;
    throw thrown;
  }
}

/** Waits until the streams of a timeline are shipped up to the instant; false when that takes too long. */
export async function waitUntilShipped(
  bucket: ObjectStore,
  { timeline, instant, ring }: Wanted,
  { clock, patienceMs, signal }: { readonly clock: Clock; readonly patienceMs: number; readonly signal: AbortSignal },
): Promise<boolean> {
  const until = clock.monotonic() + patienceMs / 1000;
  for (;;) {
    const streams = (await streamsOf(bucket, timeline)).filter((host) => ring === undefined || ring.includes(host));
    const marks = await Promise.all(streams.map(async (host) => bucket.get(watermarkKey(timeline, host))));
    const reached = marks.every(
      (stored) => stored !== undefined && instantOf(watermarkDocument.read(stored.body, stored.key).at) >= instant,
    );
    if (reached && streams.length > 0) return true;
    if (clock.monotonic() >= until) return false;
    await clock.sleep(500, signal);
  }
}
