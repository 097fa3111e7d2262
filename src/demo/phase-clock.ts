import type { Clock } from '../ports/clock.ts';

/** Measures named parts of a story, in seconds. */
export interface PhaseClock {
  <T>(name: string, work: () => Promise<T>): Promise<T>;
  spent(): Array<{ name: string; seconds: number }>;
}

export function phaseClock(clock: Clock): PhaseClock {
  const spent: Array<{ name: string; seconds: number }> = [];
  const measure = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const from = clock.monotonic();
    try {
      return await work();
    } finally {
      spent.push({ name, seconds: clock.monotonic() - from });
    }
  };
  return Object.assign(measure, { spent: () => [...spent] });
}
