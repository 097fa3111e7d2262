import { type Timeline, timelineDocument, timelineKey } from '../../model/timeline.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { timelineIds } from './timeline-record.ts';

/** Every timeline that was opened, ascending. Throws FailedProblem `bad-document` for a record that cannot be read. */
export async function listTimelines(bucket: ObjectStore): Promise<readonly Timeline[]> {
  const ids = await timelineIds(bucket);
  const read = await Promise.all(
    ids.map(async (id) => {
      const stored = await bucket.get(timelineKey(id));
      return stored === undefined ? [] : [timelineDocument.read(stored.body, timelineKey(id))];
    }),
  );
  return read.flat();
}
