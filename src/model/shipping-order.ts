import { z } from 'zod';
import { documentType } from './document.ts';
import { runId, timelineId } from './identifiers.ts';
import { instantText } from './instant.ts';

/**
 * Whether the agents of the environment shall ship, and what, at `environment/shipping.json`; replaced in place. A run
 * writes it before it tells the agents, so that an agent that cannot be told follows it by itself: one that was away
 * begins when it is back, and one that comes anew into a restore does not begin in the middle of it.
 */
export const shippingOrderDocument = documentType(
  'shipping-order',
  1,
  {
    /** Only grows: about the seconds since 1970; those of former times count from 1. An agent follows each once. */
    number: z.number().int().positive(),
    state: z.enum(['paused', 'shipping']),
    /** The timeline that is shipped, or was until it was paused. */
    timeline: timelineId,
    /**
     * By node: segments up to this id belong to no stream of the timeline, for they lay where Cassandra found them when it was started on it,
     * placed or brought back: it has counted on from above them. Null where there were none; absent when nobody had set anything aside before it.
     */
    after: z
      .record(
        z.string(),
        z
          .string()
          .regex(/^\d{1,19}$/)
          .nullable(),
      )
      .optional(),
    at: instantText,
    /** Who gave it. */
    run: runId,
  },
  { sealed: true },
);
export type ShippingOrder = z.infer<typeof shippingOrderDocument.body>;

export const shippingOrderKey = 'environment/shipping.json';
