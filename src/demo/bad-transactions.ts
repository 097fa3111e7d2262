import type { SlotReport } from '../graph/transactions/slot-report.ts';
import { cutBefore } from '../model/commit-slot.ts';
import { formatInstant, instantOf } from '../model/instant.ts';

export interface BadTransactions {
  /** Their commit slots, ascending: what an undo leaves out. */
  readonly slots: readonly string[];
  readonly first: string;
  readonly last: string;
  /** The last instant that has nothing of them. */
  readonly before: string;
}

/**
 * Picks, as a person would who looks at the list, the transactions that only took vertices away. Everything that the bank's application
 * does leaves something behind, if only a number; so a commit time that it shares with a bad transaction is not picked. Undefined when
 * there is none. Pure.
 */
export function badTransactions(found: readonly SlotReport[]): BadTransactions | undefined {
  const slots = found
    .filter(onlyRemoves)
    .map(({ at }) => at)
    .sort();
  const [first] = slots;
  const last = slots.at(-1);
  if (first === undefined || last === undefined) return undefined;
  return { slots, first, last, before: formatInstant(cutBefore(instantOf(first))) };
}

function onlyRemoves({ vertices, edges, properties, entries }: SlotReport): boolean {
  const left = [vertices.added, edges.added, edges.written, properties.added, properties.written];
  return vertices.removed.count > 0 && left.every(({ count }) => count === 0) && entries.written === 0;
}
