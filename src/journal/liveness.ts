import type { Processes } from '../ports/processes.ts';
import { claimOf, type LeaseRecord } from './lease-record.ts';
import type { RunState } from './run-state.ts';

/**
 * Milliseconds after its last event during which a run without a lease, on another machine, still counts as running.
 */
const belief = 600_000;

/**
 * The true state of a run whose journal says `running`: `interrupted` if no process executes it. `lease` is the
 * environment's current one.
 */
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
