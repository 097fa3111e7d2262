import { z } from 'zod';
import { FailedProblem } from '../model/problem.ts';
import type { Runbook } from './define.ts';

/**
 * The largest result of a step, in bytes of JSON, about as large as a Tekton result. Larger things go to the bucket,
 * and their key is passed.
 */
const largestResult = 4096;

/**
 * The result as it will be read from the journal: through the schema, through JSON and through the schema again, so
 * that a resumed run sees exactly what the first one saw. `json` is what is journaled. Throws FailedProblem
 * `bad-result` or `result-too-large`.
 */
export function acceptedResult(step: Runbook['steps'][number], raw: unknown): { value: unknown; json: unknown } {
  const first = parsed(step, raw);
  const text = JSON.stringify(first) as string | undefined;
  if (text === undefined) return { value: first, json: undefined };
  const bytes = Buffer.byteLength(text);
  if (bytes > largestResult) {
    throw new FailedProblem({
      code: 'result-too-large',
      happened: `Step ${step.id} returned ${bytes} bytes of JSON; the limit is ${largestResult}.`,
      state: 'The step did its work, but its result was not recorded.',
      next: 'Report this as a defect of the runbook: the step must write the result to the bucket and return its key.',
    });
  }
  const json: unknown = JSON.parse(text);
  return { value: parsed(step, json), json };
}

/** A journaled result as the steps that need it see it. */
export function storedResult(step: Runbook['steps'][number], json: unknown): unknown {
  return parsed(step, json);
}

function parsed(step: Runbook['steps'][number], value: unknown): unknown {
  const result = step.result.safeParse(value);
  if (result.success) return result.data;
  throw new FailedProblem({
    code: 'bad-result',
    happened: `Step ${step.id} returned a result that does not fit its schema.`,
    state: 'The step did its work, but its result was not recorded.',
    next: 'Report this as a defect of the runbook: the step or its result schema must be corrected.',
    details: z.prettifyError(result.error).split('\n'),
  });
}
