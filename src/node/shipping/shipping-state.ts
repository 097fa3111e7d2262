import { z } from 'zod';
import { documentType } from '../../model/document.ts';
import { timelineId } from '../../model/identifiers.ts';
import { Problem } from '../../model/problem.ts';
import type { NodeFiles } from '../../ports/node-files.ts';

/** What an agent remembers of its shipping after its process died: `shipping.json` in its state directory. */
export const shippingStateDocument = documentType('agent-shipping', 1, {
  /** Which timeline it ships to, or did until it was paused; absent before its first: the newest. */
  timeline: timelineId.optional(),
  /** Segments up to this id belong to no stream of that timeline. */
  after: z
    .string()
    .regex(/^\d{1,19}$/)
    .nullable(),
  /**
   * Segments that only links held when an agent without memory was told a timeline: they belong to the history that was
   * left, if this node's stream on the timeline has yet to begin.
   */
  left: z.array(z.string()).readonly().optional(),
  paused: z.boolean(),
  /** As whom it writes its stream, so that it is known after a restart. */
  writer: z.string().optional(),
  /** The number of the newest order in the bucket that it has followed. */
  order: z.number().int().positive().optional(),
  /** The node's host id when it was last seen: Cassandra may be down when the agent starts. */
  hostId: z.uuid().optional(),
  /** The node's tokens when they were last seen. */
  tokens: z.array(z.string()).optional(),
});
export type ShippingState = z.infer<typeof shippingStateDocument.body>;

export interface ShippingStateStore {
  load(): Promise<ShippingState>;
  save(state: ShippingState): Promise<void>;
}

export function shippingStateIn(directory: string, files: NodeFiles): ShippingStateStore {
  const file = `${directory}/shipping.json`;
  const without: ShippingState = { after: null, paused: false };
  return {
    async load() {
      const text = await files.read(file);
      if (text === undefined) return without;
      try {
        return shippingStateDocument.read(text, file);
      } catch (thrown) {
        // A flipped bit must not keep an agent from shipping: it is one without memory, as on a new disk.
        if (!(thrown instanceof Problem)) throw thrown;
        return without;
      }
    },
    save: async (state) => files.writeWhole(file, shippingStateDocument.write(state)),
  };
}
