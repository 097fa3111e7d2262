import { expect, test } from 'vitest';
import { randomOf } from './random.ts';

const tenOf = (...parts: (string | number)[]) => {
  const random = randomOf(...parts);
  return Array.from({ length: 10 }, () => random.below(1000));
};

test('the same seed gives the same numbers, today and in every later version', () => {
  expect(tenOf('cardea', 1)).toEqual(tenOf('cardea', 1));
  expect(tenOf('cardea', 1)).toEqual([947, 247, 779, 796, 725, 637, 28, 362, 627, 796]);
});

test('seeds that differ in one part, or in where the parts end, give other numbers', () => {
  const streams = [tenOf('a', 1), tenOf('a', 2), tenOf('b', 1), tenOf('a1'), tenOf('a', '1', '')].map(String);
  expect(new Set(streams).size).toBe(streams.length);
});

test('numbers below a bound cover it evenly', () => {
  const random = randomOf('even');
  const counts = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let draw = 0; draw < 8000; draw += 1) {
    const number = random.below(8);
    counts[number] = (counts[number] ?? 0) + 1;
  }
  expect(Math.min(...counts)).toBeGreaterThan(900);
  expect(Math.max(...counts)).toBeLessThan(1100);
});
