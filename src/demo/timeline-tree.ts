import type { ObjectStore } from '../ports/object-store.ts';
import { listTimelines } from '../runbooks/catalog/timeline-catalog.ts';
import type { DrillTimeline } from './drill-document.ts';

/** Every history of an environment as its bucket tells them, the oldest first. */
export async function timelinesOf(bucket: ObjectStore): Promise<DrillTimeline[]> {
  return (await listTimelines(bucket)).map(({ id, parent, exclusions, why }) => ({
    id,
    ...(parent === undefined ? {} : { parent: parent.id, forkedAt: parent.forkedAt }),
    exclusions: exclusions.length,
    why,
  }));
}
