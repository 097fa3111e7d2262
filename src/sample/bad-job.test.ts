import { expect, test } from 'vitest';
import { accountsToDrop } from './bad-job.ts';
import { bankOf, isDormant } from './bank.ts';
import { branchOf } from './shard.ts';

test('the bad job picks the same thousand distinct accounts every time, all in branches that no writer touches', () => {
  const accounts = accountsToDrop(bankOf(), 1000);
  expect(accounts).toEqual(accountsToDrop(bankOf(), 1000));
  expect(new Set(accounts).size).toBe(1000);
  expect(accounts.filter((key) => !key.startsWith('account-') || !isDormant(branchOf(key)))).toEqual([]);
  expect(accounts).not.toEqual(accountsToDrop(bankOf({ seed: 'other' }), 1000));
});

test('more accounts than the dormant branches have are refused', () => {
  expect(() => accountsToDrop(bankOf({ branches: 1, customersPerBranch: 5 }), 11)).toThrow(
    expect.objectContaining({ kind: 'usage', code: 'bad-count' }),
  );
});
