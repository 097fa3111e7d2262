import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { bankOf, isDormant } from './bank.ts';
import { BankState } from './bank-state.ts';
import type { GraphOperation } from './operation.ts';
import { randomOf } from './random.ts';
import { BranchWork, branchOf, ownedBranches, Roster } from './shard.ts';
import { nextTransaction } from './transaction-mix.ts';

test('threads own disjoint branches, together all that are awake', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 9 }), (branches, threads) => {
      const bank = bankOf({ branches });
      const owned = Array.from({ length: threads }, (_, thread) => ownedBranches(bank, thread, threads)).flat();
      const awake = Array.from({ length: branches }, (_, index) => index).filter((index) => !isDormant(index));
      expect(owned.toSorted((a, b) => a - b)).toEqual(awake);
    }),
  );
});

test('a transaction touches elements of its own branch only, so two threads never meet', () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(20), (seed, branch) => {
      const state = new BankState();
      state.addBranch(bankOf({ seed, customersPerBranch: 4 }).branch(branch));
      const work = new BranchWork(branch, state);
      const random = randomOf(seed);
      for (let sequence = 0; sequence < 150; sequence += 1) {
        for (const operation of nextTransaction(work, random, { thread: 0, sequence })) {
          expect(keysOf(operation).map(branchOf)).toSatisfy((all: number[]) => all.every((one) => one === branch));
          work.apply(operation);
        }
      }
      expect(work.customers.size).toBe(4);
      expect(work.accounts.size).toBeGreaterThanOrEqual(2);
    }),
    { numRuns: 30 },
  );
});

test('a roster picks only what is in it, whatever was added and removed', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(8))), (steps) => {
      const roster = new Roster();
      const model = new Set<string>();
      const random = randomOf('roster');
      for (const [add, number] of steps) {
        const key = `k${number}`;
        if (add && !model.has(key)) {
          roster.add(key);
          model.add(key);
        } else if (!add) {
          roster.remove(key);
          model.delete(key);
        }
        expect(roster.size).toBe(model.size);
        if (model.size > 0) expect(model).toContain(roster.pick(random));
      }
    }),
  );
});

function keysOf(operation: GraphOperation): readonly string[] {
  switch (operation.type) {
    case 'add-vertex':
      return [operation.vertex.key];
    case 'add-edge':
      return [operation.edge.key, operation.edge.from, operation.edge.to];
    case 'drop-edge':
    case 'set-edge-property':
      return [operation.key, operation.from];
    default:
      return [operation.key];
  }
}
