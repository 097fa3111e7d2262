import { commitSlot } from '../../../src/model/commit-slot.ts';
import { type Micros, micros } from '../../../src/model/instant.ts';
import type { Transaction } from '../../../src/sample/transaction.ts';
import { randomOf } from '../../../src/sample/random.ts';

/**
 * Instants from `from` to `to`, the same for the same seed: most of them anywhere; every third at a transaction, in turn at the microsecond of its
 * additions, at that of its deletions, and at the last microsecond before both. Sorted.
 */
export function chooseInstants(
  seed: string,
  count: number,
  { from, to, commits }: { readonly from: Micros; readonly to: Micros; readonly commits: readonly Micros[] },
): readonly Micros[] {
  const random = randomOf('instants', seed);
  const within = commits.filter((commit) => commit > from + 2 && commit <= to);
  const chosen = Array.from({ length: count }, (_, index) => {
    if (index % 3 !== 2 || within.length === 0) return micros(from + random.below(to - from));
    const slot = commitSlot(random.pick(within));
    return micros(slot - (((index - 2) / 3) % 3));
  });
  return chosen.sort((a, b) => a - b);
}

export function commitsOf(transactions: readonly Transaction[]): readonly Micros[] {
  return transactions.flatMap(({ commitTime }) => (commitTime === undefined ? [] : [micros(Number(commitTime))]));
}
