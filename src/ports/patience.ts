import { RetryableProblem } from '../model/problem.ts';
import type { Clock } from './clock.ts';

/** How long what cannot be reached is tried again. */
export interface Patience {
  /** Milliseconds from the first failure, after which what fails is let through. */
  readonly forMs: number;
  /** Tried as often at least, however long one attempt takes; 1 when absent. */
  readonly attempts?: number;
  /**
   * Milliseconds of the longest pause, 5,000 when absent. The first takes a tenth of a second, each next one twice as
   * long.
   */
  readonly longestPauseMs?: number;
  /** Ends a pause with its reason. */
  readonly signal?: AbortSignal;
  /** Which of the retryable problems are waited out; all when absent. */
  readonly only?: (problem: RetryableProblem) => boolean;
}

/** One object of a long job: as long as a store takes to be started again, so that the job need not begin anew. */
export const objectPatience: Patience = { forMs: 120_000, attempts: 3 };

/**
 * Does `work` again while it throws RetryableProblem, until patience ends; what it throws then, and anything else at
 * once, is let through. `work` must be safe to do again.
 */
export async function patiently<T>(clock: Clock, patience: Patience, work: () => Promise<T>): Promise<T> {
  const { forMs, attempts = 1, longestPauseMs = 5000, signal, only } = patience;
  let until: number | undefined;
  let pauseMs = 100;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (thrown) {
      if (!(thrown instanceof RetryableProblem) || only?.(thrown) === false) throw thrown;
      signal?.throwIfAborted();
      until ??= clock.monotonic() + forMs / 1000;
      if (attempt >= attempts && clock.monotonic() + pauseMs / 1000 > until) throw thrown;
      await clock.sleep(pauseMs, signal);
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
  }
}
