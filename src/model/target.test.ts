import { expect, test } from 'vitest';
import { formatInstant } from './instant.ts';
import { type Problem, RefusedProblem, UsageProblem } from './problem.ts';
import { parseTarget } from './target.ts';

const now = new Date('2026-02-19T02:00:00.500Z');

function instantOf(text: string): string {
  const target = parseTarget(text, now);
  return target.kind === 'instant' ? formatInstant(target.instant) : target.kind;
}

function problemOf(text: string): Problem {
  try {
    parseTarget(text, now);
  } catch (problem) {
    return problem as Problem;
  }
  throw new TypeError(`${text} was accepted`);
}

test.each([
  ['2026-02-19T01:59:59Z', '2026-02-19T01:59:59.000000Z'],
  ['2026-02-19 01:59Z', '2026-02-19T01:59:00.000000Z'],
  ['2026-02-19T01:59:59.123457Z', '2026-02-19T01:59:59.123457Z'],
  ['2026-02-19T02:59:59.5+01:00', '2026-02-19T01:59:59.500000Z'],
  ['now', '2026-02-19T02:00:00.500000Z'],
  ['now-90s', '2026-02-19T01:58:30.500000Z'],
  ['now-1h30m', '2026-02-19T00:30:00.500000Z'],
  ['now - 5m', '2026-02-19T01:55:00.500000Z'],
])('%s is one absolute microsecond', (text, instant) => {
  expect(instantOf(text)).toBe(instant);
});

test('a restore point and the ends of the window are told apart from times', () => {
  expect(parseTarget('backup-20260219-020000', now)).toEqual({ kind: 'point', point: 'backup-20260219-020000' });
  expect(parseTarget('newest', now)).toEqual({ kind: 'end', end: 'newest' });
  expect(parseTarget('settled', now)).toEqual({ kind: 'end', end: 'settled' });
});

test.each([
  ['2026-02-19T01:00:00', '2026-02-19T01:00:00Z'],
  ['2026-02-19 01:00', '2026-02-19T01:00Z'],
  ['2026-02-19T01:00:00.25 UTC', '2026-02-19T01:00:00.25Z'],
  ['2026-02-19', '2026-02-19T00:00:00Z'],
])('%s, a time without a zone, is refused with the corrected form', (text, corrected) => {
  const problem = problemOf(text);
  expect(problem).toBeInstanceOf(UsageProblem);
  expect(problem.code).toBe('no-zone');
  expect(problem.next).toContain(`${corrected} `);
});

test.each(['2026-02-19T02:00:00.500001Z', 'now+1s', '2026-02-19T02:00:01-05:00'])('%s lies in the future', (text) => {
  const problem = problemOf(text);
  expect(problem).toBeInstanceOf(RefusedProblem);
  expect(problem.code).toBe('in-the-future');
});

test.each(['yesterday', 'now-', 'now-5x', '2026-02-31T00:00:00Z', '2026-02-31T00:00:00', '', 'backup-2026'])(
  '"%s" is no target',
  (text) => {
    expect(problemOf(text).code).toBe('unknown-target');
  },
);

test('a release is refused while none are recorded', () => {
  expect(problemOf('release:7').happened).toContain('no releases are recorded yet');
});
