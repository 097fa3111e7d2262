import { instantOf, type Micros, micros } from '../../model/instant.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { newestIndexes } from './stream-reading.ts';

/** What one node shipped in a time. */
export interface LogGrowth {
  readonly hostId: string;
  readonly seconds: number;
  /** As they were put, before any were merged. */
  readonly pieces: number;
  /** Of the log, and as it lies in the store. */
  readonly plainBytes: number;
  readonly storedBytes: number;
}

/**
 * How much log the streams of a timeline got since an instant, a little before it included, by what the agents' indexes say: of each one that
 * has an index of that time. It reads a header for each hour. What an agent has shipped since its newest index does not count.
 */
export async function measureLogGrowth(
  bucket: ObjectStore,
  {
    timeline,
    hostIds,
    since,
  }: { readonly timeline: string; readonly hostIds: readonly string[]; readonly since: Micros },
): Promise<readonly LogGrowth[]> {
  const growths = await Promise.all(
    hostIds.map(async (hostId) => {
      const headers = (await newestIndexes(bucket, { timeline, hostId }, since)).filter(
        ({ coveredTo }) => instantOf(coveredTo) > since,
      );
      const sum = (of: (header: (typeof headers)[number]) => number) =>
        headers.reduce((most, each) => most + of(each), 0);
      // What lies between two indexes is lost, and says nothing of how much is written.
      const span = micros(sum(({ coveredFrom, coveredTo }) => instantOf(coveredTo) - instantOf(coveredFrom)));
      if (span <= 0) return [];
      return {
        hostId,
        seconds: span / 1e6,
        pieces: sum(({ first, last }) => last - first + 1),
        plainBytes: sum(({ plainBytes }) => plainBytes),
        storedBytes: sum(({ storedBytes }) => storedBytes),
      };
    }),
  );
  return growths.flat();
}
