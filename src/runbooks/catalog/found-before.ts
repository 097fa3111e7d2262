import { z } from 'zod';
import type { ObjectStore } from '../../ports/object-store.ts';
import { type FoundRun, lookAtRunIfReadable } from '../../runbook/look-at-run.ts';
import { hasBegun } from '../../runbook/schedule.ts';
import { decidedRuns, decisionPivots } from './restore-standing.ts';

/** What `check-restore` found of a restore in the journal of its run, which could be read then. */
const foundInJournal = z.object({
  whole: z.boolean(),
  succeeded: z.boolean(),
  finished: z.boolean(),
  served: z.boolean(),
  disks: z.enum(['yes', 'no']),
});

/**
 * How far a restore had come, as the newest run knew it that has begun to carry a decision about it out: for whoever cannot read the restore's own
 * journal any more. Undefined where none knew it.
 */
export async function foundBefore(
  bucket: ObjectStore,
  restore: string,
): Promise<z.output<typeof foundInJournal> | undefined> {
  let newest: { readonly epoch: number; readonly found: z.output<typeof foundInJournal> } | undefined;
  for (const other of await decidedRuns(bucket, restore, '')) {
    const decider = other === restore ? undefined : await lookAtRunIfReadable(bucket, other);
    if (decider === undefined || decider === 'damaged' || !keepsFromGoingOn(decider)) continue;
    const { result, earlier } = decider.steps['check-restore'] ?? {};
    const found = foundInJournal.safeParse(result ?? earlier).data;
    if (found !== undefined && (newest === undefined || decider.epoch > newest.epoch))
      newest = { epoch: decider.epoch, found };
  }
  return newest?.found;
}

/** From then on nobody carries the restore on, so that what was known of it stays so. One that ended before its pivot let it go on. */
function keepsFromGoingOn({ runbook, status, steps }: FoundRun): boolean {
  const pivot = runbook === 'accept' ? decisionPivots.accepting : decisionPivots.reverting;
  if (hasBegun(steps, pivot)) return true;
  return status === 'running' && (hasBegun(steps, 'stop-graph') || hasBegun(steps, 'begin-decision'));
}
