import { z } from 'zod';
import { documentType } from './document.ts';
import { environmentText, pointId, runId, timelineId } from './identifiers.ts';
import { leaseEpoch } from './lease-epoch.ts';
import { instantText } from './instant.ts';
import { safeName } from './safe-name.ts';

/**
 * A restore in place leaves the data that was there moved aside on every node. Until a person accepts (the old data is deleted) or reverts
 * (it is moved back) the restore is `open`, and `status` says so. `accepting` and `reverting`: a run has begun to do it, and only that is left
 * to do.
 */
export const restoreRecordDocument = documentType(
  'restore-record',
  1,
  {
    run: runId,
    /** It stands in commands that people copy. */
    environment: environmentText,
    /** Absent in a record that was made from what lies aside on the nodes, because the bucket had lost it. */
    point: pointId.optional(),
    /** Name under which the nodes keep the data that was moved aside. */
    aside: safeName,
    startedAt: z.iso.datetime(),
    /** Of the lease that it was opened under: what came later goes by it, because clocks of machines differ. Older records have none. */
    epoch: leaseEpoch.optional(),
    /** The timeline that was current when it began, and the end of what was shipped of it; records of before Cardea shipped logs have none. */
    left: z.object({ timeline: timelineId, end: instantText.optional() }).optional(),
    state: z.enum(['open', 'accepting', 'reverting', 'accepted', 'reverted']),
    /** What lies aside was never a whole environment: what a restore that broke off had brought. It can be accepted, never reverted to. */
    half: z.boolean().optional(),
    /**
     * It is accepted although neither it nor its revert came to an end, because a node has lost what it kept: what is in place is no whole
     * environment, and has to be restored. `reverting`: the revert that was given up.
     */
    givenUp: z.object({ reverting: runId.optional() }).optional(),
    /** The run that is carrying a decision out. */
    deciding: runId.optional(),
    /** When and by which run it left `open`. */
    closed: z.object({ at: z.iso.datetime(), run: runId, epoch: leaseEpoch.optional() }).optional(),
  },
  { sealed: true },
);
export type RestoreRecord = z.infer<typeof restoreRecordDocument.body>;

export function restoreRecordKey(run: string): string {
  return `restores/${run}.json`;
}
