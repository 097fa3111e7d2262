import type { Clock } from '../../src/ports/clock.ts';

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/** Time that moves on by itself, to the next sleeper, as soon as nothing else is left to do: hours of waiting take no time. */
export class HastyClock implements Clock {
  #ms: number;
  readonly #start: number;
  /** The next to wake is the last. */
  #sleepers: Sleeper[] = [];
  #moving = false;

  constructor(startMs = Date.parse('2026-02-19T02:00:00.000Z')) {
    this.#ms = startMs;
    this.#start = startMs;
  }

  now(): Date {
    return new Date(this.#ms);
  }

  monotonic(): number {
    return (this.#ms - this.#start) / 1000;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      if (signal === undefined) {
        this.#add({ at: this.#ms + ms, wake: resolve });
        return;
      }
      const onAbort = () => {
        const at = this.#sleepers.indexOf(sleeper);
        if (at >= 0) this.#sleepers.splice(at, 1);
        reject(signal.reason as Error);
      };
      const sleeper = {
        at: this.#ms + ms,
        wake: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#add(sleeper);
    });
  }

  /** A millisecond passes, in which nobody does anything. */
  tick(): void {
    this.#ms += 1;
  }

  /** The same time as a machine tells it whose wall clock was set; its intervals are as long as everybody's. */
  setBy(offset: () => number): Clock {
    return {
      now: () => new Date(this.#ms + offset()),
      monotonic: () => this.monotonic(),
      sleep: async (ms, signal) => this.sleep(ms, signal),
    };
  }

  /** What is asleep never wakes: the history is over. */
  forget(): void {
    this.#sleepers = [];
  }

  #add(sleeper: Sleeper): void {
    let at = this.#sleepers.length;
    // Of two that wake at one moment the one that went to sleep first does so first.
    while (at > 0 && (this.#sleepers[at - 1]?.at ?? 0) <= sleeper.at) at -= 1;
    this.#sleepers.splice(at, 0, sleeper);
    this.#move();
  }

  #move(): void {
    if (this.#moving) return;
    this.#moving = true;
    // A turn of the event loop lets every promise that can go on go on first.
    setImmediate(() => {
      this.#moving = false;
      const next = this.#sleepers.pop();
      if (next === undefined) return;
      this.#ms = Math.max(this.#ms, next.at);
      next.wake();
      if (this.#sleepers.length > 0) this.#move();
    });
  }
}
