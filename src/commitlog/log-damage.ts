import { FailedProblem, Problem } from '../model/problem.ts';

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

/** What reads the object gives, and where that finds damage, the problem begins with the object's key. */
export async function readingObject<Read>(key: string, read: () => Read | Promise<Read>): Promise<Read> {
  try {
    return await read();
  } catch (thrown) {
    if (!(thrown instanceof Problem) || thrown.code !== 'log-damaged' || thrown.happened.includes(key)) throw thrown;
    const { code, happened, state, next } = thrown;
    throw new FailedProblem({ code, happened: `${key}: ${happened}`, state, next, cause: thrown.cause });
  }
}
