import { z } from 'zod';
import { pointId } from '../../model/identifiers.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { lookAtUnfinishedRuns } from '../../runbook/unfinished-runs.ts';
import { listOpenRestores } from './restore-catalog.ts';

/**
 * As agents forget their jobs: no run is resumed after so long, and a forgotten one must not keep its point for ever.
 */
const longestRest = 40 * 24 * 3_600_000;

const reading = z.object({ point: pointId });

/**
 * Points that must not be removed, each with the reason as a clause: sources of restores that nobody has accepted or
 * reverted, and points that runs read which have not ended, under way or interrupted. A rehearsal and a `restore
 * --into` hold no lease of the environment, so they may begin at any moment: their start is in the bucket before they
 * look at their point, and whoever removes a point marks it before it looks here.
 */
export async function pointsInUse(bucket: ObjectStore, now: Date): Promise<ReadonlyMap<string, string>> {
  const used = new Map<string, string>();
  for (const { run, point } of await listOpenRestores(bucket)) {
    if (point !== undefined) used.set(point, `needed by the open restore ${run}`);
  }
  for (const { run, params } of await lookAtUnfinishedRuns(bucket, new Date(now.getTime() - longestRest))) {
    const { data } = reading.safeParse(params);
    if (data !== undefined) used.set(data.point, `needed by ${run}, which has not ended`);
  }
  return used;
}
