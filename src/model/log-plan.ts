import { z } from 'zod';
import { documentType } from './document.ts';
import { runId, timelineId } from './identifiers.ts';
import { instantText } from './instant.ts';

/**
 * Which shipped logs a restore replays over its base and where it cuts them: decided once, before anything is touched, and read by every
 * node's agent from `restores/<run>/log-plan.json`. What is cut away is in no replica afterwards.
 */
export const logPlanDocument = documentType(
  'log-plan',
  1,
  {
    run: runId,
    /** The instant asked for: everything committed at or before it comes back. */
    instant: instantText,
    /** From the root timeline to the one restored to: each is replayed up to its `until` (inclusive), less its `exclusions` (commit slots). */
    strands: z.array(
      z.object({
        timeline: timelineId,
        until: instantText,
        exclusions: z.array(instantText),
        /** The node streams of it, with the objects to read in log order. `sha256` is of the plain bytes and was found right before anything was touched. */
        streams: z.array(
          z.object({
            hostId: z.uuid(),
            node: z.string(),
            objects: z.array(z.object({ key: z.string(), sha256: z.string(), bytes: z.number().int().nonnegative() })),
          }),
        ),
        /** Object keys of the schemas that decode them, oldest first. */
        schemas: z.array(z.string()),
      }),
    ),
    /** Tables that are replayed whole, beyond the instant: no id may be given out twice. `keyspace.table`. */
    uncut: z.array(z.string()),
    /** Tables that are left out whole: lock tables. `keyspace.table`. System keyspaces always are. */
    omitted: z.array(z.string()),
  },
  { sealed: true },
);
export type LogPlan = z.infer<typeof logPlanDocument.body>;

export function logPlanKey(run: string): string {
  return `restores/${run}/log-plan.json`;
}
