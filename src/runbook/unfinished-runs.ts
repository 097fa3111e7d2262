import { type UnfinishedRun, unfinishedRuns } from '../journal/runs.ts';
import type { ObjectStore } from '../ports/object-store.ts';

/** As agents forget their jobs: no run is resumed after so long, and a forgotten one must keep nothing for ever. */
const longestRest = 40 * 24 * 3_600_000;

/**
 * Every run whose journal has no end, under way or interrupted, of these runbooks or of any: for whoever must spare what they use, or wait for
 * their end. `now`: older ones than can be carried on are left out.
 */
export async function lookAtUnfinishedRuns(
  store: ObjectStore,
  now: Date,
  kinds?: readonly string[],
): Promise<readonly UnfinishedRun[]> {
  const since = new Date(now.getTime() - longestRest);
  return unfinishedRuns(store, kinds === undefined ? { since } : { since, kinds });
}
