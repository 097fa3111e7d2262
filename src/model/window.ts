import { z } from 'zod';
import { timelineId } from './identifiers.ts';
import { instantText } from './instant.ts';

/** To which instants an environment can be restored, as `cardea window ENV --json` prints it. */
export const windowReport = z.object({
  timeline: timelineId,
  /** The earliest instant; null when there is no base yet, and so no window. */
  oldest: instantText.nullable(),
  /** Everything committed up to here is whole in the store: `newest` less the longest time a commit may take between its time and its last write. */
  settled: instantText.nullable(),
  /** Every write acknowledged up to here is in the store. */
  newest: instantText.nullable(),
  /** Now less `newest`: what a disaster at this moment would lose. */
  rpoSeconds: z.number().nonnegative().nullable(),
  /** Stretches inside that cannot be restored to. `from` exclusive, `to` inclusive. */
  gaps: z.array(z.object({ from: instantText, to: instantText, reason: z.string() })),
  /** Which base each stretch would use, oldest first; `timeline` is that of the base. */
  stretches: z.array(z.object({ from: instantText, to: instantText, base: z.string(), timeline: timelineId })),
  /** One line for each node's stream. */
  streams: z.array(
    z.object({
      node: z.string(),
      hostId: z.string(),
      newest: instantText.nullable(),
      lagSeconds: z.number().nullable(),
      clockLead: z.number(),
      /** It should be shipped now, and is not. */
      stopped: z.literal(true).optional(),
      problems: z.array(z.string()),
    }),
  ),
  warnings: z.array(z.string()),
  /** Why later instants need a new base, which would serve them from its end on; null when none would help. Only of the present history. */
  baseWanted: z.string().nullable().default(null),
  /** The points of this history, newest first: what each serves, or why it serves nothing. */
  bases: z.array(
    z.object({
      point: z.string(),
      timeline: timelineId,
      proof: z.string(),
      from: instantText.nullable(),
      to: instantText.nullable(),
      why: z.string().nullable(),
    }),
  ),
  /** Every timeline of the environment, ascending. */
  timelines: z.array(
    z.object({
      id: timelineId,
      parent: timelineId.nullable(),
      forkedAt: instantText.nullable(),
      exclusions: z.array(instantText),
      openedAt: instantText,
      /** The one that the environment writes now. */
      current: z.boolean(),
      why: z.string(),
    }),
  ),
});
export type WindowReport = z.infer<typeof windowReport>;
