import { RefusedProblem, RetryableProblem } from '../../model/problem.ts';

export function foreignStream(node: string, key: string): RefusedProblem {
  return new RefusedProblem({
    code: 'log-stream-foreign',
    happened: `Somebody else ships the log of ${node}: ${key} in the store is not from this agent.`,
    state: 'The store was not changed, and this agent ships nothing more.',
    next: 'Find the other agent with this host id and this bucket (a copied machine or a second agent) and stop it. Then start this agent again.',
  });
}

export function notDrained(node: string, why: string): RetryableProblem {
  return new RetryableProblem({
    code: 'log-not-drained',
    happened: `The rest of the log of ${node} could not be shipped: ${why}.`,
    state: 'Shipping is paused. The rest of the log is still on the node, and the next try continues with it.',
    next: 'Check that the store answers (`cardea doctor ENV`), then resume the run.',
  });
}
