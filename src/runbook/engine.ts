import { auditTrail, type AuditEntry, type AuditTrail } from '../journal/audit-chain.ts';
import { eventKey, noHash } from '../journal/event-file.ts';
import { journalDamaged, readJournal, type JournalHead, type VerifiedJournal } from '../journal/journal-reader.ts';
import { openJournal } from '../journal/journal.ts';
import { acquireLease, type Lease } from '../journal/lease.ts';
import { applyEvent, replay, type RunState } from '../journal/run-state.ts';
import type { RunId } from '../model/identifiers.ts';
import { asProblem } from '../model/problem.ts';
import type { ProcessIdentity } from '../model/process-identity.ts';
import type { Processes } from '../ports/processes.ts';
import type { Runbook } from './define.ts';
import type { EngineWorld } from './engine-world.ts';
import { carryOut, type Execution } from './execution.ts';
import { openRun } from './open-run.ts';
import { interruptedOutcome, interruption, lastEvent, outcomeOf, type RunOutcome } from './outcome.ts';
import { acceptedParams } from './params.ts';
import { isDestructive, onlyReads, planOf } from './plan.ts';
import { notConfirmed, planChanged, runAlive, runEnded, runExists, unknownRunbook } from './refusal.ts';
import { newRunId } from './run-id.ts';

export type { EngineWorld } from './engine-world.ts';
export type { RunOutcome } from './outcome.ts';

export interface StartOptions<S> {
  readonly environment: string;
  /** Validated by the runbook's schema. */
  readonly params: unknown;
  readonly services: S;
  /** What was typed with `--confirm`. */
  readonly confirmed?: string;
  /** Aborted on Ctrl-C: the run is left resumable. */
  readonly signal?: AbortSignal;
  readonly run?: RunId;
}

/**
 * Executes a runbook. Rejects only before anything is journaled: UsageProblem `bad-params` with every mistake,
 * RefusedProblem `not-confirmed`, `environment-busy`, `run-exists`, or the store's problem. Afterwards the outcome says
 * how it ended.
 */
export async function startRun<P, S>(
  world: EngineWorld,
  runbook: Runbook<P, S>,
  options: StartOptions<S>,
): Promise<RunOutcome> {
  const { environment, confirmed } = options;
  const params = acceptedParams(runbook, options.params);
  const plan = planOf(runbook, params, environment);
  if (isDestructive(plan) && confirmed !== environment) throw notConfirmed(runbook.name, environment, confirmed);
  const run = options.run ?? newRunId(runbook.name, world);
  if ((await world.store.head(eventKey(run, 1))) !== undefined) throw runExists(run);
  const lease = onlyReads(plan) ? undefined : await acquireLease(world, { environment, run });
  return withLease(lease, async () => {
    const epoch = lease?.epoch ?? 1;
    const open = openRun(world, { run, epoch, head: { sequence: 0, hash: noHash }, ...(lease && { lease }) });
    await open.journal.append({
      type: 'run-started',
      runbook: runbook.name,
      runbookVersion: runbook.version,
      environment,
      params,
      planHash: plan.hash,
      actor: world.actor,
      holder: world.processes.self,
      leased: lease !== undefined,
      ...(confirmed === undefined ? {} : { confirmed }),
    });
    const execution = { world, runbook: untyped(runbook), params, services: options.services, open, epoch };
    return finish(execution, auditTrail(world), 'started', lease, options.signal);
  });
}

export interface ResumeOptions<S> {
  readonly run: string;
  /** Given, or made for the run's environment once it is known that there is something to do. */
  readonly services: S | ((environment: string) => Promise<S>);
  readonly signal?: AbortSignal;
}

/**
 * Continues a run whose process is gone, with the same params and idempotency keys and a higher epoch; finished steps
 * are not done again. A run that has ended is reported as it ended. Rejects with UsageProblem `unknown-run`,
 * RefusedProblem `journal-damaged`, `environment-busy`, `run-alive`, `unknown-runbook` or `plan-changed`.
 */
export async function resumeRun<S, P = never>(
  world: EngineWorld,
  find: (name: string, version: number) => Runbook<P, S> | undefined,
  options: ResumeOptions<S>,
): Promise<RunOutcome> {
  const { run } = options;
  const trail = auditTrail(world);
  const found = await readRun(world, trail, run);
  if (found.state.status !== 'running') {
    if (found.lastAudited?.what !== 'ended') await trail.record({ what: 'ended', run, ...audited(found.journal) });
    return outcomeOf(found.state);
  }
  const { runbook, params, leaseFree } = runbookOf(found.state, find);
  if (leaseFree && isElsewhereAlive(world.processes, found.state.holder)) throw runAlive(found.state);
  const lease = leaseFree ? undefined : await acquireLease(world, { environment: found.state.environment, run });
  return withLease(lease, async () => {
    // Read again, because the last holder of the lease may have appended until it was taken over.
    const { state, journal } = await readRun(world, trail, run);
    if (state.status !== 'running') return outcomeOf(state);
    const services = await servicesOf(options.services, state.environment);
    const epoch = lease?.epoch ?? state.epoch + 1;
    const open = openRun(world, { run, epoch, head: journal.head, state, ...(lease && { lease }) });
    await open.journal.append({ type: 'run-resumed', actor: world.actor, holder: world.processes.self });
    return finish({ world, runbook, params, services, open, epoch }, trail, 'resumed', lease, options.signal);
  });
}

