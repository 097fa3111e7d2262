import { expect, test } from 'vitest';
import type { Transaction } from '../sample/transaction.ts';
import { acknowledgedAfter, applicationRecord } from './application-record.ts';

const start = Date.parse('2026-02-19T03:15:20.000Z');

function acknowledged(...offsets: ReadonlyArray<number | undefined>): Transaction[] {
  return offsets.map((offset, sequence) => ({
    thread: 0,
    sequence,
    block: 'writer-0-0',
    operations: [],
    acknowledgedAt: offset === undefined ? undefined : new Date(start + offset).toISOString(),
    commitTime: undefined,
  }));
}

test('the longest silence lies between two acknowledgements of any threads, whatever their order in the log', () => {
  expect(applicationRecord(acknowledged(0, 900, 300, undefined, 1000))).toEqual({
    acknowledged: 4,
    seconds: 1,
    longestSilence: 0.6,
  });
});

test('an application that was never answered wrote nothing', () => {
  expect(applicationRecord(acknowledged(undefined))).toEqual({ acknowledged: 0, seconds: 0, longestSilence: 0 });
});

test('what was acknowledged at the very moment does not count as after it', () => {
  expect(acknowledgedAfter(acknowledged(0, 500, 501, undefined), start + 500)).toBe(1);
});
