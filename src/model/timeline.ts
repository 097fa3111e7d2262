import { z } from 'zod';
import { documentType } from './document.ts';
import { runId, timelineId } from './identifiers.ts';
import { instantText } from './instant.ts';

/**
 * One history of the environment. Every restore to an instant and every undo opens a new one; what followed on the parent after the fork
 * is kept and shown, and never replayed into the child. The first is `t0001`, without parent.
 */
export const timelineDocument = documentType(
  'timeline',
  1,
  {
    id: timelineId,
    environment: z.string(),
    parent: z
      .object({
        id: timelineId,
        /** The last instant of the parent that the child contains: everything committed at or before it. */
        forkedAt: instantText,
        /**
         * Of a fork at the end of a log: the last write time that the child contains, where clocks of writers ran ahead
         * of those of the nodes, by which the end is timed.
         */
        keptTo: instantText.optional(),
      })
      .optional(),
    /** Commit times (see `commitSlot`) of the parent's line at or before the fork that were left out: the undone transactions. They stay left out in every later restore. */
    exclusions: z.array(instantText).default([]),
    /** When writes could begin on it. */
    openedAt: instantText,
    run: runId.optional(),
    why: z.string(),
  },
  { sealed: true },
);
export type Timeline = z.infer<typeof timelineDocument.body>;

export function timelineKey(id: string): string {
  return `timelines/${id}.json`;
}

/** `t0002` after `t0001`. */
export function nextTimelineId(newest: z.infer<typeof timelineId> | undefined): z.infer<typeof timelineId> {
  const number = newest === undefined ? 1 : Number(newest.slice(1)) + 1;
  return timelineId.parse(`t${String(number).padStart(4, '0')}`);
}
