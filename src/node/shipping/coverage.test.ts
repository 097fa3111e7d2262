import { expect, test } from 'vitest';
import { micros } from '../../model/instant.ts';
import { Coverage } from './coverage.ts';

test('one new section says nothing about what was written before the look, two do', () => {
  const coverage = new Coverage(micros(0));
  coverage.look(micros(100), 0, 1n);
  coverage.look(micros(200), 1, 1n);
  expect(coverage.covered).toBe(0);
  coverage.look(micros(300), 2, 1n);
  expect(coverage.covered).toBe(100);
  coverage.look(micros(400), 4, 1n);
  expect(coverage.covered).toBe(300);
});

test('across a change of segment it takes three', () => {
  const coverage = new Coverage(micros(0));
  coverage.look(micros(100), 0, 1n);
  coverage.look(micros(200), 2, 2n);
  expect(coverage.covered).toBe(0);
  coverage.look(micros(300), 3, 2n);
  expect(coverage.covered).toBe(100);
});

test('a settled look covers what it saw, and time never goes back', () => {
  const coverage = new Coverage(micros(500));
  coverage.look(micros(100), 0, 1n);
  coverage.look(micros(200), 2, 1n);
  expect(coverage.covered).toBe(500);
  coverage.settled(micros(700));
  coverage.settled(micros(600));
  expect(coverage.covered).toBe(700);
});

test('a chain that stands still for an hour costs no more memory than one that stands still for a minute', () => {
  const coverage = new Coverage(micros(0));
  for (let at = 1; at <= 36_000; at += 1) coverage.look(micros(at), 0, 1n);
  coverage.look(micros(36_001), 2, 1n);
  expect(coverage.covered).toBe(36_000);
});
