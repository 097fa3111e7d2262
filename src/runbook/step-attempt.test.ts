import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { plantedAt, plantedFault } from '../../test/support/planted-fault.ts';
import { runbookOf } from '../../test/support/runbook-sketch.ts';
import { faultTrace } from '../model/fault-trace.ts';
import { asProblem } from '../model/problem.ts';
import { attemptStep } from './step-attempt.ts';

test('a fault that a step brings to light while it is told to stop is not lost behind its time limit', async () => {
  const clock = new FakeClock();
  const [step] = runbookOf([
    {
      id: 'slow',
      timeout: '1s',
      run: ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(asProblem(faultOf(plantedFault), 'The job failed')));
        }),
    },
  ]).steps;
  if (step === undefined) throw new TypeError('there is a step');
  const going = attemptStep(step, {} as Parameters<typeof attemptStep>[1], {
    clock,
    stop: new AbortController().signal,
  });
  await clock.advance(2000);
  const outcome = await going;
  if (outcome.end !== 'failed') throw new TypeError(`it ${outcome.end}`);
  expect(outcome.problem.code).toBe('timeout');
  expect(faultTrace(outcome.problem).join('\n')).toContain(plantedAt);
});

function faultOf(planted: () => unknown): unknown {
  try {
    return planted();
  } catch (thrown) {
    return thrown;
  }
}
