import { FailedProblem, UsageProblem } from '../model/problem.ts';
import type { Runbook } from './define.ts';

/**
 * Params as a resumed run will read them: through the schema, through JSON, and through the schema again. Throws
 * UsageProblem `bad-params` with every mistake.
 */
export function acceptedParams<P, S>(runbook: Runbook<P, S>, raw: unknown): P {
  const first = runbook.params.safeParse(raw);
  if (!first.success) {
    throw new UsageProblem({
      code: 'bad-params',
      happened: `The parameters of ${runbook.name} are wrong.`,
      state: 'Nothing was started.',
      next: 'Correct the mistakes listed above and start the run again.',
      details: first.error.issues.map((issue) => `${issue.path.join('.') || 'params'}: ${issue.message}`),
    });
  }
  const text = JSON.stringify(first.data) as string | undefined;
  const again = runbook.params.safeParse(text === undefined ? undefined : JSON.parse(text));
  if (again.success) return again.data;
  throw new FailedProblem({
    code: 'bad-runbook',
    happened: `The parameters of ${runbook.name} cannot be read back from the journal.`,
    state: 'Nothing was started.',
    next: 'Report this as a defect of the runbook: its params schema must accept the JSON of its own output.',
    details: again.error.issues.map((issue) => `${issue.path.join('.') || 'params'}: ${issue.message}`),
  });
}
