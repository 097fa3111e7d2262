import { getLogPlan } from '../../ports/log-plan-store.ts';
import type { JobParams, JobResult } from '../../ports/node-agent.ts';
import type { NodeParts } from '../node-parts.ts';
import { stagedLogs } from './cut-logs.ts';
import type { JobContext } from './job-context.ts';

/**
 * Cuts the logs of a plan beside the data, while Cassandra serves: whatever is wrong with them is found before anything
 * is stopped, and `place-logs` of the same plan only has to move the new segments.
 */
export async function stageLogs(
  parts: NodeParts,
  { plan: run, sha256: hash, ranges, bytes }: JobParams['stage-logs'],
  context: JobContext,
): Promise<JobResult['stage-logs']> {
  const plan = await getLogPlan(parts.bucket, { run, sha256: hash }, parts.node);
  const { outcome } = await stagedLogs(parts, { run, hash, plan, ranges, bytes }, context);
  context.log('logs staged', { plan: run, ...outcome });
  return outcome;
}
