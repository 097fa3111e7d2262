/** Time as it comes in, so that tests own it. */
export interface Clock {
  now(): Date;
  /** Monotonic seconds for measuring. */
  monotonic(): number;
  /** Resolves after `ms`, or rejects with the signal's reason. The only way our code may wait for time to pass. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Randomness as it comes in. `token(n)`: n characters of a-z0-9. */
export interface Ids {
  token(length: number): string;
}
