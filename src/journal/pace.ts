import type { Clock } from '../ports/clock.ts';

/**
 * Decides when to write the next record of something that changes all the time. First every two seconds, then less
 * often as the work takes longer (every 3 % of its age, at most `slowest` seconds apart), so that hours of work leave
 * hundreds of records, not thousands.
 */
export function pace(clock: Clock, slowest: number): { isDue(): boolean } {
  const start = clock.monotonic();
  let last = Number.NEGATIVE_INFINITY;
  return {
    isDue() {
      const now = clock.monotonic();
      if (now - last < Math.min(slowest, Math.max(2, (now - start) / 30))) return false;
      last = now;
      return true;
    },
  };
}
