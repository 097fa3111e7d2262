import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Platform } from '../../ports/platform.ts';
import { namesIn, nodeSetOf } from './node-set.ts';

const ring = (names: readonly string[]) => ({ nodes: names.map((name) => ({ name })) as unknown as Platform['nodes'] });

test('any nodes of any ring come back as they were noted, in at most a digit for four of them', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.stringMatching(/^[a-z0-9-]{1,20}$/), { maxLength: 300 }),
      fc.array(fc.boolean(), { minLength: 300, maxLength: 300 }),
      (names, picks) => {
        const some = names.filter((_, at) => picks[at] === true);
        const set = nodeSetOf(ring(names), some);
        expect(set).toMatchObject({ nodes: some.length, of: names.length });
        expect(set.bits.length).toBe(Math.ceil(names.length / 4));
        expect(namesIn(ring(names.toReversed()), set)).toEqual(some.toSorted());
      },
    ),
  );
});

test('of a ring that has other nodes by now all are meant, and none where none was', () => {
  expect(namesIn(ring(['a', 'b', 'c']), nodeSetOf(ring(['a', 'b']), ['b']))).toEqual(['a', 'b', 'c']);
  expect(namesIn(ring(['a', 'b', 'c']), nodeSetOf(ring(['a', 'b']), []))).toEqual([]);
});
