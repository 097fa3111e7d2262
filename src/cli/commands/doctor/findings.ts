import { faultTrace } from '../../../model/fault-trace.ts';
import { withoutSecrets } from '../../../model/secrets.ts';
import { asProblem, type Problem } from '../../../model/problem.ts';
import type { Level } from '../status/signals.ts';

/** The finding of one check of the doctor. */
export interface DoctorFinding {
  readonly name: string;
  readonly level: Level;
  readonly says: string;
  readonly details?: readonly string[];
  readonly next?: string;
}

/** Runs one check. A thrown problem becomes the finding, with its own next step. */
export async function tryCheck(
  name: string,
  work: () => Promise<string | Omit<DoctorFinding, 'name'>>,
): Promise<DoctorFinding> {
  try {
    const found = await work();
    return typeof found === 'string' ? { name, level: 'good', says: found } : { name, ...found };
  } catch (thrown) {
    return { name, ...fromProblem(asProblem(thrown, name)) };
  }
}

function fromProblem(problem: Problem): Omit<DoctorFinding, 'name'> {
  const { happened, next } = problem;
  // Of what no code foresaw: no log has the trace of what fails in a check.
  const trace = problem.code === 'unexpected' ? faultTrace(problem) : [];
  const details = [...problem.details, ...trace].map(withoutSecrets);
  return { level: 'bad', says: withoutSecrets(happened), next, ...(details.length === 0 ? {} : { details }) };
}
