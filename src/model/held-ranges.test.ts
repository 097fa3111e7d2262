import { describe, expect, test } from 'vitest';
import { commonShare, heldRanges } from './held-ranges.ts';

const node = (name: string, rack: string, ...tokens: string[]) => ({ node: name, rack, tokens });

describe('held ranges', () => {
  test('as many replicas as nodes: every node holds everything', () => {
    expect(heldRanges([node('a', 'r1', '0'), node('b', 'r2', '10')], 2)).toBeUndefined();
  });

  test('replicas follow the ring from the owner of the range', () => {
    const ring = [node('a', 'r1', '0'), node('b', 'r1', '10'), node('c', 'r1', '20')];
    expect(heldRanges(ring, 2)).toEqual(
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
    expect(heldRanges(ring, 2)).toEqual(
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
    const held = heldRanges(ring, 3);
    expect([...(held?.values() ?? [])].flat()).toHaveLength(12);
    expect(held?.get('b')).toContainEqual(['30', '0']);
  });

  test('several tokens of a node: the node counts once', () => {
    const held = heldRanges([node('a', 'r1', '0', '5'), node('b', 'r1', '10'), node('c', 'r1', '20')], 2);
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
  const held = heldRanges(ring, 2);
  const share = (of: string, also: string) => commonShare(held?.get(of), held?.get(also) ?? []);
  expect([share('a', 'a'), share('a', 'b'), share('a', 'c'), share('a', 'd')]).toEqual([1, 0.5, 0, 0.5]);
  expect(commonShare(undefined, held?.get('a') ?? [])).toBe(1);
});
