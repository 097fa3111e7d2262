import { RefusedProblem, RetryableProblem } from '../../model/problem.ts';

export function foreignStream(node: string, key: string): RefusedProblem {
  return new RefusedProblem({
    code: 'log-stream-foreign',
    happened: `Somebody else ships the log of ${node}: ${key} is in the store and is not what this agent would put there.`,
    state: 'What is in the store was left as it is, and this agent ships nothing further.',
    next: 'See which other agent has this host id and this bucket (a copied machine, a second agent) and stop it; then start this agent again.',
  });
}

export function notDrained(node: string, why: string): RetryableProblem {
  return new RetryableProblem({
    code: 'log-not-drained',
    happened: `The rest of the log of ${node} is not shipped: ${why}.`,
    state: 'Shipping is paused; what was not shipped is still on the node, and the next try goes on with it.',
    next: 'See that the store answers (`cardea doctor`), then resume the run.',
  });
}
