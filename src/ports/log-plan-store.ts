import { type LogPlan, type PlannedLog, logPlanDocument, logPlanKey, readLogPlan } from '../model/log-plan.ts';
import { FailedProblem, RefusedProblem } from '../model/problem.ts';
import { sha256 } from '../model/sha256.ts';
import type { ObjectStore } from './object-store.ts';

/** Writes a plan down and gives its hash, by which the run and the agents ask for it. */
export async function keepLogPlan(bucket: ObjectStore, plan: LogPlan): Promise<string> {
  const text = logPlanDocument.write(plan);
  const hash = sha256(text);
  await bucket.put(logPlanKey({ run: plan.run, sha256: hash }), text);
  return hash;
}

/**
 * The plan that a run decided on, by the hash that its journal has of it: whoever can write to the bucket must not decide what is placed.
 * `who` reads it. Throws FailedProblem `log-plan-missing`, RefusedProblem `log-plan-changed`, FailedProblem `bad-document`.
 */
export async function getLogPlan(bucket: ObjectStore, planned: PlannedLog, who: string): Promise<LogPlan> {
  const key = logPlanKey(planned);
  const stored = await bucket.get(key);
  if (stored === undefined) {
    throw new FailedProblem({
      code: 'log-plan-missing',
      happened: `${bucket.description} does not hold the log plan ${key}, which ${who} needs.`,
      state: 'No file was written.',
      next: 'Find out who removed it (`cardea audit`). `cardea status` names what to do with the run.',
    });
  }
  const found = sha256(stored.body);
  if (found !== planned.sha256) {
    throw new RefusedProblem({
      code: 'log-plan-changed',
      happened: `The log plan ${key} is not the one that ${planned.run} decided on; ${who} does not follow it.`,
      state: 'No file was written or moved.',
      next: 'Find out who changed it (`cardea audit`). `cardea status` names what to do with the run.',
      details: [`SHA-256 ${found}, decided on ${planned.sha256}`],
    });
  }
  return readLogPlan(stored.body, key);
}
