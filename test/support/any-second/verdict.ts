import { commitSlot } from '../../../src/model/commit-slot.ts';
import { formatInstant, type Micros } from '../../../src/model/instant.ts';
import { proveByOracle } from '../../../src/demo/oracle-proof.ts';
import { type TransactionChoice, committedBy } from '../../../src/sample/oracle.ts';
import type { Bank } from '../../../src/sample/bank.ts';
import type { Transaction } from '../../../src/sample/transaction.ts';
import type { History } from './history.ts';
import type { StoredGraph } from './stored-graph.ts';

/** A graph restored to an instant, held against what the writer had committed by then. */
export interface Verdict {
  /** Every element is what it must be, no transaction is there in part, and no row is unsound. */
  readonly right: boolean;
  /** Transactions of the writer that must be there, and those that must not. */
  readonly committed: number;
  readonly others: number;
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
): Verdict & { readonly instant: string } {
  const verdict = judgeChoice(bank, transactions, committedBy(BigInt(commitSlot(instant))), graph);
  return { instant: formatInstant(instant), ...verdict };
}

/** The same for transactions that are chosen otherwise: those of a timeline that had a fork, or of which some were undone. */
export function judgeChoice(
  bank: Bank,
  transactions: readonly Transaction[],
  chosen: TransactionChoice,
  graph: StoredGraph,
): Verdict {
  const { missing, unexpected, changed, split } = proveByOracle(bank, transactions, chosen, graph);
  const wrong = missing.length + unexpected.length + changed.length + split.length + graph.unsound.length;
  const committed = transactions.filter(chosen).length;
  return {
    right: wrong === 0,
    committed,
    others: transactions.length - committed,
    missing,
    unexpected,
    changed,
    split,
    unsound: graph.unsound,
  };
}

/** For a failed expectation: what is wrong, in a few lines. */
export function shownVerdict({ right, committed, others, ...found }: Verdict): string {
  if (right) return 'right';
  const lists = [found.missing, found.unexpected, found.changed, found.split, found.unsound];
  const names = ['missing', 'unexpected', 'changed', 'split', 'unsound'];
  const wrong = lists.flatMap((list, at) =>
    list.length === 0 ? [] : [`${list.length} ${names[at]}: ${list.slice(0, 5).join(', ')}`],
  );
  return `wrong, with ${committed} transactions in it and ${others} not: ${wrong.join('; ')}`;
}
