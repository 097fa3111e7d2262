import { z } from 'zod';
import { documentType } from './document.ts';
import { runId, timelineId } from './identifiers.ts';
import { instantText } from './instant.ts';

const hex = z.string().regex(/^(?:[0-9a-f]{2})*$/);

/**
 * The compensating transaction of an undo, decided once before it is written, at `restores/<run>/undo-plan.json`: so that a run that was
 * killed while it wrote comes back to the same writes. It is followed only by its SHA-256, which the journal holds.
 */
export const undoPlanDocument = documentType('undo-plan', 1, {
  run: runId,
  timeline: timelineId,
  groups: z.array(z.string()).min(1),
  /** The least that its commit time is, odd: later than everything it replaces. Removals are written a microsecond before. */
  commit: instantText,
  /** Up to here the log was compared with it. */
  compared: instantText,
  /** In the order they are written. Bytes in hex; no value removes the cell. */
  writes: z.array(
    z.object({
      table: z.enum(['edgestore', 'graphindex']),
      key: hex,
      column: hex,
      value: hex.optional(),
    }),
  ),
  /**
   * What the writes stand on, as it was when they were decided: the cells that were compared, and those that say that the vertices concerned exist.
   * Write time in microseconds and SHA-256 of the value; neither where there was no such cell. Plans of before have none.
   */
  stands: z
    .array(
      z.object({
        table: z.enum(['edgestore', 'graphindex']),
        key: hex,
        column: hex,
        was: z.object({ at: z.number(), sha256: z.string() }).optional(),
      }),
    )
    .default([]),
  /** Vertices whose documents in the mixed index are made again, and edges and properties whose documents are removed, by their Gremlin ids. */
  vertices: z.array(z.string().regex(/^\d{1,19}$/)),
  gone: z.array(z.string().regex(/^[0-9a-z]+(?:-[0-9a-z]+){2,3}$/)),
});
export type UndoPlan = z.infer<typeof undoPlanDocument.body>;

export function undoPlanKey(run: string): string {
  return `restores/${run}/undo-plan.json`;
}
