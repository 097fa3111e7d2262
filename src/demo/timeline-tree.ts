import { timelineDocument, timelineKey } from '../model/timeline.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { timelineIds } from '../runbooks/timeline-record.ts';
import type { DrillTimeline } from './drill-document.ts';

/** Every history of an environment as its bucket tells them, the oldest first. */
export async function timelinesOf(bucket: ObjectStore): Promise<DrillTimeline[]> {
  const timelines: DrillTimeline[] = [];
  for (const id of await timelineIds(bucket)) {
    const key = timelineKey(id);
    const stored = await bucket.get(key);
    if (stored === undefined) continue;
    const { parent, exclusions, why } = timelineDocument.read(stored.body, key);
    timelines.push({
      id,
      ...(parent === undefined ? {} : { parent: parent.id, forkedAt: parent.forkedAt }),
      exclusions: exclusions.length,
      why,
    });
  }
  return timelines;
}
