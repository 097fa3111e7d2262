import type { Transaction } from '../sample/transaction.ts';
import type { Drill } from './drill-document.ts';

/** What the application was told is safe after the writer was paused for the backup (`cut`, ISO): it is in no restore point. Pure. */
export function lostAfter(transactions: readonly Transaction[], cut: string): Drill['lost'] {
  const times = transactions
    .flatMap(({ acknowledgedAt }) => (acknowledgedAt !== undefined && acknowledgedAt > cut ? [acknowledgedAt] : []))
    .sort();
  const [first, last] = [times[0], times.at(-1)];
  if (first === undefined || last === undefined) return { transactions: 0, seconds: 0 };
  return { transactions: times.length, first, last, seconds: (Date.parse(last) - Date.parse(cut)) / 1000 };
}
