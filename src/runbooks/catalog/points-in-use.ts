import { z } from 'zod';
import { pointId } from '../../model/identifiers.ts';
import type { RestorePoint } from '../../model/restore-point.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { lookAtUnfinishedRuns } from '../../runbook/unfinished-runs.ts';
import { listOpenRestores } from './restore-catalog.ts';

const reading = z.object({ point: pointId });

/**
 * Points that must not be removed, each with the reason as a clause: sources of restores that nobody has accepted or
 * reverted, points that runs read which have not ended, under way or interrupted, and those of `asked` that such a backup takes. A rehearsal and a `restore
 * --into` hold no lease of the environment, so they may begin at any moment: their start is in the bucket before they
 * look at their point, and whoever removes a point marks it before it looks here.
 */
export async function pointsInUse(
  bucket: ObjectStore,
  now: Date,
  asked: ReadonlyArray<Pick<RestorePoint, 'id' | 'run'>>,
): Promise<ReadonlyMap<string, string>> {
  const used = new Map<string, string>();
  for (const { run, point } of await listOpenRestores(bucket)) {
    if (point !== undefined) used.set(point, `needed by the open restore ${run}`);
  }
  for (const { run, params } of await lookAtUnfinishedRuns(bucket, now)) {
    const { data } = reading.safeParse(params);
    const made = asked.filter((each) => each.run === run).map(({ id }) => id);
    for (const id of data === undefined ? made : [...made, data.point])
      used.set(id, `needed by ${run}, which has not ended`);
  }
  return used;
}
