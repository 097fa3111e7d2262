import { type UnfinishedRun, unfinishedRuns } from '../journal/runs.ts';
import type { ObjectStore } from '../ports/object-store.ts';

/** Every run begun since then whose journal has no end, under way or interrupted: for whoever must spare what they use. */
export async function lookAtUnfinishedRuns(store: ObjectStore, since: Date): Promise<readonly UnfinishedRun[]> {
  return unfinishedRuns(store, since);
}
