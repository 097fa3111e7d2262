import { FailedProblem } from '../model/problem.ts';
import type { Bank } from '../sample/bank.ts';
import {
  type TransactionChoice,
  difference,
  type ElementTexts,
  expectedState,
  foundIn,
  type ObservedState,
} from '../sample/oracle.ts';
import type { GraphOperation } from '../sample/operation.ts';
import { type Transaction, transactionId } from '../sample/transaction.ts';
import { type ElementSum, elementSum } from './element-sum.ts';

/** A restored graph held against what the application's own log says it must be. */
export interface OracleProof {
  readonly expected: ElementSum;
  readonly restored: ElementSum;
  /** Names of elements, sorted. */
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  readonly changed: readonly string[];
  /** Ids of transactions that are there in part: no transaction may be. */
  readonly split: readonly string[];
  /** Transactions whose number the graph holds. */
  readonly transactions: number;
}

/**
 * Compares the whole graph, element by element and value by value, with the bank after the chosen transactions. Pure. When the chosen
 * transactions cannot have happened without others that are not chosen, nothing is expected, so that everything counts as unexpected.
 */
export function proveByOracle(
  bank: Bank,
  transactions: readonly Transaction[],
  chosen: TransactionChoice,
  observed: ObservedState,
): OracleProof {
  const expected = possibleState(bank, transactions, chosen) ?? new Map<string, string>();
  const found = difference(expected, observed.elements);
  return {
    expected: elementSum(expected),
    restored: elementSum(observed.elements),
    missing: found?.missing ?? [],
    unexpected: found?.unexpected ?? [],
    changed: (found?.changed ?? []).map(({ element }) => element),
    split: splitTransactions(bank, transactions, observed),
    transactions: transactions.filter(foundIn(observed)).length,
  };
}

/**
 * A transaction is whole when all it wrote is there and its number too, or nothing of it. So the graph is compared with the state after
 * exactly those transactions whose numbers it holds: of every element that differs, the transactions that touched it are called split.
 * That is one too many rather than one too few. A transaction that is there without an earlier one that it built on is split as well.
 */
export function splitTransactions(
  bank: Bank,
  transactions: readonly Transaction[],
  observed: ObservedState,
): readonly string[] {
  const present = foundIn(observed);
  const whole = possibleState(bank, transactions, present);
  if (whole === undefined) return transactions.filter(present).map(transactionId);
  const found = difference(whole, observed.elements);
  if (found === undefined) return [];
  const differing = new Set([...found.missing, ...found.unexpected, ...found.changed.map(({ element }) => element)]);
  const dropped = endsOf(bank, transactions, differing);
  return transactions
    .filter(({ operations }) => operations.some((each) => touches(each, differing, dropped)))
    .map(transactionId);
}

function touches(operation: GraphOperation, differing: ReadonlySet<string>, ends: ReadonlySet<string>): boolean {
  switch (operation.type) {
    case 'add-vertex':
      return differing.has(operation.vertex.key);
    case 'add-edge':
      return differing.has(operation.edge.key);
    case 'drop-vertex':
      // It took its edges with it.
      return differing.has(operation.key) || ends.has(operation.key);
    default:
      return differing.has(operation.key);
  }
}

/** Vertices at those edges, from the bank and the log: what is left of an edge need not tell. */
function endsOf(bank: Bank, transactions: readonly Transaction[], edges: ReadonlySet<string>): ReadonlySet<string> {
  const loaded = Array.from({ length: bank.branches }, (_, index) => bank.branch(index).edges).flat();
  const added = transactions.flatMap(({ operations }) =>
    operations.flatMap((operation) => (operation.type === 'add-edge' ? [operation.edge] : [])),
  );
  return new Set([...loaded, ...added].filter(({ key }) => edges.has(key)).flatMap(({ from, to }) => [from, to]));
}

function possibleState(
  bank: Bank,
  transactions: readonly Transaction[],
  chosen: TransactionChoice,
): ElementTexts | undefined {
  try {
    return expectedState(bank, transactions, chosen);
  } catch (error) {
    if (error instanceof FailedProblem && error.code === 'bad-log') return undefined;
    throw error;
  }
}
