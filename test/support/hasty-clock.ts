import type { Clock } from '../../src/ports/clock.ts';

interface Sleeper {
  readonly at: number;
  readonly order: number;
  readonly wake: () => void;
}

/** Time that moves on by itself, to the next sleeper, as soon as nothing else is left to do: hours of waiting take no time. */
export class HastyClock implements Clock {
  #ms = Date.parse('2026-02-19T02:00:00.000Z');
  readonly #start = this.#ms;
  #sleepers: Sleeper[] = [];
  #order = 0;
  #moving = false;

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
      this.#order += 1;
      const sleeper = { at: this.#ms + ms, order: this.#order, wake: resolve };
      this.#sleepers.push(sleeper);
      signal?.addEventListener(
        'abort',
        () => {
          this.#sleepers = this.#sleepers.filter((each) => each !== sleeper);
          reject(signal.reason as Error);
        },
        { once: true },
      );
      this.#move();
    });
  }

  /** What is asleep never wakes: its process is dead. */
  forget(): void {
    this.#sleepers = [];
  }

  #move(): void {
    if (this.#moving) return;
    this.#moving = true;
    // Two turns of the event loop let every promise that can go on go on first.
    setImmediate(() =>
      setImmediate(() => {
        this.#moving = false;
        const [next] = this.#sleepers.sort((a, b) => a.at - b.at || a.order - b.order);
        if (next === undefined) return;
        this.#sleepers.shift();
        this.#ms = Math.max(this.#ms, next.at);
        next.wake();
        if (this.#sleepers.length > 0) this.#move();
      }),
    );
  }
}
