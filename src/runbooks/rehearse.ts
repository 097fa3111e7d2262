import { z } from 'zod';
import { pointId, runId } from '../model/identifiers.ts';
import { defineRunbook } from '../runbook/define.ts';
import { removeCopyStep, withCopySteps } from './steps/copy-steps.ts';
import { overtaken, pointAfterRehearsal } from './recovery/proved-instant.ts';
import { replayParams, requireTarget } from './recovery/replay-params.ts';
import { updatePoint } from './catalog/point-catalog.ts';
import { findFindings, findingsKey, moveFindings } from './catalog/finding-catalog.ts';
import { FailedProblem } from '../model/problem.ts';
import type { PointFindings, RestorePoint } from '../model/restore-point.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { RunbookServices } from './services.ts';
import { planOf } from './steps/log-steps.ts';
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
    version: 12,
    title: 'Rehearse a restore in a copy beside the live environment',
    params,
    copyOf: copyOfRun,
  }),
  { purpose: 'rehearsal', nameOf: copyOfRun },
)
  .step({
    id: 'record-proof',
    title: 'Record the point as proven, with the measured times',
    effect: 'write',
    needs: ['check-point', 'verify-logs', 'restore-files', 'start-database', 'open-graph', 'verify'],
    timeout: '1m',
    retry: standardRetry,
    result: z.object({ proven: z.boolean(), why: z.string().optional() }),
    run: async ({ run, step, params, results, services: { platform, clock } }) => {
      const plan = params.replay ? await planOf(platform, { run, step }, results['verify-logs']) : undefined;
      const seconds = {
        restore: results['restore-files'].seconds,
        start: results['start-database'].seconds,
        open: results['open-graph'].seconds,
        check: results.verify.seconds,
      };
      const proven = { at: clock.now().toISOString(), run: runId.parse(run), seconds };
      const stock = await instantStock(platform.bucket, run, params.replay);
      const { provenBy: provenBefore, failure: failedBefore } = results['check-point'];
      const meanwhile = (each: RestorePoint) => overtaken(each, { run, provenBefore, failedBefore });
      const point = await updatePoint(platform.bucket, params.point, (each) => {
        if (meanwhile(each) !== undefined) return each;
        const after = pointAfterRehearsal(each, proven, plan);
        return after.cut === 'instant' && stock !== undefined ? { ...after, findings: stock } : after;
      });
      const other = meanwhile(point);
      if (other !== undefined) {
        await platform.bucket.delete(findingsKey(run));
        if (point.proof === 'failed') throw notProved(point, other);
        return { proven: true, why: `while this rehearsal ran, ${other}` };
      }
      // What an instant has is known by its first proof; a quiet point has its own record.
      if (point.cut === 'instant') await moveFindings(platform.bucket, run, point.id);
      else await platform.bucket.delete(findingsKey(run));
      return point.cut === 'fuzzy'
        ? { proven: false, why: 'a fuzzy cut alone is never proven, because it was taken while applications wrote' }
        : { proven: true };
    },
  })
  .step(removeCopyStep(copyOfRun))
  .build();

function notProved({ id, environment }: RestorePoint, why: string): FailedProblem {
  return new FailedProblem({
    code: 'point-not-good',
    happened: `${id} came back whole in this rehearsal, but while it ran ${why}.`,
    state: 'The point stays failed, and the copy is removed.',
    next: `Take a new backup: cardea backup ${environment}.`,
  });
}

/** What the copy was found to have at the instant that it was brought to. */
async function instantStock(bucket: ObjectStore, run: string, replay: boolean): Promise<PointFindings | undefined> {
  const record = replay ? await findFindings(bucket, run) : undefined;
  if (record === undefined) return undefined;
  const fresh = record.findings.filter((each) => each.fresh === true).length;
  const count = Object.values(record.counts).reduce((sum, each) => sum + each, 0);
  return { checked: true, count, fresh, kinds: record.counts };
}
