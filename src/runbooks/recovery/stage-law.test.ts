import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { stageLaw } from './stage-law.ts';

const gib = 1024 ** 3;
const assumed = { fixed: 5, rate: gib / 4 };

test('H: what was never measured is assumed, and says so', () => {
  expect(stageLaw([], assumed)(100 * gib)).toEqual({ seconds: 405, from: 'assumed' });
  expect(stageLaw([], { fixed: 5 })(100 * gib)).toEqual({ seconds: 5, from: 'assumed' });
});

test('H: runs of different sizes tell the fixed seconds and the rate, whatever is assumed', () => {
  const amount = fc.double({ min: 20 * gib, max: 200 * gib, noNaN: true });
  const truth = fc.record({
    fixed: fc.double({ min: 0, max: 60, noNaN: true }),
    rate: fc.double({ min: gib / 100, max: gib / 4, noNaN: true }),
  });
  fc.assert(
    fc.property(truth, amount, amount, ({ fixed, rate }, one, asked) => {
      const taken = (of: number) => ({ amount: of, seconds: fixed + of / rate });
      const foretold = stageLaw([taken(0), taken(one), taken(one / 3)], assumed)(asked);
      expect(foretold.from).toBe('measured');
      expect(foretold.seconds / taken(asked).seconds).toBeCloseTo(1, 3);
    }),
  );
});

test('H: a run of that size foretells what it took itself', () => {
  for (const seconds of [20, 300, 4000]) {
    const foretold = stageLaw([{ amount: 10 * gib, seconds }], assumed)(10 * gib);
    expect(foretold.from).toBe('measured');
    expect(foretold.seconds).toBeCloseTo(seconds);
  }
});

test('H: small rehearsals are all fixed cost: beyond their size the assumed rate counts, and it is said', () => {
  const mib = 1024 ** 2;
  const law = stageLaw(
    [
      { amount: mib, seconds: 7 },
      { amount: 2 * mib, seconds: 8 },
      { amount: mib, seconds: 30 },
    ],
    assumed,
  );
  expect(law(mib)).toEqual({ seconds: 8, from: 'measured' });
  expect(law(2 * mib)).toEqual({ seconds: 8, from: 'measured' });
  expect(law(2 * mib + gib)).toEqual({ seconds: 12, from: 'assumed' });
  // The same of a gigabyte, where starting may be most of it; not of what went on for long.
  const [slow, long] = [90, 400].map((seconds) => stageLaw([{ amount: 2 * gib, seconds }], assumed)(200 * gib));
  expect(slow).toEqual({ seconds: 90 + 198 * 4, from: 'assumed' });
  expect(long?.from).toBe('measured');
  expect(long?.seconds).toBeGreaterThan(39_000);
});

test('H: more work that took less time tells no rate below zero: no amount takes less than a smaller one', () => {
  const measured = fc.array(
    fc.record({
      amount: fc.double({ min: 0, max: 100 * gib, noNaN: true }),
      seconds: fc.double({ min: 0.01, max: 10_000, noNaN: true }),
    }),
    { minLength: 1, maxLength: 6 },
  );
  fc.assert(
    fc.property(measured, (runs) => {
      const law = stageLaw(runs, assumed);
      const [small, large] = [law(gib).seconds, law(100 * gib).seconds];
      expect(Number.isFinite(large)).toBe(true);
      expect(small).toBeGreaterThanOrEqual(0);
      expect(large).toBeGreaterThanOrEqual(small);
    }),
  );
});
