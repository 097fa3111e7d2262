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
export type TimelineId = z.infer<typeof timelineId>;
export type Timeline = z.infer<typeof timelineDocument.body>;

export function timelineKey(id: string): string {
  return `timelines/${id}.json`;
}

/** The timeline whose record has this key; none for any other key. */
export function timelineOfKey(key: string): readonly TimelineId[] {
  return idIn(/^timelines\/(t\d{4})\.json$/.exec(key));
}

/** The timeline whose log lies in this folder, `log/t0001/`; none for any other folder. */
export function timelineOfFolder(folder: string): readonly TimelineId[] {
  return idIn(/^log\/(t\d{4})\/$/.exec(folder));
}

function idIn(match: RegExpExecArray | null): readonly TimelineId[] {
  return match === null ? [] : [timelineId.parse(match[1])];
}

/** `t0002` after `t0001`. */
export function nextTimelineId(newest: TimelineId | undefined): TimelineId {
  const number = newest === undefined ? 1 : Number(newest.slice(1)) + 1;
  return timelineId.parse(`t${String(number).padStart(4, '0')}`);
}
