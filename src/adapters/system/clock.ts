import type { Clock } from '../../ports/clock.ts';

/** setTimeout takes at most 31 bits of milliseconds (24.8 days) and fires at once above. */
const longestTimer = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => new Date(),
  monotonic: () => performance.now() / 1000,
  async sleep(ms, signal) {
    for (let left = ms; left >= 0; left -= longestTimer) await timer(Math.min(left, longestTimer), signal);
  },
};

function timer(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = () => {
      clearTimeout(handle);
      reject(signal?.reason as Error);
    };
    const handle = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
