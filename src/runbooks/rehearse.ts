import { z } from 'zod';
import { pointId, runId } from '../model/identifiers.ts';
import { defineRunbook } from '../runbook/define.ts';
import { removeCopyStep, withCopySteps } from './steps/copy-steps.ts';
import { pointAfterRehearsal } from './recovery/proved-instant.ts';
import { replayParams, requireTarget } from './recovery/replay-params.ts';
import { updatePoint } from './catalog/point-catalog.ts';
import type { RunbookServices } from './services.ts';
import { standardRetry } from './steps/standard-steps.ts';

const params = z
  .object({ point: pointId, allowTaken: z.boolean().default(false), ...replayParams })
  .superRefine(requireTarget);
export type RehearseParams = z.output<typeof params>;

/** `rehearsal-k3f9`: short, and the same after a resume. */
function copyOfRun({ run }: { readonly run: string }): string {
  return `rehearsal-${run.slice(-4)}`;
}

/**
 * Proves a restore point: restores it beside the live environment, opens it with a real JanusGraph, runs every graph
 * check, records the measured times with the point, and removes the copy, also after a failure.
 */
export const rehearseRunbook = withCopySteps(
  defineRunbook<RehearseParams, RunbookServices>({
    name: 'rehearse',
    version: 4,
    title: 'Rehearse a restore in a copy beside the live environment',
    params,
  }),
  { purpose: 'rehearsal', nameOf: copyOfRun },
)
  .step({
    id: 'record-proof',
    title: 'Record the point as proven, with the measured times',
    effect: 'write',
    needs: ['restore-files', 'start-database', 'open-graph', 'verify'],
    timeout: '1m',
    retry: standardRetry,
    result: z.object({ proven: z.boolean(), why: z.string().optional() }),
    run: async ({ run, params, results, services: { platform, clock } }) => {
      const seconds = {
        restore: results['restore-files'].seconds,
        start: results['start-database'].seconds,
        open: results['open-graph'].seconds,
        check: results.verify.seconds,
      };
      const proven = { at: clock.now().toISOString(), run: runId.parse(run), seconds };
      const point = await updatePoint(platform.bucket, params.point, (each) =>
        pointAfterRehearsal(each, proven, params.logs),
      );
      return point.cut === 'fuzzy'
        ? { proven: false, why: 'a fuzzy cut alone is never proven, because it was taken while applications wrote' }
        : { proven: true };
    },
  })
  .step(removeCopyStep(copyOfRun))
  .build();
