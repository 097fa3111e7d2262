import { timelineKey } from '../../model/timeline.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { openedTimelines } from '../../ports/opened-timelines.ts';
import { type KnownTimeline, knownTimeline } from './timeline-record.ts';

/** Every timeline that was opened, ascending; of a damaged or a lost record what `knownTimeline` makes of it. */
export async function listTimelines(bucket: ObjectStore): Promise<readonly KnownTimeline[]> {
  const ids = await openedTimelines(bucket);
  return Promise.all(ids.map(async (id) => knownTimeline(await bucket.get(timelineKey(id)), id, '')));
}
