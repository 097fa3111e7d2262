import type { Problem } from '../../model/problem.ts';
import { withoutSecrets } from '../../model/secrets.ts';
import { noPaint, type Paint } from './output.ts';

/** A problem for a person: what happened, the details by name, the state, the next step. */
export function failureText(problem: Problem, paint: Paint = noPaint): string {
  const lines = [
    `${paint('red', headline(problem))} ${problem.happened}`,
    ...problem.details.map((detail) => `  - ${detail.replaceAll('\n', '\n    ')}`),
    `  ${paint('bold', 'State:')} ${problem.state}`,
    `  ${paint('bold', 'Next:')}  ${problem.next}`,
  ];
  // A message may quote what the outside world was given.
  return withoutSecrets(lines.join('\n'));
}

/** The same as one JSON object, for `--json`, beside what else is known. */
export function failureJson(problem: Problem, known: object = {}): string {
  return JSON.stringify({ ...known, problem: problem.toDocument() }, null, 2);
}

function headline(problem: Problem): string {
  switch (problem.kind) {
    case 'usage':
      return 'Wrong use:';
    case 'refused':
      return 'Refused:';
    case 'waiting':
      return 'Waiting:';
    case 'failed':
    case 'retryable':
      return problem.code === 'interrupted' ? 'Stopped:' : 'Failed:';
  }
}
