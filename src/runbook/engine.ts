import { auditTrail, type AuditTrail } from '../journal/audit-chain.ts';
import { eventKey, noHash } from '../journal/event-file.ts';
import { journalDamaged, readJournal, type JournalHead, type VerifiedJournal } from '../journal/journal-reader.ts';
import { openJournal } from '../journal/journal.ts';
import { acquireLease, type Lease } from '../journal/lease.ts';
import { applyEvent, replay, type RunState } from '../journal/run-state.ts';
import { openStepLogs } from '../journal/step-log.ts';
import { storePatience } from '../journal/store-patience.ts';
import { trustedKeys, type TrustedKeys } from '../journal/trusted-keys.ts';
import { judgeRun, type JudgedRun, trustOf } from '../journal/vouching.ts';
import type { RunId } from '../model/identifiers.ts';
import type { ProcessIdentity } from '../model/process-identity.ts';
import type { Patience } from '../ports/patience.ts';
import type { Processes } from '../ports/processes.ts';
import type { Runbook } from './define.ts';
import type { EngineWorld } from './engine-world.ts';
import { carryOut, type Execution } from './execution.ts';
import { openRun, type OpenRun } from './open-run.ts';
import {
  canCarryOn,
  interruptedOutcome,
  interruption,
  lastEvent,
  leaving,
  outcomeOf,
  type RunOutcome,
} from './outcome.ts';
import { acceptedParams } from './params.ts';
import { isDestructive, onlyReads, type Plan, planOf } from './plan.ts';
import { resumeCommand, wantsConfirmation } from './resume-command.ts';
import { notConfirmed, notVouched, planChanged, runAlive, runEnded, runExists, unknownRunbook } from './refusal.ts';
import { newRunId } from './run-id.ts';
import { hasStopped, stepsToRepeat } from './schedule.ts';

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
 * RefusedProblem `not-confirmed`, `environment-busy`, `copy-busy`, `run-exists`, or the store's problem. Afterwards the
 * outcome says how it ended.
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
  const decides = async () => (await runbook.ends?.({ run, params, services: options.services })) ?? [];
  const copy = runbook.copyOf?.({ run, params });
  const leaseFree = onlyReads(plan);
  const lease = await enter(world, { environment, run, copy, leaseFree, signal: options.signal, decides });
  return withLease(lease, async () => {
    const epoch = lease?.epoch ?? 1;
    const keys = await keysOf(world);
    const open = openRun(world, { run, epoch, head: { sequence: 0, hash: noHash }, keys, ...(lease && { lease }) });
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
      ...(copy === undefined ? {} : { copy }),
      ...(confirmed === undefined ? {} : { confirmed }),
    });
    const execution = { world, runbook: untyped(runbook), params, services: options.services, open, epoch };
    return finish(execution, { trail: auditTrail(world), what: 'started', lease, interrupt: options.signal });
  });
}

export interface ResumeOptions<S> {
  readonly run: string;
  /** What the caller has just read of the run. It decides only whether there is something to do: under the lease it is read again. */
  readonly journal?: VerifiedJournal;
  /** Given, or made for the run's environment once it is known that there is something to do. */
  readonly services: S | ((environment: string) => Promise<S>);
  /** What was typed with `--confirm`: needed for a run that destroys when no trusted key vouches for its journal. */
  readonly confirmed?: string;
  readonly signal?: AbortSignal;
}

/**
 * Continues a run whose process is gone, or that failed or was cancelled after it had moved data, with the same params
 * and step keys and a higher epoch; finished steps are not done again, except guards. Any other run that has ended is
 * reported as it ended. Rejects with UsageProblem `unknown-run`, RefusedProblem `journal-damaged`, `environment-busy`,
 * `copy-busy`, `run-alive`, `unknown-runbook`, `plan-changed`, `not-confirmed` (with the steps and the command that
 * confirms them), or what the runbook's `mayResume` throws.
 */
