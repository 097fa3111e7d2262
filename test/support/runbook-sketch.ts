import { z } from 'zod';
import { RefusedProblem, RetryableProblem } from '../../src/model/problem.ts';
import type { Effect, Guard, Runbook, StepContext } from '../../src/runbook/define.ts';
import { type RunOutcome, type StartOptions, startRun } from '../../src/runbook/engine.ts';
import type { TestWorld } from './engine-world.ts';

export type Work = (context: StepContext<unknown, unknown, unknown>) => Promise<unknown>;
export interface Sketch {
  readonly id: string;
  readonly needs?: readonly string[];
  readonly effect?: Effect;
  readonly run?: Work;
  readonly timeout?: string;
  readonly retry?: { attempts: number; backoff: string; max: string };
  readonly when?: unknown;
  readonly always?: true | 'after-change' | 'unless-moved';
  readonly guard?: Guard;
  readonly result?: z.ZodType;
}

export function runbookOf(
  steps: readonly Sketch[],
  params: z.ZodType = z.object({}),
  head: Pick<Runbook, 'pivot' | 'wayBack' | 'mayResume'> = {},
): Runbook {
  const filled = steps.map((step) => ({
    title: step.id,
    effect: 'write',
    needs: [],
    timeout: '1h',
    result: z.any(),
    run: async () => ({ from: step.id }),
    ...step,
  }));
  return { name: 'sketch', version: 1, title: 'Sketch', params, ...head, steps: filled } as unknown as Runbook;
}

export function start(
  world: TestWorld,
  runbook: Runbook,
  more: Partial<StartOptions<unknown>> = {},
): Promise<RunOutcome> {
  return startRun(world, runbook, { environment: 'local', params: {}, services: undefined, ...more });
}

export const refused = (code: string) =>
  new RefusedProblem({ code, happened: code, state: 'as before', next: 'go on' });
export const retryable = () =>
  new RetryableProblem({ code: 'busy', happened: 'busy', state: 'as before', next: 'wait' });

export function hanging(): { run: Work; started: Promise<void>; signals: AbortSignal[] } {
  const started = Promise.withResolvers<void>();
  const signals: AbortSignal[] = [];
  return {
    started: started.promise,
    signals,
    run: ({ signal }) =>
      new Promise((_resolve, reject) => {
        signals.push(signal);
        signal.addEventListener('abort', () => reject(signal.reason as Error));
        started.resolve();
      }),
  };
}
