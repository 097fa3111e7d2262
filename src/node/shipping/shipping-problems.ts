import { RefusedProblem, RetryableProblem } from '../../model/problem.ts';

export const foreignCode = 'log-stream-foreign';

export function foreignStream(node: string, key: string): RefusedProblem {
  return new RefusedProblem({
    code: foreignCode,
    happened: `Another agent ships the log of ${node}: ${key} in the store is not as this agent left it.`,
    state: 'This agent has stopped to ship, and writes nothing more to the store. The other one goes on.',
    next: 'Find the other agent with this host id and this bucket (a copied machine or a second agent) and stop it. Then: cardea ship ENV',
  });
}

export function unsteadyStream(node: string, key: string): RetryableProblem {
  return new RetryableProblem({
    code: 'log-stream-unsteady',
    happened: `Replacing ${key} for ${node} failed: the store said each time that it was not as it had just been.`,
    state: 'Nothing was written. The log waits on the node.',
    next: 'Nothing to do when it goes on by itself: it tries again. Otherwise check the store: cardea doctor ENV',
  });
}

export function notDrained(node: string, why: string): RetryableProblem {
  return new RetryableProblem({
    code: 'log-not-drained',
    happened: `The rest of the log of ${node} could not be shipped: ${why}.`,
    state: 'Shipping is paused. The rest of the log is still on the node, and the next try continues with it.',
    next: 'Check that the store answers (`cardea doctor ENV`), then try again.',
  });
}
