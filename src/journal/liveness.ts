import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { Processes } from '../ports/processes.ts';
import { claimOf, currentLease, type LeaseRecord } from './lease-record.ts';
import type { RunState } from './run-state.ts';

/**
 * Milliseconds after its last event during which a run without a lease, on another machine, still counts as running.
 */
const belief = 600_000;

/**
 * The true state of a run whose journal says `running`: `interrupted` if no process executes it. `lease` is the current
 * one of the environment or copy that the run works on.
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

/**
 * What a run's journal says, with its true state. The journal of a run that nobody seems to carry out is read again: it
 * may have ended between the looks at its journal and at its lease.
 */
export async function trueState<T extends { readonly state: RunState | undefined }>(
  { store, clock, processes }: { readonly store: ObjectStore; readonly clock: Clock; readonly processes: Processes },
  read: () => Promise<T>,
): Promise<T> {
  const first = await read();
  if (first.state?.status !== 'running') return first;
  const lease = await currentLease(store, first.state.copy);
  if (trueStatus(first.state, lease, clock.now(), processes) === 'running') return first;
  const again = await read();
  return again.state?.status === 'running' ? { ...again, state: { ...again.state, status: 'interrupted' } } : again;
}
