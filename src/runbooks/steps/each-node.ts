import { asProblem } from '../../model/problem.ts';
import type { Progress, ReportProgress } from '../../model/progress.ts';
import type { JobKind, JobParams, JobResult } from '../../ports/node-agent.ts';
import type { Platform } from '../../ports/platform.ts';
import { type NodeFailure, nodesProblem } from './node-failures.ts';

export interface NodeJobCall {
  readonly run: string;
  readonly step: string;
  readonly epoch: number;
  readonly signal: AbortSignal;
  readonly progress: ReportProgress;
}

/**
 * Runs one job on every node's agent at once, and resolves with each node's result in the platform's order. The
 * progress reported is the sum over the nodes. Throws one problem for all the nodes that failed (node-failures.ts);
 * `failed` is told each of them before, unless the step was told to stop.
 *
 * When a node fails the others are followed to their end all the same, though that may take hours: their jobs belong
 * to their agents and go on whether they are watched or not, so that leaving them would only hide how they end and
 * let the steps for the end run beside them. What they finish counts: an attempt after this one gets their results at
 * once. Whoever does not want to wait cancels the run.
 */
export async function onEachNode<K extends JobKind>(
  platform: Platform,
  fan: NodeJobCall,
  kind: K,
  paramsFor: (node: string) => JobParams[K],
  failed: (failure: NodeFailure) => void = () => undefined,
): Promise<ReadonlyArray<{ readonly node: string; readonly result: JobResult[K] }>> {
  const parts = new Map<string, Progress>();
  const jobs = platform.nodes.map(async ({ name }) => {
    const progress = (part: Progress) => {
      parts.set(name, part);
      fan.progress(summed([...parts.values()], platform.nodes.length));
    };
    return { node: name, result: await oneNode(platform, { ...fan, progress }, name, kind, paramsFor(name)) };
  });
  const settled = await Promise.allSettled(jobs);
  const [first, ...others] = platform.nodes.flatMap(({ name: node }, at): NodeFailure[] => {
    const outcome = settled[at];
    if (outcome?.status !== 'rejected') return [];
    return [{ node, problem: asProblem(outcome.reason, `The job ${kind} of ${node} failed`) }];
  });
  if (first !== undefined) {
    // After a cancel or a time limit every node that was still followed fails with just that.
    fan.signal.throwIfAborted();
    for (const failure of [first, ...others]) failed(failure);
    throw nodesProblem([first, ...others], platform.nodes.length);
  }
  return settled.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
}

/** One job on one node's agent. */
export async function oneNode<K extends JobKind>(
  platform: Platform,
  { run, step, epoch, signal, progress }: NodeJobCall,
  node: string,
  kind: K,
  params: JobParams[K],
): Promise<JobResult[K]> {
  return platform.agent(node).run({ run, step, epoch }, kind, params, { signal, progress });
}

/** One progress for several nodes. The total is known only when every node has told its own. */
function summed(parts: readonly Progress[], nodes: number): Progress {
  const done = parts.reduce((sum, part) => sum + part.done, 0);
  const total = parts.reduce((sum, part) => sum + (part.total ?? 0), 0);
  const known = parts.length === nodes && parts.every((part) => part.total !== undefined);
  return { done, unit: parts[0]?.unit ?? 'items', ...(known ? { total } : {}) };
}
