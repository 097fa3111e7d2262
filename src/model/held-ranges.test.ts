import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commonShare, heldRanges, mergedRanges, type Replication, replicaRings } from './held-ranges.ts';

const node = (name: string, rack: string, ...tokens: string[]) => ({ node: name, datacenter: 'dc1', rack, tokens });
const replicas = (count: number): readonly Replication[] => [
  { class: 'org.apache.cassandra.locator.NetworkTopologyStrategy', dc1: String(count) },
];

describe('held ranges', () => {
  test('as many replicas as nodes: every node holds everything', () => {
    expect(heldRanges([node('a', 'r1', '0'), node('b', 'r2', '10')], replicas(2))).toBeUndefined();
  });

  test('replicas follow the ring from the owner of the range', () => {
    const ring = [node('a', 'r1', '0'), node('b', 'r1', '10'), node('c', 'r1', '20')];
    expect(heldRanges(ring, replicas(2))).toEqual(
      new Map([
        [
          'a',
          [
            ['20', '0'],
            ['10', '20'],
          ],
        ],
        [
          'b',
          [
            ['20', '0'],
            ['0', '10'],
          ],
        ],
        [
          'c',
          [
            ['0', '10'],
            ['10', '20'],
          ],
        ],
      ]),
    );
  });

  test('a rack is used once while there are others, however the ring lies', () => {
    const ring = [node('a', 'r1', '0'), node('b', 'r1', '10'), node('c', 'r2', '20')];
    expect(heldRanges(ring, replicas(2))).toEqual(
      new Map([
        [
          'a',
          [
            ['20', '0'],
            ['10', '20'],
          ],
        ],
        ['b', [['0', '10']]],
        [
          'c',
          [
            ['20', '0'],
            ['0', '10'],
            ['10', '20'],
          ],
        ],
      ]),
    );
  });

  test('with fewer racks than replicas a rack comes again', () => {
    const ring = [node('a', 'r1', '0'), node('b', 'r1', '10'), node('c', 'r2', '20'), node('d', 'r2', '30')];
    const held = heldRanges(ring, replicas(3));
    expect([...(held?.values() ?? [])].flat()).toHaveLength(12);
    expect(held?.get('b')).toContainEqual(['30', '0']);
  });

  test('several tokens of a node: the node counts once', () => {
    const held = heldRanges([node('a', 'r1', '0', '5'), node('b', 'r1', '10'), node('c', 'r1', '20')], replicas(2));
    expect(held?.get('b')).toEqual([
      ['20', '0'],
      ['0', '5'],
      ['5', '10'],
    ]);
  });
});

test('of a node’s log another one gets the share of the ranges that both hold', () => {
  const quarter = 2n ** 62n;
  const ring = ['a', 'b', 'c', 'd'].map((name, at) => node(name, 'r1', String(BigInt(at) * quarter - 2n ** 63n)));
  const held = heldRanges(ring, replicas(2));
  const share = (of: string, also: string) => commonShare(held?.get(of), held?.get(also) ?? []);
  expect([share('a', 'a'), share('a', 'b'), share('a', 'c'), share('a', 'd')]).toEqual([1, 0.5, 0, 0.5]);
  expect(commonShare(undefined, held?.get('a') ?? [])).toBe(1);
});

describe('every strategy', () => {
  const ring = [node('a', 'r1', '0'), node('b', 'r1', '10'), node('c', 'r2', '20'), node('d', 'r2', '30')];
  const simple = { class: 'org.apache.cassandra.locator.SimpleStrategy', replication_factor: '2' };

  test('SimpleStrategy knows no racks: what it places is held beside what NetworkTopologyStrategy places', () => {
    const byRacks = heldRanges(ring, replicas(2));
    const flat = heldRanges(ring, [simple]);
    // The owner and the next node, whatever their racks.
    expect(flat?.get('b')).toEqual([
      ['30', '0'],
      ['0', '10'],
    ]);
    expect(byRacks?.get('b')).toEqual([['0', '10']]);
    const both = heldRanges(ring, [...replicas(2), simple]);
    for (const name of ['a', 'b', 'c', 'd']) {
      const wanted = new Set([...(byRacks?.get(name) ?? []), ...(flat?.get(name) ?? [])].map(String));
      expect(new Set(both?.get(name)?.map(String))).toEqual(wanted);
    }
  });

  test('each datacenter has a ring of its own, whose ranges are told by the tokens of all', () => {
    const there = { ...node('e', 'r1', '15'), datacenter: 'dc2' };
    const more = { ...node('f', 'r1', '35'), datacenter: 'dc2' };
    const held = heldRanges([...ring, there, more], [{ class: 'NetworkTopologyStrategy', dc1: '1', dc2: '1' }]);
    expect(held?.get('b')).toEqual([['0', '10']]);
    expect(held?.get('c')).toEqual([
      ['10', '15'],
      ['15', '20'],
    ]);
    // From behind 35 over the ring's end up to 15.
    expect(held?.get('e')).toEqual([
      ['35', '0'],
      ['0', '10'],
      ['10', '15'],
    ]);
  });

  test('a keyspace on every node leaves nobody with a part', () => {
    expect(
      heldRanges(ring, [...replicas(1), { class: 'org.apache.cassandra.locator.EverywhereStrategy' }]),
    ).toBeUndefined();
  });

  test('a datacenter that the keyspace does not name holds none of it', () => {
    const held = heldRanges([...ring, { ...node('e', 'r1', '15'), datacenter: 'dc2' }], replicas(2));
    expect(held?.get('e')).toEqual([]);
  });
});

