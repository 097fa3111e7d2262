import { type Micros, instantOf } from '../model/instant.ts';
import { watermarkDocument, watermarkKey } from '../model/log-piece.ts';
import { Problem } from '../model/problem.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';

/** One look at the shipped log: when the answer was in, milliseconds since 1970, and up to where every acknowledged write was in the store. */
export interface Look {
  readonly at: number;
  readonly newest: Micros;
}

export interface Watch {
  /** Those looks that found something newer than the look before. */
  looks(): readonly Look[];
  /** How often it looked in all. */
  count(): number;
  stop(): Promise<void>;
}

export interface Watched {
  readonly bucket: ObjectStore;
  readonly clock: Clock;
  readonly timeline: string;
  readonly hostIds: readonly string[];
  /** Replicas that acknowledge a write before the application hears of it. */
  readonly writeQuorum: number;
}

const everyMs = 100;

/** Watches, from outside and through the bucket alone, how far the nodes' streams have come, until it is stopped. */
export function watchWatermarks(watched: Watched): Watch {
  const { bucket, clock, timeline, hostIds, writeQuorum } = watched;
  const looks: Look[] = [];
  let count = 0;
  const end = new AbortController();
  const look = async (): Promise<void> => {
    const marks = await Promise.all(
      hostIds.map(async (hostId) => {
        const key = watermarkKey(timeline, hostId);
        const object = await bucket.get(key);
        return object === undefined ? undefined : instantOf(watermarkDocument.read(object.body, key).at);
      }),
    );
    count += 1;
    const newest = newestOf(marks, writeQuorum);
    const last = looks.at(-1)?.newest;
    if (newest !== undefined && (last === undefined || newest > last))
      looks.push({ at: clock.now().getTime(), newest });
  };
  const ended = (async () => {
    while (!end.signal.aborted) {
      // What cannot be read for a moment is simply not seen to have come further.
      await look().catch((error: unknown) => {
        if (!(error instanceof Problem)) throw error;
      });
      await clock.sleep(everyMs, end.signal).catch(() => undefined);
    }
  })();
  // Whoever stops it hears of a failure; until then it must not end the program.
  ended.catch(() => undefined);
  return {
    looks: () => [...looks],
    count: () => count,
    async stop() {
      end.abort();
      await ended;
    },
  };
}

/**
 * Up to where every write that a quorum acknowledged is in the store. A write may be absent from all replicas but `writeQuorum`, so of the
 * streams of a range's replicas at most `writeQuorum` − 1 may be behind: the second highest of three with quorum 2. With more nodes than
 * replicas it counts all nodes as if they held every range, which is never too optimistic. Undefined when too few streams have begun. Pure.
 */
export function newestOf(marks: ReadonlyArray<Micros | undefined>, writeQuorum: number): Micros | undefined {
  const known = marks.filter((mark) => mark !== undefined).sort((a, b) => b - a);
  return known[marks.length - writeQuorum];
}
