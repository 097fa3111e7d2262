import { timelineKey } from '../../model/timeline.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { type KnownTimeline, knownTimeline, timelineIds } from './timeline-record.ts';

/** Every timeline that was opened, ascending; of a damaged record what `knownTimeline` makes of it. */
export async function listTimelines(bucket: ObjectStore): Promise<readonly KnownTimeline[]> {
  const ids = await timelineIds(bucket);
  const read = await Promise.all(
    ids.map(async (id) => {
      const stored = await bucket.get(timelineKey(id));
      return stored === undefined ? [] : [knownTimeline(stored.body, id, '')];
    }),
  );
  return read.flat();
}
