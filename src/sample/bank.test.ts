import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { accountNumber, bankOf, isDormant, type Bank } from './bank.ts';
import { propertyCardinalities } from './schema.ts';

const branchesOf = (bank: Bank) => Array.from({ length: bank.branches }, (_, index) => bank.branch(index));

test('the same seed gives the same graph, and another seed another one', () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(50), fc.integer({ min: 2, max: 12 }), (seed, branch, customersPerBranch) => {
      const options = { seed, branches: 60, customersPerBranch };
      expect(bankOf(options).branch(branch)).toEqual(bankOf(options).branch(branch));
      expect(bankOf({ ...options, seed: `${seed}!` }).branch(branch)).not.toEqual(bankOf(options).branch(branch));
    }),
    { numRuns: 30 },
  );
});

test('the demo has at least 10,000 vertices and 30,000 edges, as many as the bank says', () => {
  const bank = bankOf();
  const branches = branchesOf(bank);
  expect(bank.counts).toEqual({
    vertices: branches.reduce((sum, { vertices }) => sum + vertices.length, 0),
    edges: branches.reduce((sum, { edges }) => sum + edges.length, 0),
  });
  expect(bank.counts.vertices).toBeGreaterThanOrEqual(10_000);
  expect(bank.counts.edges).toBeGreaterThanOrEqual(30_000);
});

test('every business key and every account number is there once', () => {
  const elements = branchesOf(bankOf()).flatMap(({ vertices, edges }) => [...vertices, ...edges]);
  expect(new Set(elements.map(({ key }) => key)).size).toBe(elements.length);
  const numbers = elements.flatMap(({ properties }) => properties).filter(({ name }) => name === 'number');
  expect(new Set(numbers.map(({ value }) => value)).size).toBe(numbers.length);
  expect(numbers).toHaveLength(22 * 200);
});

test('no edge leaves its branch, and edges keep the multiplicity of their label', () => {
  for (const { vertices, edges } of branchesOf(bankOf({ branches: 5, customersPerBranch: 15 }))) {
    const keys = new Set(vertices.map(({ key }) => key));
    expect(edges.filter(({ from, to }) => !keys.has(from) || !keys.has(to))).toEqual([]);
    const ends = (label: string, end: (edge: (typeof edges)[number]) => string) =>
      edges.filter((edge) => edge.label === label).map(end);
    for (const once of [
      ends('holds', ({ to }) => to),
      ends('livesAt', ({ from }) => from),
      ends('uses', ({ from, to }) => `${from} ${to}`),
    ]) {
      expect(new Set(once).size).toBe(once.length);
    }
  }
});

test('a SINGLE property stands once in an element and a SET property holds no value twice', () => {
  for (const { properties } of bankOf({ branches: 1 }).branch(0).vertices) {
    const keys = properties
      .filter(({ name }) => propertyCardinalities[name] !== 'LIST')
      .map(({ name, value }) => (propertyCardinalities[name] === 'SINGLE' ? name : `${name} ${value}`));
    expect(new Set(keys).size).toBe(keys.length);
  }
});

test('an account number has the check digits of an IBAN', () => {
  const number = accountNumber(3, 12_345_678_901);
  // C = 12, D = 13: an IBAN is valid when, its head moved to its end and letters read as numbers, it leaves 1 modulo 97.
  expect(BigInt(`${number.slice(4)}1213${number.slice(2, 4)}`) % 97n).toBe(1n);
  expect(number).toHaveLength(20);
});

test('a fourth of the branches is dormant', () => {
  expect(Array.from({ length: 22 }, (_, index) => index).filter(isDormant)).toEqual([0, 4, 8, 12, 16, 20]);
});

test('a size that is no bank is refused', () => {
  for (const size of [{ branches: 0 }, { branches: 1.5 }, { customersPerBranch: 1 }]) {
    expect(() => bankOf(size)).toThrow(expect.objectContaining({ kind: 'usage', code: 'bad-bank' }));
  }
});
