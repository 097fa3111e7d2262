import { expect, test } from 'vitest';
import { nearest, suggestion } from './nearest.ts';

const known = ['local', 'dev', 'staging', 'prod'];

test.each([
  ['lokal', 'local'],
  ['stagign', 'staging'],
  ['Prod', 'prod'],
  ['pord', 'prod'],
])('%s was probably meant to be %s', (word, meant) => {
  expect(nearest(word, known)).toBe(meant);
});

test('a word that is like none is not guessed at', () => {
  expect(nearest('production-eu', known)).toBeUndefined();
  expect(suggestion('production-eu', known)).toBe('known: local, dev, staging, prod');
});
