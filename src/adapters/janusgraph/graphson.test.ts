import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromGraphson, parseExact, toGraphson, writeJson } from './graphson.ts';

const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.string(),
    fc.boolean(),
    fc.constant(null),
    fc.maxSafeInteger(),
    fc.double({ noDefaultInfinity: false }).map((value) => (Object.is(value, -0) ? 0 : value)),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
    fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
    fc.array(tie('value')),
    fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      tie('value'),
      { noNullPrototype: true },
    ),
  ),
})).value;

test('plain values travel through GraphSON and back with every digit', () => {
  fc.assert(
    fc.property(plain, (value) => {
      expect(fromGraphson(parseExact(writeJson(toGraphson(value))))).toEqual(value);
    }),
  );
});

test('doubles past the safe integers stay doubles', () => {
  for (const value of [2 ** 53, -(2 ** 60), 1e300]) {
    expect(toGraphson(value)).toEqual({ '@type': 'g:Double', '@value': value });
    expect(fromGraphson(parseExact(writeJson(toGraphson(value))))).toBe(value);
  }
});

test('an edge and its ids come back as text, whatever JanusGraph wraps them in', () => {
  const edge = {
    '@type': 'g:Edge',
    '@value': {
      id: { '@type': 'janusgraph:RelationIdentifier', '@value': { relationId: '1la-38w-36d-37k' } },
      label: 'owns',
      inV: { '@type': 'g:Int64', '@value': 4160 },
      outV: { '@type': 'g:Int64', '@value': 4208 },
    },
  };
  expect(fromGraphson(edge)).toEqual({ id: '1la-38w-36d-37k', label: 'owns', inV: '4160', outV: '4208' });
});

test('a map becomes an object and a counted set a list', () => {
  expect(fromGraphson({ '@type': 'g:Map', '@value': [{ '@type': 'g:T', '@value': 'id' }, 'x', 'k', 'y'] })).toEqual({
    id: 'x',
    k: 'y',
  });
  expect(fromGraphson({ '@type': 'g:BulkSet', '@value': ['a', { '@type': 'g:Int64', '@value': 2 }] })).toEqual([
    'a',
    'a',
  ]);
});

test('a structured type that is not known is refused by name', () => {
  expect(() => fromGraphson({ '@type': 'g:Path', '@value': { labels: [] } })).toThrow(/g:Path/);
});
