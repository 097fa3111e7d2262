import { FailedProblem, RetryableProblem } from '../model/problem.ts';
import type { ReportProgress } from '../model/progress.ts';
import type { Clock } from '../ports/clock.ts';
import type { GraphService } from '../ports/graph-service.ts';

export interface RebuildOptions {
  readonly graph: GraphService;
  /** Name of the index backend in JanusGraph's settings. */
  readonly backend: string;
  readonly clock: Clock;
  readonly progress?: ReportProgress;
  readonly signal?: AbortSignal;
}

const pollMs = 250;

/** Enabled (or registered) mixed indexes of a backend. */
const namesScript = `
import org.apache.tinkerpop.gremlin.structure.Edge
import org.janusgraph.core.JanusGraphVertexProperty
management = graph.openManagement()
try {
  found = []
  [Vertex, Edge, JanusGraphVertexProperty].each { kind ->
    management.getGraphIndexes(kind).each { index ->
      usable = index.getFieldKeys().any { index.getIndexStatus(it) in [SchemaStatus.ENABLED, SchemaStatus.REGISTERED] }
      if (index.isMixedIndex() && index.getBackingIndex() == backend && usable) found.add(index.name())
    }
  }
  found.sort()
} finally {
  management.rollback()
}
`;

/**
 * The job belongs to the server's process, under a name of ours, so that whoever asks again joins it; it is gone with the process.
 * A finished job is started anew: the caller that waited for it may have died long ago.
 */
const startScript = `
jobs = System.getProperties()
name = 'cardea.reindex.' + index
running = jobs.get(name)
if (running == null || running.isDone()) {
  management = graph.openManagement()
  try {
    running = management.updateIndex(management.getGraphIndex(index), SchemaAction.REINDEX)
    jobs.put(name, running)
    management.commit()
  } catch (Throwable problem) {
    management.rollback()
    throw problem
  }
}
System.identityHashCode(running)
`;

const stateScript = `
running = System.getProperties().get('cardea.reindex.' + index)
if (running == null) return [state: 'lost']
if (!running.isDone()) return [state: 'running', done: running.getIntermediateResult().getCustom('doc-updates')]
metrics = running.get()
[state: 'done', done: metrics.getCustom('doc-updates'), failed: metrics.get(org.janusgraph.diskstorage.keycolumnvalue.scan.ScanMetrics.Metric.FAILURE) + metrics.getCustom('failed-tx')]
`;

interface JobState {
  readonly state: 'running' | 'done' | 'lost';
  readonly done?: number;
  readonly failed?: number;
}

/**
 * Fills every mixed index of a backend from the graph, one after the other, through JanusGraph's own REINDEX, and waits for the end. It adds
 * and replaces documents but removes none: the index' storage is emptied first (`setIndexAside`). May be done again, and joins a job that is
 * still running. Gives the names of the indexes. Throws RetryableProblem `graph-unreachable` or `reindex-lost` (the server was restarted),
 * FailedProblem `reindex-failed`.
 */
export async function rebuildMixedIndexes(options: RebuildOptions): Promise<readonly string[]> {
  const { graph, backend } = options;
  const names = await graph.submit<string>(namesScript, { backend });
  for (const index of names) await rebuild(options, index);
  return names;
}

async function rebuild({ graph, clock, progress, signal }: RebuildOptions, index: string): Promise<void> {
  await graph.submit(startScript, { index });
  for (;;) {
    const [job] = await graph.submit<JobState>(stateScript, { index });
    progress?.({ done: job?.done ?? 0, unit: 'items', label: `documents of index ${index}` });
    if (job?.state === 'done') {
      if ((job.failed ?? 0) > 0) throw failed(index, job.failed ?? 0);
      return;
    }
    if (job?.state !== 'running') throw lost(index);
    await clock.sleep(pollMs, signal);
  }
}

function failed(index: string, count: number): FailedProblem {
  return new FailedProblem({
    code: 'reindex-failed',
    happened: `Mixed index "${index}" could not be rebuilt: ${count} parts of the graph failed.`,
    state: 'The graph itself is unchanged; the index is incomplete.',
    next: "See the graph server's log for the reason, then resume the run.",
  });
}

function lost(index: string): RetryableProblem {
  return new RetryableProblem({
    code: 'reindex-lost',
    happened: `The graph server forgot the rebuild of mixed index "${index}": it was restarted.`,
    state: 'The graph itself is unchanged; the index is incomplete.',
    next: 'The step is tried again while its retry allows; it starts the rebuild anew.',
  });
}
