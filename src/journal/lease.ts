import { farthestLeap, lastEpoch } from '../model/lease-epoch.ts';
import { asProblem, FailedProblem, RefusedProblem, RetryableProblem } from '../model/problem.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { Processes } from '../ports/processes.ts';
import { type Actor, isFinal } from './event.ts';
import { endsOfJournal, readJournal } from './journal-reader.ts';
import {
  leasedName,
  leaseNotUsable,
  type LeaseRecord,
  newestLease,
  putLease,
  replaceOwn,
  type StoredLease,
} from './lease-record.ts';
import { judgeRun, type TrustingWorld } from './vouching.ts';

export interface LeaseWorld extends TrustingWorld {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly processes: Processes;
  readonly actor: Actor;
  /** Told why it has to wait before it can begin. */
  readonly onWait?: (why: string) => void;
}

export interface LeaseRequest {
  readonly environment: string;
  readonly run: string;
  /** Asks for the copy of this name beside the environment, not for the environment. */
  readonly copy?: string | undefined;
  /** The highest epoch that is known from elsewhere, such as from agents: the lease's is higher. */
  readonly above?: number;
  /** Other runs that are over with this one: the lease that a dead process left to one of them need not run out. */
  readonly decides?: () => Promise<readonly string[]>;
  /** Ends the wait for a holder that may be gone. */
  readonly signal?: AbortSignal;
}

export interface Lease {
  readonly epoch: number;
  /**
   * Aborted with FailedProblem `fenced` once somebody else has the lease, or it is no longer certain that it is ours.
   */
  readonly signal: AbortSignal;
  /** Resolves while the lease is ours, renewing it first when it may have expired (a process that was paused); else throws `fenced`. */
  confirm(): Promise<void>;
  /** Ends the lease, so that the next run need not wait. If it was lost before, that is not an error. */
  release(): Promise<void>;
}

/** Milliseconds. Renewed three times as often; every two seconds while the store does not answer. */
export const leaseTtl = 30_000;

/** Milliseconds that a renewal gets at least, also when the lease has expired: nobody may have wanted it. */
const lastChance = 2000;

/** Milliseconds for which a lease is observed: a holder that could not renew it has stopped by then. */
const observation = leaseTtl + 2 * lastChance;

/** Milliseconds by which clocks differ in daily life. */
const believedSkew = 60_000;

/** Milliseconds for which a lease is tried for that others take first, or that a listing does not show yet. */
const unsettledFor = 60_000;

/** Milliseconds between two turns: the first, doubled up to the last. */
const [firstPause, longestPause] = [100, 5000];

/** How many ended leases are kept as a record. */
const keptLeases = 100;

/**
 * Takes the environment, or a copy beside it, for one run, with an epoch above that of every lease of it and above
 * `above`. A lease of a copy and one of the environment do not exclude each other. Throws RefusedProblem
 * `environment-busy` or `copy-busy` while another run holds it, `lease-not-usable` when the newest lease cannot be one,
 * `epochs-used-up`, and `lease-unsettled` when what the store lists and what it takes do not come together for a
 * minute. Rejects with the signal's reason. If the process that held it is known to be dead, the same run takes over its
 * own lease at once, so does a run that decides it, and any run does so if there is nothing left to resume.
 *
 * A process that takes over a lease first marks the old one as ended, on condition of its etag. So a take-over and a
 * renewal by a holder that is still alive cannot both succeed, whatever the clocks say. Nor do clocks decide whether a
 * holder is still alive: see `isGone`.
 */
export async function acquireLease(world: LeaseWorld, request: LeaseRequest): Promise<Lease> {
  const { store, clock, processes } = world;
  const { environment, run, copy, above = 0, signal } = request;
  const began = clock.monotonic();
  for (let turn = 0; ; turn += 1) {
    // Who was only slower than another sees that at once.
    if (turn > 1) {
      if ((clock.monotonic() - began) * 1000 >= unsettledFor) throw leaseUnsettled(request);
      await clock.sleep(Math.min(firstPause * 2 ** (turn - 2), longestPause), signal);
    }
    if (turn > 0) signal?.throwIfAborted();
    const newest = await newestLease(store, copy);
    if (newest !== undefined) requireUsable(newest, environment, above);
    const record = newest?.record;
    if (newest !== undefined && record !== undefined && record.ended === undefined) {
      await requireClaimable(world, request, newest);
      const ended = { at: clock.now().toISOString(), why: 'taken-over' as const };
      const marked = await putLease(store, { ...record, ended }, { ifMatch: newest.etag });
      if (marked === undefined) continue;
    }
    const epoch = Math.max(newest?.epoch ?? 0, above) + 1;
    if (epoch > lastEpoch) throw epochsUsedUp(environment, epoch);
    const now = clock.now();
    const own: LeaseRecord = {
      epoch,
      environment,
      ...(copy === undefined ? {} : { copy }),
      run,
      actor: world.actor,
      holder: processes.self,
      acquiredAt: now.toISOString(),
      renewedAt: now.toISOString(),
      expiresAt: new Date(now.getTime() + leaseTtl).toISOString(),
    };
    const etag = await putLease(store, own, { ifAbsent: true });
    if (etag === undefined) continue;
    await Promise.all((newest?.older ?? []).slice(0, -keptLeases).map(({ key }) => store.delete(key)));
    return holdLease(world, own, etag);
  }
}

