import { z } from 'zod';
import { timelineId } from '../../model/identifiers.ts';
import { instantText } from '../../model/instant.ts';
import type { RestoreRecord } from '../../model/restore-record.ts';

/** What the pause of the shipping says of the timeline that a restore or a revert leaves. */
export const pausedTimeline = z.object({
  /** The timeline that the environment wrote until then. */
  timeline: timelineId,
  /** The latest instant that any node's stream reaches; null when none ships. */
  newest: instantText.nullable(),
});

/** What a restore's record keeps of it. */
export function leftTimeline({ timeline, newest }: z.infer<typeof pausedTimeline>): NonNullable<RestoreRecord['left']> {
  return { timeline, ...(newest === null ? {} : { end: newest }) };
}