export async function resumeRun<S, P = never>(
  world: EngineWorld,
  find: (name: string, version: number) => Runbook<P, S> | undefined,
  options: ResumeOptions<S>,
): Promise<RunOutcome> {
  const { run, confirmed } = options;
  const trail = auditTrail(world);
  const found = await judgeRun(world, options.journal ?? (await readJournal(world.store, run)));
  if (!isOpen(found.state, find)) {
    if (confirmed !== undefined) requireConfirmation(found, undefined, confirmed);
    const unwritten = await recordFoundEnd(trail, found, confirmed);
    return { ...outcomeOf(found.state), ...(unwritten.length === 0 ? {} : { unwritten }) };
  }
  const { runbook, params, plan } = runbookOf(found.state, find);
  requireConfirmation(found, plan, confirmed);
  const leaseFree = onlyReads(plan);
  if (leaseFree && isElsewhereAlive(world.processes, found.state.holder)) throw runAlive(found.state);
  const { environment, epoch: seen } = found.state;
  const copy = runbook.copyOf?.({ run, params });
  const lease = await enter(world, { environment, run, copy, seen, leaseFree, signal: options.signal });
  return withLease(lease, async () => {
    // Read again, because the last holder of the lease may have appended until it was taken over.
    const judged = await judgeRun(world, await readJournal(world.store, run));
    const { state, journal } = judged;
    if (!isOpen(state, find)) return outcomeOf(state);
    requireConfirmation(judged, plan, confirmed);
    const services = await servicesOf(options.services, state.environment);
    const stopped = hasStopped(runbook.steps, state.steps);
    await runbook.mayResume?.({ run, environment: state.environment, params, stopped, services });
    const epoch = lease?.epoch ?? state.epoch + 1;
    const keys = await keysOf(world);
    const open = openRun(world, { run, epoch, head: journal.head, state, keys, ...(lease && { lease }) });
    const ended = state.status !== 'running';
    const cancelled = !ended && state.cancelRequestedBy !== undefined;
    const again = stepsToRepeat(runbook, state.steps, { ended, cancelled });
    await open.journal.append({
      type: 'run-resumed',
      actor: world.actor,
      holder: world.processes.self,
      ...(again.length === 0 ? {} : { again: [...again] }),
      ...(confirmed === undefined ? {} : { confirmed }),
    });
    const execution = { world, runbook, params, services, open, epoch };
    return finish(execution, { trail, what: 'resumed', lease, interrupt: options.signal });
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

/** Whether something is left to carry on. */
function isOpen<P, S>(state: RunState, find: (name: string, version: number) => Runbook<P, S> | undefined): boolean {
  if (state.status === 'running') return true;
  const runbook = find(state.runbook, state.runbookVersion);
  return runbook !== undefined && canCarryOn(runbook, state);
}

interface Beginning {
  readonly trail: AuditTrail;
  readonly what: 'started' | 'resumed';
  readonly lease: Lease | undefined;
  /** Aborted on Ctrl-C. */
  readonly interrupt: AbortSignal | undefined;
}

async function finish(
  execution: Omit<Execution, 'stop' | 'logs'>,
  { trail, what, lease, interrupt }: Beginning,
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
  const patience = storePatience(lease?.signal);
  const logs = openStepLogs({
    store: world.store,
    clock: world.clock,
    run,
    ...(lease === undefined ? {} : { lease: lease.signal }),
  });
  try {
    // Nothing is done in a run that the audit chain does not know: without the entry the run is left, and can be
    // resumed.
    await trail.record({ what, run, ...audited(open.journal) }, patience);
    const stopped = await carryOut({ ...execution, logs, stop: stop.signal });
    if (stopped === undefined) {
      const last = lastEvent(runbook, open.state(), world.clock.now());
      const others = last.type === 'run-succeeded' ? await endDecided(execution, { trail, lease }) : [];
      await open.journal.append(last);
      const unwritten = [...others, ...(await logs.end(patience)), ...(await recordEnd(trail, open, patience))];
      return { ...outcomeOf(open.state(), runbook), ...(unwritten.length === 0 ? {} : { unwritten }) };
    }
    if (stopped.code === 'interrupted') {
      // Somebody waits for the prompt; a run that waits to be resumed is known as such without this entry, too.
      const entry = trail.record({ what: 'paused', run, ...audited(open.journal) }, { forMs: 5000 });
      await Promise.all([entry.catch(() => undefined), logs.end({ forMs: 0 })]);
    }
    return interruptedOutcome(open.state(), world.clock.now(), stopped);
  } catch (error) {
    // The store is gone or the run was taken over: what is durable can be resumed.
    return interruptedOutcome(open.state(), world.clock.now(), leaving(error, `Run ${run} was left`));
  } finally {
    interrupt?.removeEventListener('abort', onInterrupt);
    lease?.signal.removeEventListener('abort', onLost);
  }
}

/**
 * A run that ended is not undone by an audit chain that cannot be written: `cardea audit` finds the end that no entry
 * vouches for, and a resume, which has nothing else to do, records it.
 */
async function recordEnd(trail: AuditTrail, open: OpenRun, patience: Patience): Promise<readonly string[]> {
  const { run } = open.state();
  try {
    await trail.record({ what: 'ended', run, ...audited(open.journal) }, patience);
    return [];
  } catch (error) {
    const { happened } = leaving(error, 'Recording it');
    return [`The audit chain lacks the end of ${run}: ${happened} Record it later with \`cardea run resume ${run}\`.`];
  }
}

/**
 * Ends the runs that this one has decided, so that nobody waits for them. What they left is decided all the same where that cannot be written, or
 * where no trusted key vouches for a journal.
 */
async function endDecided(
  { world, runbook, params, services, open, epoch }: Omit<Execution, 'stop' | 'logs'>,
  { trail, lease }: { readonly trail: AuditTrail; readonly lease: Lease | undefined },
): Promise<readonly string[]> {
  const unwritten: string[] = [];
  const { run } = open.state();
  const failed = (what: string, error: unknown) => {
    lease?.signal.throwIfAborted();
    unwritten.push(`The journal of ${what}, which is decided, lacks its end: ${leaving(error, 'Ending it').happened}`);
  };
  let others: readonly string[] = [];
  try {
    others = (await runbook.ends?.({ run, params, services })) ?? [];
  } catch (error) {
    failed('a run', error);
  }
  for (const other of others) {
    try {
      const { state, journal, doubt } = await judgeRun(world, await readJournal(world.store, other));
      if (state.status !== 'running' || doubt !== undefined) continue;
      const end = openJournal({
        store: world.store,
        clock: world.clock,
        run: other,
        epoch: Math.max(epoch, state.epoch + 1),
        head: journal.head,
        observe: () => undefined,
        ...(world.signer === undefined ? {} : { signed: { signer: world.signer, keys: await keysOf(world) } }),
        ...(lease === undefined ? {} : { guard: async () => lease.confirm(), lease: lease.signal }),
      });
      await end.append({ type: 'cancel-requested', actor: world.actor });
      const seconds = (world.clock.now().getTime() - Date.parse(state.startedAt)) / 1000;
      await end.append({ type: 'run-cancelled', seconds });
      await trail.record({ what: 'ended', run: other, ...audited(end) }, storePatience(lease?.signal));
    } catch (error) {
      failed(other, error);
    }
  }
  return unwritten;
}

/**
 * Records the end of a run that has ended already. Nobody signs a journal that no trusted key vouches for, unless a person confirms it: from then
 * on this machine would vouch for it.
 */
async function recordFoundEnd(
  trail: AuditTrail,
  { journal, state, entry, doubt }: JudgedRun,
  confirmed: string | undefined,
): Promise<readonly string[]> {
  const { run, environment } = state;
  if (entry?.what === 'ended') return [];
  if (doubt === undefined || confirmed === environment) {
    await trail.record({ what: 'ended', run, ...audited(journal) });
    return [];
  }
  return [
    `The audit chain lacks the end of ${run}, and this machine cannot vouch for its journal: ${doubt}. If it ended so, record it with \`${resumeCommand(run, environment)}\`.`,
  ];
}

/**
 * Throws RefusedProblem `not-confirmed` when the wrong name was confirmed, or none where steps that destroy would be carried out from a journal
 * that no trusted key vouches for.
 */
function requireConfirmation(judged: JudgedRun, plan: Plan | undefined, confirmed: string | undefined): void {
  const { state } = judged;
  if (confirmed === state.environment) return;
  if (confirmed !== undefined) throw notConfirmed(state.runbook, state.environment, confirmed);
  const why = plan && wantsConfirmation(judged, plan);
  if (plan !== undefined && why !== undefined) throw notVouched(state, plan, why);
}

async function keysOf(world: EngineWorld): Promise<TrustedKeys> {
  return trustedKeys((await trustOf(world)).publicKeys);
}

interface Entering {
  readonly environment: string;
  readonly run: string;
  readonly copy: string | undefined;
  /** The highest epoch in the run's journal. */
  readonly seen?: number;
  readonly leaseFree: boolean;
  readonly signal: AbortSignal | undefined;
  /** Runs that are over with this one. */
  readonly decides?: () => Promise<readonly string[]>;
}

/**
 * Takes the lease of the environment or of the run's copy, once it is certain that the bucket is this environment's.
 * None for a run that only reads. The agents of a copy know no other epochs than those of its run.
 */
async function enter(
  world: EngineWorld,
  { environment, run, copy, seen = 0, leaseFree, signal, decides }: Entering,
): Promise<Lease | undefined> {
  const entered = await world.enter?.(environment);
  if (leaseFree) return undefined;
  const above = copy === undefined ? (entered?.highestEpoch ?? 0) : seen;
  return acquireLease(world, { environment, run, copy, above, ...(decides && { decides }), ...(signal && { signal }) });
}

async function withLease<T>(lease: Lease | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await lease?.release();
  }
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
): { runbook: Runbook; params: unknown; plan: Plan } {
  const found = find(state.runbook, state.runbookVersion);
  if (found === undefined) throw unknownRunbook(state);
  const runbook = untyped(found);
  const params = acceptedParams(runbook, state.params);
  const plan = planOf(runbook, params, state.environment);
  if (plan.hash !== state.planHash) throw planChanged(state);
  return { runbook, params, plan };
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