/** Throws RefusedProblem `lease-not-usable` for one that no run can have held. Pure. */
export function requireUsable({ key, epoch, record, older }: StoredLease, environment: string, above: number): void {
  if (record === undefined) throw leaseNotUsable(environment, key, 'it is damaged, or Cardea did not write it');
  const before = Math.max(older.at(-1)?.epoch ?? 0, above);
  if (epoch - before <= farthestLeap) return;
  throw leaseNotUsable(environment, key, `its epoch is ${epoch - before} above the highest that is known (${before})`);
}

type HeldLease = StoredLease & { readonly record: LeaseRecord };

/**
 * Throws RefusedProblem `environment-busy` or `copy-busy` while somebody holds it. What is no lease is held by nobody.
 */
export async function requireClaimable(world: LeaseWorld, request: LeaseRequest, lease: StoredLease): Promise<void> {
  const { record } = lease;
  if (record !== undefined && record.ended === undefined) await requireFree(world, request, { ...lease, record });
}

async function requireFree(world: LeaseWorld, request: LeaseRequest, held: HeldLease): Promise<void> {
  const { store, clock, processes } = world;
  const { record } = held;
  const { run, decides } = request;
  const left = Date.parse(record.expiresAt) - clock.now().getTime();
  // No holder promises more than the ttl: what seems to hold longer was promised by another clock.
  const holds = left > 0 && left <= leaseTtl + believedSkew;
  if (processes.isAlive(record.holder) === false) {
    if (
      holds &&
      (await isOthersOpenRun(store, record.run, run)) &&
      (await decides?.())?.includes(record.run) !== true
    ) {
      throw inUse(record, run, await wayOn(world, record));
    }
    return;
  }
  if (holds) throw inUse(record, run, undefined);
  world.onWait?.(
    `The lease of run ${record.run} seems to have expired. For ${observation / 1000} s it is observed whether its process on ${record.holder.host} still renews it.`,
  );
  if (!(await isGone(world, held, request.signal))) throw inUse(record, run, undefined);
}

/**
 * Whether the lease stayed as it is for longer than it is good for, by this process's own monotonic clock. A holder that
 * lives renews it meanwhile or knows by its own clock that it has lost it. So clocks that differ cost a wait only.
 */
async function isGone({ store, clock }: LeaseWorld, held: HeldLease, signal?: AbortSignal): Promise<boolean> {
  const since = clock.monotonic();
  while ((clock.monotonic() - since) * 1000 < observation) {
    await clock.sleep(leaseTtl / 15, signal);
    const now = await newestLease(store, held.record.copy);
    if (now?.epoch !== held.epoch || now.etag !== held.etag)
      return now === undefined || now.record?.ended !== undefined;
  }
  return true;
}

function holdLease({ store, clock }: LeaseWorld, first: LeaseRecord, firstEtag: string): Lease {
  let record = first;
  let etag = firstEtag;
  let renewedAt = clock.monotonic();
  let over = false;
  const lost = new AbortController();
  const done = new AbortController();
  let queue: Promise<void> = Promise.resolve();

  // Both clocks are used: the monotonic clock stops while a laptop sleeps, and the wall clock may be set back.
  const expired = () =>
    clock.now().getTime() >= Date.parse(record.expiresAt) || (clock.monotonic() - renewedAt) * 1000 >= leaseTtl;

  const lose = (why: string, cause?: unknown) => {
    if (!lost.signal.aborted) lost.abort(leaseLost(record, why, cause));
    done.abort();
  };

  /** The puts without an answer since the last answered one: any of them may be in the store. */
  let unanswered: LeaseRecord[] = [];
  const write = async (wanted: LeaseRecord): Promise<void> => {
    const at = clock.monotonic();
    const earlier = unanswered;
    unanswered = [...earlier, wanted];
    const next = (await putLease(store, wanted, { ifMatch: etag })) ?? (await replaceOwn(store, earlier, wanted));
    unanswered = [];
    if (next === undefined) {
      lose('another process took it over');
      return;
    }
    etag = next;
    record = wanted;
    renewedAt = at;
  };

  /** A store that leaves a put without an answer must not keep the holder from knowing that its time is over. */
  const answered = async (putting: Promise<void>): Promise<void> => {
    const left = leaseTtl - (clock.monotonic() - renewedAt) * 1000;
    const known = new AbortController();
    const late = clock.sleep(Math.max(left, lastChance), known.signal).then(
      () => {
        throw noAnswer();
      },
      () => undefined,
    );
    try {
      await Promise.race([putting, late]);
    } finally {
      known.abort(new DOMException('answered', 'AbortError'));
      putting.catch(() => undefined);
      late.catch(() => undefined);
    }
  };

  const renewNow = async (): Promise<void> => {
    if (over || lost.signal.aborted) return;
    const now = clock.now();
    const wanted = {
      ...record,
      renewedAt: now.toISOString(),
      expiresAt: new Date(now.getTime() + leaseTtl).toISOString(),
    };
    try {
      await answered(write(wanted));
    } catch (error) {
      // The lease is ours until it expires, whatever the store says. If the store is full, the run's own writes will
      // say so.
      if (expired())
        lose(`it expired while it could not be renewed (${asProblem(error, 'Renewing it').happened})`, error);
    }
  };

  const renew = (): Promise<void> => {
    queue = queue.then(renewNow);
    return queue;
  };

  const keep = async (): Promise<void> => {
    for (;;) {
      try {
        await clock.sleep(unanswered.length === 0 ? leaseTtl / 3 : leaseTtl / 15, done.signal);
      } catch {
        return; // released or lost
      }
      await renew();
    }
  };
  void keep();

  return {
    epoch: first.epoch,
    signal: lost.signal,
    async confirm() {
      if (expired()) await renew();
      lost.signal.throwIfAborted();
    },
    async release() {
      done.abort();
      await queue;
      over = true;
      if (lost.signal.aborted) return;
      try {
        await write({ ...record, ended: { at: clock.now().toISOString(), why: 'released' } });
      } catch {
        // The store cannot be reached or is full. The lease expires by itself, and the caller must hear how the run
        // ended instead.
      }
    },
  };
}

