import { expect, test } from 'vitest';
import type { Transaction } from '../sample/transaction.ts';
import { lostAfter } from './lost-transactions.ts';

const cut = '2026-02-19T03:15:10.500Z';

function acknowledged(at: string | undefined, sequence: number): Transaction {
  return { thread: 0, sequence, block: 'writer-0-0', operations: [], acknowledgedAt: at, commitTime: undefined };
}

test('what was acknowledged after the cut is lost; what was never acknowledged was never promised', () => {
  const transactions = [
    acknowledged('2026-02-19T03:15:10.499Z', 0),
    acknowledged('2026-02-19T03:15:12.000Z', 1),
    acknowledged('2026-02-19T03:15:20.500Z', 2),
    acknowledged(undefined, 3),
  ];
  expect(lostAfter(transactions, cut)).toEqual({
    transactions: 2,
    first: '2026-02-19T03:15:12.000Z',
    last: '2026-02-19T03:15:20.500Z',
    seconds: 10,
  });
});

test('nothing written after the cut is nothing lost', () => {
  expect(lostAfter([acknowledged('2026-02-19T03:15:10.499Z', 0)], cut)).toEqual({ transactions: 0, seconds: 0 });
});
