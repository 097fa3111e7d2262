import type { Patience } from '../ports/patience.ts';

/**
 * How long a run waits for a store that cannot be reached before it is left: while it holds the environment, until the
 * lease is lost, and without a lease half a minute. A store that renews the lease and yet takes nothing else ends the
 * wait after five minutes.
 */
export function storePatience(lease: AbortSignal | undefined): Patience {
  return lease === undefined ? { forMs: 30_000 } : { forMs: 300_000, signal: lease };
}
