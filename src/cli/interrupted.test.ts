import { execa } from 'execa';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { FailedProblem, RefusedProblem } from '../model/problem.ts';
import { interruptedProblem } from './interrupted.ts';

const meaning = { state: 'Servers run on.', next: 'Run it again.' };
const stop = { command: 'lab up', by: 'SIGINT', meaning } as const;

async function thrownBy(work: (signal: AbortSignal) => Promise<unknown>): Promise<unknown> {
  const controller = new AbortController();
  const thrown = work(controller.signal).catch((error: unknown) => error);
  controller.abort(new DOMException('stopped by SIGINT', 'AbortError'));
  return thrown;
}

test.each([
  ['the reason itself', aborted],
  ['a timer', async (signal: AbortSignal) => setTimeout(60_000, undefined, { signal })],
  ['a child process', async (signal: AbortSignal) => execa('sleep', ['60'], { cancelSignal: signal })],
])('%s that was aborted is told as the stop, without its own words', async (_what, work) => {
  const problem = interruptedProblem(await thrownBy(work), stop);
  expect(problem).toMatchObject({ kind: 'failed', code: 'interrupted', ...meaning, details: [] });
  expect(problem?.happened).toBe('`cardea lab up` was stopped by Ctrl-C.');
});

test('a problem caused by the stop is told as the stop', () => {
  const cause = new DOMException('stopped by SIGINT', 'AbortError');
  const refused = new RefusedProblem({ code: 'x', happened: 'No answer.', state: 'None.', next: 'Wait.', cause });
  expect(interruptedProblem(refused, stop)).toMatchObject({ code: 'interrupted', details: [] });
});

test('whatever else breaks when it is torn off is named, on one line', () => {
  const failed = new FailedProblem({ code: 'x', happened: 'go build ended with SIGINT.', state: '', next: '' });
  expect(interruptedProblem(failed, stop)?.details).toEqual([
    'What it was doing ended so: go build ended with SIGINT.',
  ]);
  expect(interruptedProblem(new TypeError('no socket\nat net'), stop)?.details).toEqual([
    'What it was doing ended so: no socket',
  ]);
});

test('a refusal that has nothing to do with the stop stays one: it says itself that nothing was changed', () => {
  const busy = new RefusedProblem({ code: 'busy', happened: 'At work.', state: 'Nothing.', next: 'Wait.' });
  expect(interruptedProblem(busy, stop)).toBeUndefined();
});

test.each([
  ['SIGTERM', 'was stopped by SIGTERM.'],
  ['SIGHUP', 'its terminal was closed'],
] as const)('a stop by %s says so', (by, says) => {
  const thrown = new DOMException('stopped', 'AbortError');
  expect(interruptedProblem(thrown, { ...stop, by })?.happened).toContain(says);
});

async function aborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(signal.reason as Error));
  return promise;
}