/** Whether it is another run that can be resumed. A run that had not begun or had ended need not be waited for. */
async function isOthersOpenRun(store: ObjectStore, run: string, ours: string): Promise<boolean> {
  if (run === ours) return false;
  const last = (await endsOfJournal(store, run)).at(-1);
  return last !== undefined && !isFinal(last.event);
}

/** How the run of a dead process goes on from this machine. */
async function wayOn(world: LeaseWorld, { run, environment }: LeaseRecord): Promise<string> {
  try {
    const { doubt } = await judgeRun(world, await readJournal(world.store, run));
    return doubt === undefined
      ? `Continue its run with \`cardea run resume ${run}\``
      : `This machine cannot vouch for the journal of its run: ${doubt}. Continue it with \`cardea run resume ${run} --confirm ${environment}\``;
  } catch (error) {
    if (!(error instanceof RefusedProblem)) throw error;
    return `See \`cardea run show ${run}\``;
  }
}

/** `abandoned`: what to do about the run of a process that is dead; undefined while the process lives. */
function inUse(record: LeaseRecord, run: string, abandoned: string | undefined): RefusedProblem {
  const { host, pid } = record.holder;
  const until = abandoned === undefined ? 'but is renewed while that process runs' : 'and is held until then';
  return new RefusedProblem({
    code: record.copy === undefined ? 'environment-busy' : 'copy-busy',
    happened:
      record.run === run
        ? `Another process already executes run ${run}: ${record.actor.name} on ${host} (pid ${pid}) since ${record.acquiredAt}.`
        : `${capitalized(leasedName(record))} is in use by run ${record.run}: ${record.actor.name} on ${host} (pid ${pid}) since ${record.acquiredAt}.`,
    state: `Nothing was changed. The lease (epoch ${record.epoch}) expires at ${record.expiresAt}, ${until}.`,
    next:
      abandoned !== undefined
        ? `That process is dead. ${abandoned}, or try again after ${record.expiresAt}.`
        : `Wait for that run (\`cardea run show ${record.run} --follow\`), or stop it with \`cardea run cancel ${record.run}\`. If its host is gone, try again after ${record.expiresAt}.`,
  });
}

function leaseUnsettled(request: LeaseRequest): RefusedProblem {
  const { environment } = request;
  return new RefusedProblem({
    code: 'lease-unsettled',
    happened: `The lease of ${leasedName(request)} could not be taken in ${unsettledFor / 1000} s: the store lists other leases than those that it holds, or others took each one first.`,
    state: 'Nothing was changed.',
    next: `Try again. If it stays so, the store does not list what was written to it: cardea doctor ${environment}.`,
  });
}

function capitalized(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

function epochsUsedUp(environment: string, epoch: number): RefusedProblem {
  return new RefusedProblem({
    code: 'epochs-used-up',
    happened: `The next lease of ${environment} would have epoch ${epoch}, but an agent has already seen the highest that there can be. No honest run has brought it there.`,
    state: 'Nothing was changed.',
    next: `Change the agents' token if somebody else may know it. Then set the epoch back: cardea agents bind ${environment} --confirm ${environment}.`,
  });
}

function noAnswer(): RetryableProblem {
  return new RetryableProblem({
    code: 'store-unreachable',
    happened: 'The store did not answer in time.',
    state: 'It is not known whether the lease was renewed.',
    next: 'Check that the store answers.',
  });
}

function leaseLost(record: LeaseRecord, why: string, cause?: unknown): FailedProblem {
  return new FailedProblem({
    code: 'fenced',
    happened: `Run ${record.run} lost the lease of ${leasedName(record)} (epoch ${record.epoch}): ${why}.`,
    state: 'This process stopped and writes nothing more. The finished steps are in the journal.',
    next: `See \`cardea run show ${record.run}\`. If no other process continues the run, resume it with \`cardea run resume ${record.run}\`.`,
    cause,
  });
}
