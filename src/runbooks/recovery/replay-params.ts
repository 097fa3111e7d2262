import { z } from 'zod';
import { timelineId } from '../../model/identifiers.ts';
import { instantText } from '../../model/instant.ts';

/** The parameters of a restore to an instant. A plain restore of a point has none of them. */
export const replayParams = {
  /** Replay the shipped log over the point, up to an instant. */
  replay: z.boolean().default(false),
  /**
   * Replay everything that is in the log when the graph has stopped, also what is later than `logs.instant`: an undo
   * must lose nothing.
   */
  toEnd: z.boolean().default(false),
  logs: z
    .object({
      /** Everything committed at or before it is restored. */
      instant: instantText,
      timeline: timelineId,
      /** Commit slots that are left out, besides those that the timeline leaves out already. */
      exclusions: z.array(instantText).default([]),
      /** Bytes of log that whoever decided this expected to be read: how long planning may take follows them. */
      bytes: z.number().optional(),
    })
    .optional(),
};
const replay = z.object(replayParams);
export type ReplayParams = z.output<typeof replay>;
export type LogTarget = NonNullable<ReplayParams['logs']>;

/** The plan shows by `replay` which steps run, so the two must say the same. */
export function requireTarget({ replay, toEnd, logs }: ReplayParams, issues: z.RefinementCtx): void {
  if (replay !== (logs !== undefined)) {
    issues.addIssue({ code: 'custom', path: ['logs'], message: 'must be given if and only if replay is true' });
  }
  if (toEnd && !replay) issues.addIssue({ code: 'custom', path: ['toEnd'], message: 'needs replay' });
}

/** What is restored, for use in sentences. */
export function targetName({ point, logs }: ReplayParams & { readonly point: string }): string {
  return logs === undefined ? point : `${logs.instant} on ${logs.timeline} (from ${point})`;
}
