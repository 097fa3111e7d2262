import { faultTrace } from '../../model/fault-trace.ts';
import { runId } from '../../model/identifiers.ts';
import { asProblem } from '../../model/problem.ts';
import { dropRestore } from '../catalog/restore-catalog.ts';
import { currentTimeline } from '../catalog/timeline-record.ts';
import type { RunbookServices } from '../services.ts';
import { onEachNode } from './each-node.ts';
import { namesIn, type NodeSet } from './node-set.ts';
import { startShipping, type Work } from './shipping-steps.ts';
import { emptyResult, standardRetry } from './standard-steps.ts';

interface StartAgainWork extends Work {
  readonly services: RunbookServices;
  /** Undefined where that step had not finished. */
  readonly results: {
    readonly 'look-services': { readonly running: NodeSet; readonly graph: boolean } | undefined;
  };
}

/**
 * The end of a run that had stopped something and moved nothing: what ran before runs again, and what was down stays down, for a node that
 * lost its disk would make an empty one of it.
 */
export const startAgainStep = {
  id: 'start-again',
  title: 'Nothing was moved: start again what was stopped',
  effect: 'write',
  always: 'unless-moved',
  /** Of the bytes that may lie staged: they are removed. */
  timeout: { atLeast: '6h', perGiB: '1m' },
  retry: standardRetry,
  result: emptyResult,
  run: async (work: StartAgainWork) => {
    const { platform, clock } = work.services;
    const before = work.results['look-services'];
    // The service first: nothing that the bucket holds may keep it down.
    const nodes = before === undefined ? [] : namesIn(platform, before.running);
    if (before !== undefined && nodes.length > 0) {
      await platform.databaseLifecycle.startAll(work.signal, nodes);
      if (before.graph) await platform.graphLifecycle.startAll(work.signal);
    }
    // Also where every node was down when it began: then its order waits in the bucket for the agents.
    if (before !== undefined) await startShipping(work, await currentTimeline(platform.bucket), 'as-before');
    await dropRestore(platform.bucket, work.run, { at: clock.now().toISOString(), run: runId.parse(work.run) });
    await clearStaged(work);
    return {};
  },
} as const;

/** What was brought beside the data is of no use any more. What cannot be removed now goes when the next restore begins. */
export async function clearStaged(work: Work): Promise<void> {
  try {
    await onEachNode(work.services.platform, work, 'clear-stage', () => ({}));
  } catch (error) {
    work.signal.throwIfAborted();
    work.log(`staged files are left behind: ${asProblem(error, 'Removing them').happened}`);
    for (const line of faultTrace(error)) work.log(`  ${line}`);
  }
}