/**
 * Asks for a run to be cancelled. A running process notices it within about two seconds; an interrupted run ends at its
 * next resume. RefusedProblem `run-ended` when there is nothing to cancel.
 */
export async function requestCancel(world: Pick<EngineWorld, 'store' | 'clock' | 'actor'>, run: string): Promise<void> {
  const journal = await readJournal(world.store, run);
  let state = stateOf(journal);
  const asker = openJournal({
    store: world.store,
    clock: world.clock,
    run,
    epoch: state.epoch,
    owns: false,
    head: journal.head,
    observe: (event) => {
      state = applyEvent(state, event) ?? state;
    },
    guard: async () => {
      if (state.status !== 'running') throw runEnded(state);
    },
  });
  await asker.append({ type: 'cancel-requested', actor: world.actor });
}

async function finish(
  execution: Omit<Execution, 'stop'>,
  trail: AuditTrail,
  what: 'started' | 'resumed',
  lease: Lease | undefined,
  interrupt: AbortSignal | undefined,
): Promise<RunOutcome> {
  const { world, runbook, open } = execution;
  const { run } = open.state();
  const stop = new AbortController();
  const onInterrupt = () => stop.abort(interruption(run));
  const onLost = () => stop.abort(lease?.signal.reason);
  if (interrupt?.aborted === true) onInterrupt();
  if (lease?.signal.aborted === true) onLost();
  interrupt?.addEventListener('abort', onInterrupt, { once: true });
  lease?.signal.addEventListener('abort', onLost, { once: true });
  try {
    await trail.record({ what, run, ...audited(open.journal) });
    const stopped = await carryOut({ ...execution, stop: stop.signal });
    if (stopped === undefined) {
      await open.journal.append(lastEvent(runbook, open.state(), world.clock.now()));
      await trail.record({ what: 'ended', run, ...audited(open.journal) });
      return outcomeOf(open.state());
    }
    if (stopped.code === 'interrupted') await trail.record({ what: 'paused', run, ...audited(open.journal) });
    return interruptedOutcome(open.state(), world.clock.now(), stopped);
  } catch (error) {
    // The store is gone or the run was taken over: what is durable can be resumed.
    return interruptedOutcome(open.state(), world.clock.now(), asProblem(error, `Run ${run} was left`));
  } finally {
    interrupt?.removeEventListener('abort', onInterrupt);
    lease?.signal.removeEventListener('abort', onLost);
  }
}

async function withLease<T>(lease: Lease | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await lease?.release();
  }
}

/** A run's verified journal. If it was signed before, its last event is compared as well. */
async function readRun(
  world: EngineWorld,
  trail: AuditTrail,
  run: string,
): Promise<{ state: RunState; journal: VerifiedJournal; lastAudited: AuditEntry | undefined }> {
  const journal = await readJournal(world.store, run);
  const state = stateOf(journal);
  const lastAudited = await trail.newestOf(run, state.startedAt);
  if (lastAudited !== undefined && journal.hashes[lastAudited.events - 1] !== lastAudited.head) {
    throw journalDamaged(
      run,
      `event ${lastAudited.events} was changed after audit entry ${lastAudited.sequence} was signed`,
    );
  }
  return { state, journal, lastAudited };
}

function stateOf(journal: VerifiedJournal): RunState {
  const state = replay(journal.events);
  if (state === undefined) throw journalDamaged(journal.run, 'event 1 is not the start of a run');
  return state;
}

function audited({ head }: { readonly head: JournalHead }): { events: number; head: string } {
  return { events: head.sequence, head: head.hash };
}

/** The runbook of a journal, after a check that its plan is still the same. */
function runbookOf<P, S>(
  state: RunState,
  find: (name: string, version: number) => Runbook<P, S> | undefined,
): { runbook: Runbook; params: unknown; leaseFree: boolean } {
  const found = find(state.runbook, state.runbookVersion);
  if (found === undefined) throw unknownRunbook(state);
  const runbook = untyped(found);
  const params = acceptedParams(runbook, state.params);
  const plan = planOf(runbook, params, state.environment);
  if (plan.hash !== state.planHash) throw planChanged(state);
  return { runbook, params, leaseFree: onlyReads(plan) };
}

/** A run without a lease is fenced by its journal alone; this only keeps two people from taking it from each other. */
function isElsewhereAlive(processes: Processes, holder: ProcessIdentity): boolean {
  const isSelf = holder.machine === processes.self.machine && holder.pid === processes.self.pid;
  return !isSelf && processes.isAlive(holder) === true;
}

async function servicesOf<S>(services: ResumeOptions<S>['services'], environment: string): Promise<S> {
  return typeof services === 'function' ? (services as (environment: string) => Promise<S>)(environment) : services;
}

/** The builder has checked what each step gets; the engine passes it on without looking inside. */
function untyped<P, S>(runbook: Runbook<P, S>): Runbook {
  return runbook as unknown as Runbook;
}
