import { expect, test } from 'vitest';
import { type Disturbance, drawFault, isRestore, operationOf, operations } from '../support/ring-faults/drawn-fault.ts';

/** What test/faults/ring-faults.test.ts plays on a real ring. */
const seeds = Array.from({ length: 400 }, (_, seed) => seed);

test('a hundred faults are of every operation, and four hundred of everything that goes wrong', () => {
  const drawn = seeds.map((seed) => drawFault(seed, 0, '1'));
  expect(new Set(drawn.slice(0, 100).map(({ operation }) => operation))).toEqual(new Set(operations));
  const kinds: Record<Disturbance['kind'], true> = {
    'program killed': true,
    'agents killed': true,
    'agents paused': true,
    'Cassandra killed': true,
    'store away': true,
    'stored files of a node missing': true,
    'a strange file among the data': true,
    'a staged file gone': true,
  };
  expect(new Set(drawn.map(({ what }) => what.kind))).toEqual(new Set(Object.keys(kinds)));
});

test('a fault that is drawn again is another one of the same operation, and a seed means the same every time', () => {
  for (const seed of seeds) {
    const first = drawFault(seed, 0, '1');
    expect(drawFault(seed, 0, '1')).toEqual(first);
    expect(drawFault(seed, 1, '1')).toMatchObject({ operation: first.operation, seed: `${seed}.1` });
  }
});

test('what a restore leaves to decide is what every other fault is about', () => {
  const after = seeds.filter((seed) => seed % 2 === 1 && isRestore(operationOf(seed - 1, '1')));
  expect(after.length).toBeGreaterThan(100);
  expect(after.filter((seed) => isRestore(operationOf(seed, '1')))).toEqual([]);
});
