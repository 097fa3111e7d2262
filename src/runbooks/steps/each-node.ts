import { faultTrace } from '../../model/fault-trace.ts';
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
  /** A line for the step's log. */
  readonly log?: (line: string) => void;
}

/**
 * Runs one job on every node's agent at once, and resolves with each node's result in the platform's order. The
 * progress reported is the sum over the nodes. Throws one problem for all the nodes that failed (node-failures.ts); `failed`
 * is told each of them before. What a node fails with stands in the step's log at once, also when the step is told to
 * stop afterwards.
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
  return (await ofEachNode(platform, fan, kind, jobs, failed)).map(({ node, value }) => ({ node, result: value }));
}

/**
 * The same of any other question to every node: all are waited for, and each that failed is named. `what` completes
 * "… of NODE failed".
 */
export async function askEachNode<T>(
  platform: Platform,
  context: Pick<NodeJobCall, 'signal' | 'log'>,
  what: string,
  ask: (node: string) => Promise<T>,
): Promise<ReadonlyArray<{ readonly node: string; readonly value: T }>> {
  return ofEachNode(
    platform,
    context,
    what,
    platform.nodes.map(async ({ name }) => ({ node: name, result: await ask(name) })),
  );
}

async function ofEachNode<T>(
  platform: Platform,
  { signal, log }: Pick<NodeJobCall, 'signal' | 'log'>,
  what: string,
  work: ReadonlyArray<Promise<{ readonly node: string; readonly result: T }>>,
  failed: (failure: NodeFailure) => void = () => undefined,
): Promise<ReadonlyArray<{ readonly node: string; readonly value: T }>> {
  const failures: NodeFailure[] = [];
  const settled = await Promise.all(
    platform.nodes.map(async ({ name: node }, at) => {
      try {
        const done = await work[at];
        return done === undefined ? [] : [{ node, value: done.result }];
      } catch (thrown) {
        // After a cancel or a time limit every node that was still followed fails with just that.
        if (signal.aborted && thrown === signal.reason) return [];
        const problem = asProblem(thrown, `${what} of ${node} failed`);
        failures.push({ node, problem });
        log?.(`${node}: ${problem.happened}`);
        for (const line of faultTrace(problem)) log?.(`  ${line}`);
        return [];
      }
    }),
  );
  failures.sort((a, b) => orderOf(platform, a.node) - orderOf(platform, b.node));
  for (const failure of failures) failed(failure);
  signal.throwIfAborted();
  const [first, ...others] = failures;
  if (first !== undefined) throw nodesProblem([first, ...others], platform.nodes.length);
  return settled.flat();
}

function orderOf(platform: Platform, node: string): number {
  return platform.nodes.findIndex(({ name }) => name === node);
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
