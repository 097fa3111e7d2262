import { faultTrace } from '../../model/fault-trace.ts';
import { runId } from '../../model/identifiers.ts';
import { asProblem, FailedProblem, type Problem, RetryableProblem } from '../../model/problem.ts';
import { dropRestore } from '../catalog/restore-catalog.ts';
import { currentTimeline } from '../catalog/timeline-record.ts';
import type { RunbookServices } from '../services.ts';
import { oneNode, onEachNode } from './each-node.ts';
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
    const ran = before === undefined ? [] : namesIn(platform, before.running);
    const { nodes, problem } = await nodesThatStand(work, ran);
    if (before !== undefined && nodes.length > 0) {
      await platform.databaseLifecycle.startAll(work.signal, nodes);
      if (before.graph) await startGraphAgain(work, problem);
    }
    // Also where every node was down when it began: then its order waits in the bucket for the agents.
    if (before !== undefined) await startShipping(work, await currentTimeline(platform.bucket), 'as-before');
    await dropRestore(platform.bucket, work.run, { at: clock.now().toISOString(), run: runId.parse(work.run) });
    await clearStaged(work);
    if (problem !== undefined) throw problem;
    return {};
  },
} as const;

/**
 * Those of the nodes whose disk is the one that was there before they were stopped. Another one is not started: it would be an empty node. The
 * problem names the others: `disk-replaced`, or `disk-unknown`, which is tried again, where an agent could not be asked.
 */
async function nodesThatStand(
  work: StartAgainWork,
  ran: readonly string[],
): Promise<{ readonly nodes: readonly string[]; readonly problem?: Problem }> {
  const { platform } = work.services;
  if (ran.length === 0) return { nodes: [] };
  const unknown: string[] = [];
  const replaced: string[] = [];
  await platform.ensureAgents(work.signal).catch((thrown: unknown) => {
    work.signal.throwIfAborted();
    work.log(asProblem(thrown, 'Starting the agents').happened);
  });
  await Promise.all(
    ran.map(async (node) => {
      try {
        const { itself, marked } = await oneNode(platform, work, node, 'look-aside', { run: work.run });
        if (!itself || !marked) replaced.push(node);
      } catch (thrown) {
        work.signal.throwIfAborted();
        unknown.push(node);
        work.log(`${node}: ${asProblem(thrown, 'Looking at its disk').happened}`);
        for (const line of faultTrace(thrown)) work.log(`  ${line}`);
      }
    }),
  );
  const nodes = ran.filter((node) => !unknown.includes(node) && !replaced.includes(node));
  if (replaced.length > 0) return { nodes, problem: diskReplaced(work.environment, replaced) };
  return unknown.length > 0 ? { nodes, problem: diskUnknown(unknown) } : { nodes };
}

/** Without all nodes it may not come up, and then the nodes that are missing are the reason. */
async function startGraphAgain(work: StartAgainWork, missing: Problem | undefined): Promise<void> {
  try {
    await work.services.platform.graphLifecycle.startAll(work.signal);
  } catch (thrown) {
    work.signal.throwIfAborted();
    if (missing === undefined) throw thrown;
    work.log(asProblem(thrown, 'Starting JanusGraph').happened);
  }
}

function diskReplaced(environment: string, nodes: readonly string[]): FailedProblem {
  return new FailedProblem({
    code: 'disk-replaced',
    happened: `The disk of ${nodes.join(', ')} is not the one that was there when the servers were stopped, or was emptied: it was not started, because it would be an empty node.`,
    state: 'What ran before runs again on the other nodes.',
    next: `Bring back its disk, or replace the node as Cassandra wants it, or restore ${environment}: cardea restore ${environment} --plan`,
  });
}

function diskUnknown(nodes: readonly string[]): RetryableProblem {
  return new RetryableProblem({
    code: 'disk-unknown',
    happened: `The agent of ${nodes.join(', ')} cannot be asked whether its disk is still the one that was there: it was not started.`,
    state: 'What ran before runs again on the other nodes.',
    next: `Start the agent, look at the disk, then start the server.`,
  });
}

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
