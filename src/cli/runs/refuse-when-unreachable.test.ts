import { expect, test } from 'vitest';
import { FailedProblem, RetryableProblem } from '../../model/problem.ts';
import { refuseWhenUnreachable } from './refuse-when-unreachable.ts';

const text = { code: 'store-unreachable', happened: 'It is away.', state: 'Unknown.', next: 'Look.', details: ['a'] };

test('what cannot be reached before anything was begun is a refusal that says so', async () => {
  const refusal = refuseWhenUnreachable(async () => {
    throw new RetryableProblem(text);
  });
  await expect(refusal).rejects.toMatchObject({ ...text, kind: 'refused', state: 'Nothing was started.' });
});

test('other problems and results pass unchanged', async () => {
  const failure = new FailedProblem(text);
  await expect(refuseWhenUnreachable(() => Promise.reject(failure))).rejects.toBe(failure);
  await expect(refuseWhenUnreachable(async () => 7)).resolves.toBe(7);
});
