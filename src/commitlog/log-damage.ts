import { FailedProblem } from '../model/problem.ts';

/** Bytes of a log that are not what was written: a flipped bit, a missing end, bytes of another place. `what` names the thing, `why` what is wrong with it. */
export function logDamaged(what: string, why: string, cause?: unknown): FailedProblem {
  return new FailedProblem({
    code: 'log-damaged',
    happened: `${what} is damaged: ${why}.`,
    state: 'No part of it was used.',
    next: 'Choose an instant before the damage (`cardea window ENV` shows them), and check the store or disk that it came from.',
    cause,
  });
}
