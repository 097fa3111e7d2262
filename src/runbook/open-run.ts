import type { RunEvent } from '../journal/event.ts';
import { type Journal, openJournal } from '../journal/journal.ts';
import type { JournalHead } from '../journal/journal-reader.ts';
import type { Lease } from '../journal/lease.ts';
import type { TrustedKeys } from '../journal/trusted-keys.ts';
import { applyEvent, type RunState } from '../journal/run-state.ts';
import { FailedProblem } from '../model/problem.ts';
import type { EngineWorld } from './engine-world.ts';

/** A run open for writing: its journal, and its state, updated with every event that becomes durable. */
export interface OpenRun {
  readonly journal: Journal;
  state(): RunState;
  /** Aborted once somebody asked for the run to be cancelled. */
  readonly cancel: AbortSignal;
}

export function openRun(
  world: EngineWorld,
  from: {
    readonly run: string;
    readonly epoch: number;
    readonly head: JournalHead;
    readonly state?: RunState;
    readonly lease?: Lease;
    readonly keys: TrustedKeys;
  },
): OpenRun {
  let state = from.state;
  const cancel = new AbortController();
  const { lease } = from;
  const observe = (event: RunEvent) => {
    state = applyEvent(state, event);
    if (state?.cancelRequestedBy !== undefined) cancel.abort();
    world.onEvent?.(event);
  };
  // A cancel that ended the run is past: who carries it on from there wants it done.
  if (state?.status === 'running' && state.cancelRequestedBy !== undefined) cancel.abort();
  const journal = openJournal({
    store: world.store,
    clock: world.clock,
    run: from.run,
    epoch: from.epoch,
    head: from.head,
    observe,
    ...(world.signer === undefined ? {} : { signed: { signer: world.signer, keys: from.keys } }),
    ...(lease === undefined ? {} : { guard: () => lease.confirm(), lease: lease.signal }),
  });
  return {
    journal,
    cancel: cancel.signal,
    state() {
      if (state === undefined) throw notStarted(from.run);
      return state;
    },
  };
}

function notStarted(run: string): FailedProblem {
  return new FailedProblem({
    code: 'run-not-started',
    happened: `The journal of run ${run} does not begin with its start.`,
    state: 'Nothing was changed.',
    next: 'Run `cardea audit` to see what was changed, then start the operation again.',
  });
}
