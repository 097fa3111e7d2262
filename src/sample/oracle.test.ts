import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { bankOf } from './bank.ts';
import { BankState } from './bank-state.ts';
import {
  acknowledged,
  committedBy,
  difference,
  expectedState,
  foundIn,
  stateAfter,
  textsOf,
  upTo,
  type ElementTexts,
} from './oracle.ts';
import { randomOf } from './random.ts';
import { BranchWork, ownedBranches } from './shard.ts';
import type { Transaction } from './transaction.ts';
import { nextTransaction } from './transaction-mix.ts';

const bank = bankOf({ seed: 'oracle', branches: 3, customersPerBranch: 3 });

/** What two threads would have done, taking turns as the seed says, and the state after each transaction. */
function history(seed: string, length: number): { transactions: Transaction[]; states: ElementTexts[] } {
  const whole = stateAfter(bank, [], () => true);
  const works = ownedBranches(bank, 0, 1).map((branch) => {
    const state = new BankState();
    state.addBranch(bank.branch(branch));
    return new BranchWork(branch, state);
  });
  const random = randomOf(seed);
  const sequences = [0, 0];
  const transactions: Transaction[] = [];
  const states: ElementTexts[] = [];
  for (let at = 0; at < length; at += 1) {
    const thread = random.below(2);
    const sequence = sequences[thread] ?? 0;
    sequences[thread] = sequence + 1;
    const work = works[thread] as BranchWork;
    const operations = nextTransaction(work, random, { thread, sequence });
    for (const operation of operations) {
      work.apply(operation);
      whole.apply(operation);
    }
    const commitTime = 1_000_001n + BigInt(at) * 10n;
    transactions.push({ thread, sequence, block: '', operations, acknowledgedAt: '2026-01-01', commitTime });
    states.push(textsOf(whole));
  }
  return { transactions, states };
}

test('replaying the log up to any transaction, by numbers or by commit time, gives the state right after it', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 60 }), fc.nat(), (seed, length, pick) => {
      const { transactions, states } = history(seed, length);
      const at = pick % length;
      const last = [-1, -1];
      for (const { thread, sequence } of transactions.slice(0, at + 1)) last[thread] = sequence;
      expect(difference(states[at] ?? new Map(), expectedState(bank, transactions, upTo(last)))).toBeUndefined();
      const { commitTime = 0n } = transactions[at] ?? {};
      const cut = expectedState(bank, transactions, committedBy(commitTime));
      expect(difference(states[at] ?? new Map(), cut)).toBeUndefined();
    }),
    { numRuns: 60 },
  );
});

test('the order of threads among each other does not matter, because they share no element', () => {
  const { transactions } = history('order', 80);
  const regrouped = transactions.toSorted((a, b) => a.thread - b.thread);
  expect(
    difference(expectedState(bank, transactions, acknowledged), expectedState(bank, regrouped, acknowledged)),
  ).toBeUndefined();
});

test('a commit time takes its whole slot of two microseconds and nothing that has no time', () => {
  const transaction = { thread: 0, sequence: 0, block: '', operations: [], acknowledgedAt: undefined } as const;
  expect(committedBy(100n)({ ...transaction, commitTime: 101n })).toBe(true);
  expect(committedBy(99n)({ ...transaction, commitTime: 101n })).toBe(false);
  expect(committedBy(99n)({ ...transaction, commitTime: undefined })).toBe(false);
});

test('a transaction in doubt counts when its number is in the graph', () => {
  const doubtful = {
    thread: 2,
    sequence: 7,
    block: '',
    operations: [],
    acknowledgedAt: undefined,
    commitTime: undefined,
  };
  expect(acknowledged(doubtful)).toBe(false);
  expect(foundIn({ elements: new Map(), transactions: new Set(['2/7']) })(doubtful)).toBe(true);
  expect(foundIn({ elements: new Map(), transactions: new Set(['2/8']) })(doubtful)).toBe(false);
});

test('dropping a vertex takes its edges with it, at both ends', () => {
  const state = stateAfter(bank, [], () => true);
  const before = state.edgesAt('account-1-0');
  state.apply({ type: 'drop-vertex', key: 'account-1-0' });
  expect(before.length).toBeGreaterThan(0);
  expect(before.filter(({ key }) => state.edges.has(key))).toEqual([]);
  for (const { from, to } of before) {
    const other = from === 'account-1-0' ? to : from;
    expect(state.edgesAt(other).filter((edge) => edge.from === 'account-1-0' || edge.to === 'account-1-0')).toEqual([]);
  }
});

test('a log that does not fit the bank is refused and names the element', () => {
  const state = stateAfter(bank, [], () => true);
  expect(() => state.apply({ type: 'drop-vertex', key: 'account-9-9' })).toThrow(/account-9-9 is changed or removed/);
  expect(() => state.addBranch(bank.branch(1))).toThrow(expect.objectContaining({ code: 'bad-log' }));
});

test('a difference names every element that is missing, unexpected or changed', () => {
  const expected = new Map([
    ['a', '1'],
    ['b', '2'],
    ['c', '3'],
  ]);
  const observed = new Map([
    ['b', '2'],
    ['c', '4'],
    ['d', '5'],
  ]);
  expect(difference(expected, observed)).toEqual({
    missing: ['a'],
    unexpected: ['d'],
    changed: [{ element: 'c', expected: '3', observed: '4' }],
  });
  expect(difference(expected, new Map(expected))).toBeUndefined();
});
