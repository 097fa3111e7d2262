import type { Micros } from '../model/instant.ts';
import { foundIn, type ObservedState } from '../sample/oracle.ts';
import { type Transaction, transactionId } from '../sample/transaction.ts';

export interface Lost {
  /** `thread/sequence`. */
  readonly id: string;
  /** Seconds from its acknowledgement to the kill. */
  readonly age: number;
  /** The log said that everything acknowledged up to then was in the store. */
  readonly promised: boolean;
}

/**
 * What the application was told is safe and is not in the graph, the oldest first. `killedAt` is milliseconds since 1970, `newest` the
 * instant up to which everything acknowledged was shipped, as the bucket told after the disaster. Pure.
 */
export function lostTransactions(
  transactions: readonly Transaction[],
  observed: ObservedState,
  { killedAt, newest }: { readonly killedAt: number; readonly newest: Micros },
): readonly Lost[] {
  const present = foundIn(observed);
  return transactions
    .flatMap((transaction) => {
      if (transaction.acknowledgedAt === undefined || present(transaction)) return [];
      const at = Date.parse(transaction.acknowledgedAt);
      // The log keeps milliseconds: promised is only what was acknowledged in a millisecond that is shipped whole.
      const promised = (at + 1) * 1000 <= newest;
      return [{ id: transactionId(transaction), age: Math.max(0, (killedAt - at) / 1000), promised }];
    })
    .sort((a, b) => b.age - a.age);
}
