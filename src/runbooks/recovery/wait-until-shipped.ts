import { instantOf, type Micros } from '../../model/instant.ts';
import { watermarkDocument, watermarkKey } from '../../model/log-piece.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { streamsOf } from './log-range-reader.ts';

/** Waits until every stream of a timeline is shipped up to the instant; false when that takes too long. */
export async function waitUntilShipped(
  bucket: ObjectStore,
  { timeline, instant }: { readonly timeline: string; readonly instant: Micros },
  { clock, patienceMs, signal }: { readonly clock: Clock; readonly patienceMs: number; readonly signal: AbortSignal },
): Promise<boolean> {
  const until = clock.monotonic() + patienceMs / 1000;
  for (;;) {
    const streams = await streamsOf(bucket, timeline);
    const marks = await Promise.all(streams.map(async (host) => bucket.get(watermarkKey(timeline, host))));
    const reached = marks.every(
      (stored) => stored !== undefined && instantOf(watermarkDocument.read(stored.body, stored.key).at) >= instant,
    );
    if (reached && streams.length > 0) return true;
    if (clock.monotonic() >= until) return false;
    await clock.sleep(500, signal);
  }
}
