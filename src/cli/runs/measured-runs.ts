import { type MeasuredRun, measuredRuns } from '../../journal/runs.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { measuringRunbooks } from '../../runbooks/recovery/measured-stages.ts';

/** Enough for runs of different sizes, few enough to be read at each look. */
const newest = 10;

/**
 * The newest runs that brought data back, in place or beside the environment, with what they took; newest first. Throws
 * what the store throws.
 */
export async function restoresMeasured(store: ObjectStore): Promise<readonly MeasuredRun[]> {
  return measuredRuns(store, { limit: newest, runbooks: measuringRunbooks });
}
