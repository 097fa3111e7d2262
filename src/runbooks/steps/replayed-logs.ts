import { FailedProblem } from '../../model/problem.ts';
import type { Platform } from '../../ports/platform.ts';
import { type NodeJobCall, onEachNode } from './each-node.ts';

/**
 * Cassandra deletes a segment when it has replayed it. The core of HCD passes over one whose number is above the node's clock, without a word,
 * and would replay it at some later start. Throws FailedProblem `logs-not-replayed`, which names the node and the segment.
 */
export async function requireReplayed(platform: Platform, work: NodeJobCall): Promise<void> {
  const looks = await onEachNode(platform, work, 'look-replayed', () => ({}));
  const left = looks.filter(({ result }) => result.left.length > 0);
  const [first] = left;
  if (first === undefined) return;
  const more = left.length > 1 ? ` (and ${left.length - 1} more nodes)` : '';
  throw new FailedProblem({
    code: 'logs-not-replayed',
    happened: `Cassandra has started on ${first.node}${more} and has not replayed all of the log that was placed: ${first.result.left[0]} is still there.`,
    state: 'The database runs without a part of its log, so it is not at the wanted instant. JanusGraph is stopped.',
    next: "The number in the name is the time in milliseconds from which on Cassandra replays it: compare the node's clock. When that is right, stop Cassandra there and carry the run on: it is started again, and replays the rest.",
    details: left.flatMap(({ node, result }) => result.left.map((name) => `${node}: ${name}`)),
  });
}
