import { expect, test } from 'vitest';
import { micros } from '../model/instant.ts';
import type { Transaction } from '../sample/transaction.ts';
import { lostTransactions } from './lost-transactions.ts';

const killedAt = Date.parse('2026-02-19T03:15:20.500Z');
const newest = micros(Date.parse('2026-02-19T03:15:20.000Z') * 1000);

function acknowledged(at: string | undefined, sequence: number): Transaction {
  return { thread: 0, sequence, block: 'writer-0-0', operations: [], acknowledgedAt: at, commitTime: undefined };
}

const transactions = [
  acknowledged('2026-02-19T03:15:19.998Z', 0),
  acknowledged('2026-02-19T03:15:20.000Z', 1),
  acknowledged('2026-02-19T03:15:20.400Z', 2),
  acknowledged(undefined, 3),
];

const graph = (...sequences: readonly number[]) => ({
  elements: new Map<string, string>(),
  transactions: new Set(sequences.map((sequence) => `0/${sequence}`)),
});

test('what was acknowledged and is not there is lost, with its age at the kill; what never was acknowledged was never promised', () => {
  expect(lostTransactions(transactions, graph(0), { killedAt, newest })).toEqual([
    { id: '0/1', age: 0.5, promised: false },
    { id: '0/2', age: 0.1, promised: false },
  ]);
});

test('a transaction lost although it was acknowledged before the newest shipped instant is a broken promise', () => {
  expect(lostTransactions(transactions, graph(1, 2), { killedAt, newest })).toEqual([
    { id: '0/0', age: 0.502, promised: true },
  ]);
});

test('nothing missing is nothing lost', () => {
  expect(lostTransactions(transactions, graph(0, 1, 2), { killedAt, newest })).toEqual([]);
});
