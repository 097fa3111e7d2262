import type { Clock, Ids } from '../../src/ports/clock.ts';

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/** Time stands still until a test moves it. */
export class FakeClock implements Clock {
  #ms: number;
  readonly #start: number;
  #sleepers: Sleeper[] = [];

  constructor(start = '2026-02-19T02:00:00.000Z') {
    this.#ms = Date.parse(start);
    this.#start = this.#ms;
  }

  now(): Date {
    return new Date(this.#ms);
  }

  monotonic(): number {
    return (this.#ms - this.#start) / 1000;
  }

  /** How many waits are pending. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      const sleeper = { at: this.#ms + ms, wake: resolve };
      this.#sleepers.push(sleeper);
      signal?.addEventListener(
        'abort',
        () => {
          this.#sleepers = this.#sleepers.filter((each) => each !== sleeper);
          reject(signal.reason as Error);
        },
        { once: true },
      );
    });
  }

  /** Moves time on, waking sleepers in the order of their times and letting each do what it can before the next wakes. */
  async advance(ms: number): Promise<void> {
    const end = this.#ms + ms;
    for (;;) {
      await settle();
      const next = this.#sleepers.filter((each) => each.at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#sleepers = this.#sleepers.filter((each) => each !== next);
      this.#ms = Math.max(this.#ms, next.at);
      next.wake();
    }
    this.#ms = end;
    await settle();
  }

  /** Moves time on without waking anybody, as for a process that was paused. */
  leap(ms: number): void {
    this.#ms += ms;
  }
}

/** Lets everything that is only waiting for promises go on. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** What comes of the work while these clocks go on side by side, ten minutes at most. */
export async function inTime<T>(work: Promise<T>, ...clocks: readonly FakeClock[]): Promise<T> {
  const state = { ended: false };
  const end = () => {
    state.ended = true;
  };
  work.then(end, end);
  for (let seconds = 0; seconds < 600 && !state.ended; seconds += 1) {
    for (const clock of clocks) await clock.advance(1000);
  }
  return work;
}

/** `aaaa`, `aaab`, `aaac` … */
export function countingIds(): Ids {
  let count = 0;
  return {
    token(length) {
      const digits = count.toString(26).padStart(length, '0').slice(-length);
      count += 1;
      return Array.from(digits, (digit) => String.fromCharCode(97 + Number.parseInt(digit, 26))).join('');
    },
  };
}
