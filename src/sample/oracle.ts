import type { GraphService } from '../ports/graph-service.ts';
import type { Bank } from './bank.ts';
import { BankState } from './bank-state.ts';
import { edgeText, vertexText } from './canonical.ts';
import { readElements } from './observation.ts';
import { transactionId, type Transaction } from './transaction.ts';

/** Every element by name (its business key) in canonical form. */
export type ElementTexts = ReadonlyMap<string, string>;

export interface ObservedState {
  readonly elements: ElementTexts;
  /** Ids (`thread/sequence`) of the writer's transactions whose sequence number is in the graph. */
  readonly transactions: ReadonlySet<string>;
}

export interface Difference {
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  readonly changed: ReadonlyArray<{ readonly element: string; readonly expected: string; readonly observed: string }>;
}

export type TransactionChoice = (transaction: Transaction) => boolean;

/** Which transactions an expectation holds: those whose commit returned. */
export const acknowledged: TransactionChoice = (transaction) => transaction.acknowledgedAt !== undefined;

/** Up to and including the last sequence number of each thread. */
export function upTo(lastSequences: readonly number[]): TransactionChoice {
  return (transaction) => transaction.sequence <= (lastSequences[transaction.thread] ?? -1);
}

/**
 * Committed at or before this microsecond. JanusGraph writes a transaction's additions at the odd microsecond of its slot of two, so the
 * slot is taken whole. A transaction whose commit time was never read back is left out.
 */
export function committedBy(micros: bigint): TransactionChoice {
  return ({ commitTime }) => commitTime !== undefined && commitTime <= (micros | 1n);
}

/** Those whose sequence number is in the graph: settles the ones in doubt, and tells what a restore brought back. */
export function foundIn(observed: ObservedState): TransactionChoice {
  return (transaction) => observed.transactions.has(transactionId(transaction));
}

/** The state after the chosen transactions, for going on from it. Throws FailedProblem `bad-log` when the choice has a hole in it. */
export function stateAfter(bank: Bank, transactions: readonly Transaction[], chosen: TransactionChoice): BankState {
  const state = new BankState();
  for (let index = 0; index < bank.branches; index += 1) state.addBranch(bank.branch(index));
  for (const transaction of transactions) {
    if (!chosen(transaction)) continue;
    for (const operation of transaction.operations) state.apply(operation);
  }
  return state;
}

/** What the graph must hold after the chosen transactions. */
export function expectedState(
  bank: Bank,
  transactions: readonly Transaction[],
  chosen: TransactionChoice,
): ElementTexts {
  return textsOf(stateAfter(bank, transactions, chosen));
}

export function textsOf(state: BankState): ElementTexts {
  const texts = new Map<string, string>();
  for (const vertex of state.vertices.values()) texts.set(vertex.key, vertexText(vertex));
  for (const edge of state.edges.values()) texts.set(edge.key, edgeText(edge));
  return texts;
}

/** What the graph does hold, read whole through Gremlin; nothing may write meanwhile. */
export async function observedState(graph: GraphService): Promise<ObservedState> {
  const elements = new Map<string, string>();
  const transactions = new Set<string>();
  for await (const element of readElements(graph)) {
    // Two elements of one business key are a finding too: the second gets a name that no expectation has.
    const name = elements.has(element.name) ? `${element.name} again (${element.id})` : element.name;
    elements.set(name, element.text);
    for (const sequence of element.sequences) transactions.add(`${element.name.split('-')[1]}/${sequence}`);
  }
  return { elements, transactions };
}

/** Undefined when both are equal, else every differing element by name, sorted. */
export function difference(expected: ElementTexts, observed: ElementTexts): Difference | undefined {
  const missing = [...expected.keys()].filter((name) => !observed.has(name)).sort();
  const unexpected = [...observed.keys()].filter((name) => !expected.has(name)).sort();
  const changed = [...expected]
    .flatMap(([element, text]) => {
      const other = observed.get(element);
      return other === undefined || other === text ? [] : [{ element, expected: text, observed: other }];
    })
    .sort((a, b) => (a.element < b.element ? -1 : 1));
  return missing.length + unexpected.length + changed.length === 0 ? undefined : { missing, unexpected, changed };
}
