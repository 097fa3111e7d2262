import type { RunState } from '../journal/run-state.ts';
import { RefusedProblem } from '../model/problem.ts';
import type { Plan } from './plan.ts';
import { resumeCommand } from './resume-command.ts';

/** Refusals of the engine. Nothing was changed in any of these cases. */

export function notConfirmed(runbook: string, environment: string, confirmed: string | undefined): RefusedProblem {
  return new RefusedProblem({
    code: 'not-confirmed',
    happened:
      confirmed === undefined
        ? `${runbook} overwrites or deletes data of ${environment}, and it was not confirmed.`
        : `${runbook} overwrites or deletes data of ${environment}, but "${confirmed}" was confirmed.`,
    state: 'Nothing was changed.',
    next: `Look at the steps with --plan, then repeat the command with \`--confirm ${environment}\`.`,
  });
}

/** What the run would do stands in the details: it is confirmed by somebody who has read it. */
export function notVouched(state: RunState, plan: Plan, why: string): RefusedProblem {
  const { run, runbook, environment, steps } = state;
  return new RefusedProblem({
    code: 'not-confirmed',
    happened: `${runbook} overwrites or deletes data of ${environment}, and this machine cannot vouch for the journal of ${run}: ${why}.`,
    state: 'Nothing was changed. The list is what the run does, and how far its journal says that it has come.',
    next: resumeCommand(run, environment),
    details: [
      `${plan.title}: ${runbook} of ${environment}, with ${JSON.stringify(plan.params)}`,
      ...plan.steps
        .filter(({ runs }) => runs !== 'never')
        .map(({ id, effect, title }) => `${id} (${effect}, ${steps[id]?.status ?? 'to do'}): ${title}`),
    ],
  });
}

export function runExists(run: string): RefusedProblem {
  return new RefusedProblem({
    code: 'run-exists',
    happened: `There is already a run ${run}.`,
    state: 'Nothing was started.',
    next: `See how it goes on with \`cardea run show ${run}\`, or start a run with another id.`,
  });
}

export function runAlive(state: RunState): RefusedProblem {
  return new RefusedProblem({
    code: 'run-alive',
    happened: `A process on ${state.holder.host} (pid ${state.holder.pid}) already executes run ${state.run}.`,
    state: 'Nothing was changed; that process continues.',
    next: `Watch it with \`cardea run show ${state.run} --follow\`, or stop it with \`cardea run cancel ${state.run}\`.`,
  });
}

export function runEnded(state: RunState): RefusedProblem {
  return new RefusedProblem({
    code: 'run-ended',
    happened: `Run ${state.run} has already ended (${state.status}); there is nothing to cancel.`,
    state: 'Nothing was changed.',
    next: `See what it did with \`cardea run show ${state.run}\`.`,
  });
}

export function unknownRunbook(state: RunState): RefusedProblem {
  return new RefusedProblem({
    code: 'unknown-runbook',
    happened: `Run ${state.run} uses version ${state.runbookVersion} of the runbook ${state.runbook}, which this version of Cardea does not have.`,
    state: 'Nothing was changed; the run is still interrupted.',
    next: 'Resume it with the version of Cardea that started it, or start the operation again.',
  });
}

export function planChanged(state: RunState): RefusedProblem {
  return new RefusedProblem({
    code: 'plan-changed',
    happened: `The steps of ${state.runbook} have changed since run ${state.run} was started.`,
    state: 'Nothing was changed; the run is still interrupted.',
    next: 'Resume it with the version of Cardea that started it, or start the operation again.',
  });
}
