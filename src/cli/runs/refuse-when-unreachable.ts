import { RefusedProblem, RetryableProblem } from '../../model/problem.ts';

/**
 * Does what a command does before it begins an operation. If a store or database cannot be reached then, no operation
 * failed; none was begun. So a RetryableProblem becomes a RefusedProblem of the same code. Everything else is thrown as
 * it is.
 */
export async function refuseWhenUnreachable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof RetryableProblem)) throw thrown;
    const { code, happened, next, details } = thrown;
    throw new RefusedProblem({ code, happened, state: 'Nothing was started.', next, details, cause: thrown });
  }
}
