import { z } from 'zod';
import { environmentName, pointId } from '../model/identifiers.ts';
import { defineRunbook } from '../runbook/define.ts';
import { withCopySteps } from './steps/copy-steps.ts';
import { replayParams, requireTarget } from './recovery/replay-params.ts';
import type { RunbookServices } from './services.ts';

const params = z
  .object({
    point: pointId,
    /** Name of the new environment. */
    into: environmentName,
    allowTaken: z.boolean().default(false),
    ...replayParams,
  })
  .superRefine(requireTarget);
export type RestoreIntoParams = z.output<typeof params>;

function copyOf({ params: { into } }: { readonly params: RestoreIntoParams }): string {
  return into;
}

/**
 * Restores a point into a new environment beside the live one and leaves it running, to look at old data or to take
 * over.
 */
export const restoreIntoRunbook = withCopySteps(
  defineRunbook<RestoreIntoParams, RunbookServices>({
    name: 'restore-into',
    version: 11,
    title: 'Restore into a copy beside the live environment',
    params,
    copyOf,
  }),
  { purpose: 'restore', nameOf: copyOf },
).build();
