import { formatSeconds } from '../../model/duration.ts';
import type { Micros } from '../../model/instant.ts';
import { RefusedProblem, RetryableProblem } from '../../model/problem.ts';
import { type AskingClocks, nodesClocks } from '../steps/nodes-now.ts';

/** Microseconds by which clocks of nodes may differ while something is written with one time for all of them. */
const mostApart = 10_000_000;

/**
 * The time now for a write into the graph, by the earliest of the nodes' clocks. One that is timed ahead hides what
 * applications write after it, so no other clock will do. Throws RetryableProblem `clocks-unknown` when no agent tells,
 * RefusedProblem `clocks-differ`.
 */
export async function writingNow(asking: AskingClocks): Promise<Micros> {
  const clocks = await nodesClocks(asking);
  const [earliest] = clocks;
  const { environment } = asking.services.platform;
  if (earliest === undefined) {
    throw new RetryableProblem({
      code: 'clocks-unknown',
      happened: `No agent of ${environment} tells what time it is on its node.`,
      state: 'The graph was not changed.',
      next: `See why the agents do not answer: cardea doctor ${environment}`,
    });
  }
  const apart = (clocks.at(-1) ?? earliest) - earliest;
  if (apart <= mostApart) return earliest;
  throw new RefusedProblem({
    code: 'clocks-differ',
    happened: `The clocks of the nodes of ${environment} differ by ${formatSeconds(apart / 1_000_000)}, so no time is right for what would be written.`,
    state: 'The graph was not changed.',
    next: `Set the clocks right, and start the undo anew. What every node's clock says: cardea doctor ${environment}`,
  });
}
