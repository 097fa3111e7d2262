import { milliseconds } from '../model/duration.ts';
import type { Problem } from '../model/problem.ts';
import type { Retry } from './define.ts';

/**
 * Milliseconds to wait before the next attempt; undefined when there is none. Only a RetryableProblem is tried again,
 * while fewer attempts failed than allowed. The wait doubles from `backoff` to `max`; `random` (0 to 1) takes off up to
 * half, so that many waiters do not return at the same time.
 */
export function waitBeforeRetry(
  retry: Retry | undefined,
  problem: Problem,
  failures: number,
  random: number,
): number | undefined {
  if (retry === undefined || problem.kind !== 'retryable' || failures >= retry.attempts) return undefined;
  const full = Math.min(milliseconds(retry.max), milliseconds(retry.backoff) * 2 ** (failures - 1));
  return Math.round(full * (1 - random / 2));
}
