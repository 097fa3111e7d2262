import type { RunState } from '../journal/run-state.ts';
import { RefusedProblem } from '../model/problem.ts';

/** What the engine declines to do. Nothing was changed in any of these. */

export function notConfirmed(runbook: string, environment: string, confirmed: string | undefined): RefusedProblem {
  return new RefusedProblem({
    code: 'not-confirmed',
    happened:
      confirmed === undefined
        ? `${runbook} would overwrite or delete data of ${environment} and was not confirmed.`
        : `${runbook} would overwrite or delete data of ${environment}, but "${confirmed}" was confirmed.`,
    state: 'Nothing was changed.',
    next: `Look at the steps with --plan; then repeat the command with \`--confirm ${environment}\`.`,
  });
}

export function runExists(run: string): RefusedProblem {
  return new RefusedProblem({
    code: 'run-exists',
    happened: `There is a run ${run} already.`,
    state: 'Nothing was started.',
    next: `Carry it on with \`cardea run resume ${run}\`, or start one with another id.`,
  });
}

export function runAlive(state: RunState): RefusedProblem {
  return new RefusedProblem({
    code: 'run-alive',
    happened: `Run ${state.run} is being carried out by a process on ${state.holder.host} (pid ${state.holder.pid}).`,
    state: 'Nothing was changed; that process goes on.',
    next: `Follow it with \`cardea run show ${state.run}\`, or stop it with \`cardea run cancel ${state.run}\`.`,
  });
}

export function runEnded(state: RunState): RefusedProblem {
  return new RefusedProblem({
    code: 'run-ended',
    happened: `Run ${state.run} ended before (${state.status}); there is nothing to cancel.`,
    state: 'Nothing was changed.',
    next: `See what it did with \`cardea run show ${state.run}\`.`,
  });
}

export function unknownRunbook(state: RunState): RefusedProblem {
  return new RefusedProblem({
    code: 'unknown-runbook',
    happened: `Run ${state.run} was made by version ${state.runbookVersion} of ${state.runbook}, which this Cardea does not have.`,
    state: 'Nothing was changed; the run stays interrupted.',
    next: 'Resume it with the Cardea that started it, or start the operation anew.',
  });
}

export function planChanged(state: RunState): RefusedProblem {
  return new RefusedProblem({
    code: 'plan-changed',
    happened: `The steps of ${state.runbook} are not those that run ${state.run} was started with.`,
    state: 'Nothing was changed; the run stays interrupted.',
    next: 'Resume it with the Cardea that started it, or start the operation anew.',
  });
}
