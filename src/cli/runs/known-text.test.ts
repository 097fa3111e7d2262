import { expect, test } from 'vitest';
import { knownText } from './known-text.ts';

test('known and inherited findings are told at the end of a run, and nothing where there are none', () => {
  expect(knownText({ known: 3, inherited: 0 }).text).toBe(' It has 3 known findings.');
  expect(knownText({ known: 1, inherited: 2 }).text).toBe(' It has 1 known finding and 2 inherited findings.');
  expect(knownText({ known: 0, inherited: 0 }).text).toBe('');
  expect(knownText(undefined)).toEqual({ known: 0, inherited: 0, text: '' });
});
