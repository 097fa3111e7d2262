import { type Problem, RetryableProblem, asProblem } from '../../model/problem.ts';
import type { Clock } from '../../ports/clock.ts';

export interface Patience {
  /** Milliseconds. */
  readonly patience: number;
  /** What is said when the time is over, as a sentence without its full stop. */
  readonly late: string;
}

/** What the work resolves with, or a Problem: what it threw, or `no-answer` when it took too long. Never throws. */
export async function within<T>(clock: Clock, work: Promise<T>, { patience, late }: Patience): Promise<T | Problem> {
  const stop = new AbortController();
  const timeout = clock.sleep(patience, stop.signal).then(
    () =>
      new RetryableProblem({
        code: 'no-answer',
        happened: `${late} (${patience / 1000} s).`,
        state: 'Nothing was changed.',
        next: 'See what can be reached with `cardea doctor`, followed by the name of the environment.',
      }),
  );
  timeout.catch(() => {});
  try {
    return await Promise.race([work, timeout]);
  } catch (thrown) {
    return asProblem(thrown, 'Reading the status');
  } finally {
    stop.abort(new DOMException('answered', 'AbortError'));
  }
}