test('whatever the ring, a key is held by exactly the nodes that any of the keyspaces places it on', () => {
  const token = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  const place = fc.record({ datacenter: fc.constantFrom('dc1', 'dc2'), rack: fc.constantFrom('r1', 'r2', 'r3') });
  const strategy = fc.oneof(
    fc.record({ class: fc.constant('SimpleStrategy'), replication_factor: fc.constantFrom('1', '2', '3') }),
    fc.record({
      class: fc.constant('NetworkTopologyStrategy'),
      dc1: fc.constantFrom('1', '2', '3'),
      dc2: fc.constantFrom('0', '1', '3'),
    }),
  );
  fc.assert(
    fc.property(
      fc.uniqueArray(token, { minLength: 5, maxLength: 24 }),
      fc.array(place, { minLength: 3, maxLength: 7 }),
      fc.array(strategy, { minLength: 1, maxLength: 3 }),
      fc.array(token, { minLength: 1, maxLength: 20 }),
      (tokens, places, replications, keys) => {
        const nodes = places.map((each, at) => ({
          ...each,
          node: `n${at}`,
          tokens: tokens.filter((_, number) => number % places.length === at).map(String),
        }));
        const held = heldRanges(nodes, replications);
        for (const key of keys) {
          for (const { node: name } of nodes) {
            const ranges = held === undefined ? undefined : mergedRanges(held.get(name) ?? []);
            const holds = ranges === undefined || ranges.some(({ start, end }) => key > start && key <= end);
            expect({ name, key, holds }).toEqual({ name, key, holds: placed(nodes, replications, key).has(name) });
          }
        }
      },
    ),
  );
});

interface Placed {
  readonly node: string;
  readonly datacenter: string;
  readonly rack: string;
  readonly tokens: readonly string[];
}

/** By walking along the ring from the key, as Cassandra's own documentation tells it. */
function placed(nodes: readonly Placed[], replications: readonly Replication[], key: bigint): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { class: strategy, ...options } of replications) {
    const rings =
      strategy === 'SimpleStrategy'
        ? [{ there: nodes.map((each) => ({ ...each, rack: '' })), count: Number(options['replication_factor']) }]
        : Object.entries(options).map(([name, count]) => ({
            there: nodes.filter(({ datacenter }) => datacenter === name),
            count: Number(count),
          }));
    for (const { there, count } of rings) {
      const walk = there
        .flatMap((each) => each.tokens.map((text) => ({ each, ahead: BigInt.asUintN(64, BigInt(text) - key) })))
        .sort((a, b) => (a.ahead < b.ahead ? -1 : 1))
        .map(({ each }) => each);
      const chosen: Placed[] = [];
      const skipped: Placed[] = [];
      for (const each of walk) {
        if (chosen.length === count) break;
        if (chosen.includes(each) || skipped.includes(each)) continue;
        const fresh = !chosen.some(({ rack }) => rack === each.rack);
        const racksLeft = new Set(there.map(({ rack }) => rack)).size > new Set(chosen.map(({ rack }) => rack)).size;
        if (fresh || !racksLeft) chosen.push(each);
        else skipped.push(each);
        // Every rack has one: those that were passed over come first, in their order.
        if (new Set(chosen.map(({ rack }) => rack)).size === new Set(there.map(({ rack }) => rack)).size) {
          while (chosen.length < count && skipped.length > 0) chosen.push(...skipped.splice(0, 1));
        }
      }
      for (const { node: name } of chosen) names.add(name);
    }
  }
  return names;
}

test('ranges are merged for the look-up, also over the end of the ring', () => {
  const least = -(2n ** 63n) - 1n;
  expect(
    mergedRanges([
      ['20', '0'],
      ['0', '10'],
      ['15', '20'],
    ]),
  ).toEqual([
    { start: least, end: 10n },
    { start: 15n, end: 2n ** 63n - 1n },
  ]);
  expect(mergedRanges([['0', '0']])).toEqual([{ start: least, end: 2n ** 63n - 1n }]);
  expect(mergedRanges([])).toEqual([]);
});

test('the groups of a ring are those of its ranges', () => {
  const [ring] = replicaRings([node('a', 'r1', '0'), node('b', 'r2', '10'), node('c', 'r3', '20')], {
    class: 'NetworkTopologyStrategy',
    dc1: '2',
  });
  expect(ring?.replicas).toBe(2);
  expect(ring?.ranges.map(({ replicas: each }) => [...each].map(({ node: name }) => name))).toEqual([
    ['a', 'b'],
    ['b', 'c'],
    ['c', 'a'],
  ]);
});
