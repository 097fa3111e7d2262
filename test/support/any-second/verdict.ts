import { commitSlot } from '../../../src/model/commit-slot.ts';
import { formatInstant, type Micros } from '../../../src/model/instant.ts';
import { proveByOracle } from '../../../src/demo/oracle-proof.ts';
import { committedBy } from '../../../src/sample/oracle.ts';
import type { History } from './history.ts';
import type { StoredGraph } from './stored-graph.ts';

/** A graph restored to an instant, held against what the writer had committed by then. */
export interface Verdict {
  readonly instant: string;
  /** Every element is what it must be, no transaction is there in part, and no row is unsound. */
  readonly right: boolean;
  /** Transactions of the writer that the instant holds, and those that came later. */
  readonly committed: number;
  readonly later: number;
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  readonly changed: readonly string[];
  readonly split: readonly string[];
  readonly unsound: readonly string[];
}

export function judge(
  { bank, transactions }: Pick<History, 'bank' | 'transactions'>,
  instant: Micros,
  graph: StoredGraph,
): Verdict {
  const chosen = committedBy(BigInt(commitSlot(instant)));
  const { missing, unexpected, changed, split } = proveByOracle(bank, transactions, chosen, graph);
  const wrong = missing.length + unexpected.length + changed.length + split.length + graph.unsound.length;
  const committed = transactions.filter(chosen).length;
  return {
    instant: formatInstant(instant),
    right: wrong === 0,
    committed,
    later: transactions.length - committed,
    missing,
    unexpected,
    changed,
    split,
    unsound: graph.unsound,
  };
}

/** For a failed expectation: what is wrong, in a few lines. */
export function shownVerdict({ right, instant, committed, later, ...found }: Verdict): string {
  if (right) return `${instant}: right`;
  const lists = Object.entries(found).flatMap(([what, names]) =>
    names.length === 0 ? [] : [`${names.length} ${what}: ${names.slice(0, 5).join(', ')}`],
  );
  return `${instant}, after ${committed} transactions and before ${later}: ${lists.join('; ')}`;
}
