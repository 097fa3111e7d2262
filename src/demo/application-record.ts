import type { Transaction } from '../sample/transaction.ts';
import type { Drill } from './drill-document.ts';

/**
 * How many transactions were acknowledged to the application, over how long, and its longest wait for an
 * acknowledgement. Pure.
 */
export function applicationRecord(transactions: readonly Transaction[]): Drill['application'] {
  const times = acknowledgements(transactions);
  const silences = times.slice(1).map((at, index) => at - (times[index] ?? at));
  return {
    acknowledged: times.length,
    seconds: ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1000,
    longestSilence: silences.reduce((most, each) => Math.max(most, each), 0) / 1000,
  };
}

/** How many were acknowledged after a moment, milliseconds since 1970. Pure. */
export function acknowledgedAfter(transactions: readonly Transaction[], moment: number): number {
  return acknowledgements(transactions).filter((at) => at > moment).length;
}

/** Milliseconds since 1970, ascending. */
function acknowledgements(transactions: readonly Transaction[]): readonly number[] {
  return transactions
    .flatMap(({ acknowledgedAt }) => (acknowledgedAt === undefined ? [] : [Date.parse(acknowledgedAt)]))
    .sort((a, b) => a - b);
}
