import { expect, test } from 'vitest';
import { FailedProblem } from '../../model/problem.ts';
import { failureJson, failureText } from './problem-text.ts';

test('F1: a problem shows no login and no key that a message of the outside world quoted', () => {
  const problem = new FailedProblem({
    code: 'odd',
    happened: 'Nobody answers at https://user:planted-pw@host/.',
    state: 'The same: https://user:planted-pw@host/.',
    next: 'Look at https://user:planted-pw@host/.',
    details: ['Authorization: Bearer planted-token-of-an-agent'],
  });
  for (const text of [failureText(problem), failureJson(problem)]) expect(text).not.toContain('planted');
});
