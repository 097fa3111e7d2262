import type { Processes } from '../ports/processes.ts';
import { claimOf, type LeaseRecord } from './lease-record.ts';
import type { RunState } from './run-state.ts';

/** How long a run without a lease, on another machine, is believed to go on after its last event. Milliseconds. */
const belief = 600_000;

/** The state with `running` made true: `interrupted` when nobody carries the run out any more. `lease` is the environment's current one. */
export function trueStatus(
  state: RunState,
  lease: LeaseRecord | undefined,
  now: Date,
  processes: Processes,
): RunState['status'] {
  if (state.status !== 'running') return state.status;
  return isCarriedOut(state, lease, now, processes) ? 'running' : 'interrupted';
}

function isCarriedOut(state: RunState, lease: LeaseRecord | undefined, now: Date, processes: Processes): boolean {
  const seen = processes.isAlive(state.holder);
  if (seen === false) return false;
  if (state.leased) return lease?.run === state.run && claimOf(lease, now, processes) === 'held';
  return seen ?? now.getTime() - Date.parse(state.lastEventAt) < belief;
}
