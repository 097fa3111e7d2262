import type { Transaction } from '../sample/transaction.ts';
import type { Look } from './watermark-watch.ts';

/** Seconds from the acknowledgement of a transaction until the store held it: what a disaster in between would have lost. */
export interface ShippingLag {
  /** Transactions that were acknowledged while it was watched. */
  readonly transactions: number;
  /** Of those: never seen in the store. They count with their age at the end, the least that their lag can have been. */
  readonly unshipped: number;
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
}

/**
 * For each transaction acknowledged between the first look and `until` (milliseconds since 1970) the seconds to the first look whose
 * `newest` had passed its acknowledgement. The log keeps milliseconds, so the whole millisecond must have been passed. Pure.
 */
export function shippingLag(transactions: readonly Transaction[], looks: readonly Look[], until: number): ShippingLag {
  const first = looks[0]?.at ?? Number.POSITIVE_INFINITY;
  const acknowledged = transactions
    .flatMap(({ acknowledgedAt }) => (acknowledgedAt === undefined ? [] : [Date.parse(acknowledgedAt)]))
    .filter((at) => at >= first && at <= until)
    .sort((a, b) => a - b);
  const lags: number[] = [];
  let unshipped = 0;
  let next = 0;
  for (const at of acknowledged) {
    while (next < looks.length && (looks[next]?.newest ?? 0) < (at + 1) * 1000) next += 1;
    const look = looks[next];
    if (look === undefined) unshipped += 1;
    // A watermark is never ahead of what the node acknowledged, so a look cannot come before; clocks of one machine are one clock.
    lags.push(Math.max(0, (look?.at ?? until) - at) / 1000);
  }
  const sorted = lags.sort((a, b) => a - b);
  return {
    transactions: sorted.length,
    unshipped,
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
    worst: sorted.at(-1) ?? 0,
  };
}

/** By nearest rank, of ascending values; zero of none. */
export function quantile(ascending: readonly number[], share: number): number {
  return ascending[Math.max(0, Math.ceil(share * ascending.length) - 1)] ?? 0;
}
