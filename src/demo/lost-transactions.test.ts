import { expect, test } from 'vitest';
import type { Transaction } from '../sample/transaction.ts';
import { compared } from './logged-transactions.ts';
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

test('a transaction of the log is missing, expected or unexpected by when it was acknowledged', () => {
  const transactions = [
    acknowledged('2026-02-19T03:15:09.000Z', 0),
    acknowledged(cut, 1),
    acknowledged('2026-02-19T03:15:12.000Z', 2),
    acknowledged('2026-02-19T03:15:13.000Z', 3),
    acknowledged(undefined, 4),
  ];
  expect(compared(transactions, new Set(['0/1', '0/3', '0/4']), cut)).toEqual({
    before: 2,
    missing: ['0/0'],
    after: 2,
    unexpected: ['0/3'],
  });
});
