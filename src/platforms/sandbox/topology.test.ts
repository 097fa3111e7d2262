import { assert, integer, property } from 'fast-check';
import { expect, test } from 'vitest';
import { newRing } from './topology.ts';

test('nodes are spread over the racks in turn and named as pods of a StatefulSet per rack', () => {
  const names = newRing('local', '127.70.1', ['rack1', 'rack2'], 5).map(({ name, rack, address }) => [
    name,
    rack,
    address,
  ]);
  expect(names).toEqual([
    ['local-rack1-sts-0', 'rack1', '127.70.1.1'],
    ['local-rack2-sts-0', 'rack2', '127.70.1.2'],
    ['local-rack1-sts-1', 'rack1', '127.70.1.3'],
    ['local-rack2-sts-1', 'rack2', '127.70.1.4'],
    ['local-rack1-sts-2', 'rack1', '127.70.1.5'],
  ]);
});

test('a ring of any size cuts the token range into equal parts, in turn, each token in range and once', () => {
  assert(
    property(integer({ min: 1, max: 9 }), (size) => {
      const ring = newRing('x', '127.70.1', ['rack1'], size);
      const owners = ring
        .flatMap(({ name, tokens }) => tokens.map((token) => ({ name, token: BigInt(token) })))
        .sort((a, b) => (a.token < b.token ? -1 : 1));
      expect(new Set(owners.map(({ token }) => token)).size).toBe(size * 4);
      expect(owners[0]?.token).toBe(-(2n ** 63n));
      const gaps = owners.slice(1).map(({ token }, index) => Number(token - (owners[index]?.token ?? 0n)));
      expect(Math.max(...gaps) - Math.min(...gaps)).toBeLessThan(4096);
      expect(owners.every(({ name }, index) => name === ring[index % size]?.name)).toBe(true);
    }),
  );
});
