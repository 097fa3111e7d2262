import { expect, test } from 'vitest';
import { fingerprintDifferences } from './fingerprint-difference.ts';
import type { Fingerprint } from './restore-point.ts';

const before: Fingerprint = {
  vertices: 3,
  edges: 2,
  properties: 5,
  vertexLabels: { account: 2, customer: 1 },
  edgeLabels: { holds: 2 },
  propertyKeys: { number: 2, name: 3 },
  hash: 'a'.repeat(64),
};

test('C4: equal fingerprints have no difference', () => {
  expect(fingerprintDifferences(before, { ...before })).toEqual([]);
});

test('C4: a lost label is named with both counts', () => {
  const after = { ...before, vertices: 1, vertexLabels: { customer: 1 }, hash: 'b'.repeat(64) };
  expect(fingerprintDifferences(before, after)).toEqual([
    'vertices in total: 3 expected, 1 found',
    'vertices labelled "account": 2 expected, 0 found',
  ]);
});

test('C4: equal counts with another hash are a difference of content', () => {
  expect(fingerprintDifferences(before, { ...before, hash: 'b'.repeat(64) })).toEqual([
    'the counts agree, but the content differs: hash aaaaaaaaaaaa… expected, bbbbbbbbbbbb… found',
  ]);
});
