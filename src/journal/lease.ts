import { asProblem, FailedProblem, RefusedProblem } from '../model/problem.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { Processes } from '../ports/processes.ts';
import { type Actor, isFinal } from './event.ts';
import { endsOfJournal, readJournal } from './journal-reader.ts';
import { claimOf, type LeaseRecord, newestLease, putLease, replaceOwn } from './lease-record.ts';
import { judgeRun, type TrustingWorld } from './vouching.ts';

export interface LeaseWorld extends TrustingWorld {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly processes: Processes;
  readonly actor: Actor;
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

/** How many ended leases are kept as a record. */
const keptLeases = 100;

/**
 * Takes the environment for one run. Throws RefusedProblem `environment-busy` while another run's lease has not
 * expired. If the process that held it is known to be dead, the same run takes over its own lease at once, and any run
 * does so if there is nothing left to resume.
 *
 * A process that takes over a lease first marks the old one as ended, on condition of its etag. So a take-over and a
 * renewal by a holder that is still alive cannot both succeed, whatever the clocks say.
 */
export async function acquireLease(
  world: LeaseWorld,
  request: { readonly environment: string; readonly run: string },
): Promise<Lease> {
  const { store, clock, processes } = world;
  for (;;) {
    const newest = await newestLease(store);
    if (newest !== undefined && newest.record.ended === undefined) {
      const claim = claimOf(newest.record, clock.now(), processes);
      if (
        claim === 'held' ||
        (claim === 'abandoned' && (await isOthersOpenRun(store, newest.record.run, request.run)))
      ) {
        throw environmentBusy(
          newest.record,
          request.run,
          claim === 'held' ? undefined : await wayOn(world, newest.record),
        );
      }
      const ended = { at: clock.now().toISOString(), why: 'taken-over' as const };
      const marked = await putLease(store, { ...newest.record, ended }, { ifMatch: newest.etag });
      if (marked === undefined) continue;
    }
    const now = clock.now();
    const record: LeaseRecord = {
      epoch: (newest?.record.epoch ?? 0) + 1,
      environment: request.environment,
      run: request.run,
      actor: world.actor,
      holder: processes.self,
      acquiredAt: now.toISOString(),
      renewedAt: now.toISOString(),
      expiresAt: new Date(now.getTime() + leaseTtl).toISOString(),
    };
    const etag = await putLease(store, record, { ifAbsent: true });
    if (etag === undefined) continue;
    await Promise.all((newest?.older ?? []).slice(0, -keptLeases).map((key) => store.delete(key)));
    return holdLease(world, record, etag);
  }
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

  const renewNow = async (): Promise<void> => {
    if (over || lost.signal.aborted) return;
    const now = clock.now();
    try {
      await write({
        ...record,
        renewedAt: now.toISOString(),
        expiresAt: new Date(now.getTime() + leaseTtl).toISOString(),
      });
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
function environmentBusy(record: LeaseRecord, run: string, abandoned: string | undefined): RefusedProblem {
  const { host, pid } = record.holder;
  const until = abandoned === undefined ? 'but is renewed while that process runs' : 'and is held until then';
  return new RefusedProblem({
    code: 'environment-busy',
    happened:
      record.run === run
        ? `Another process already executes run ${run}: ${record.actor.name} on ${host} (pid ${pid}) since ${record.acquiredAt}.`
        : `Environment ${record.environment} is in use by run ${record.run}: ${record.actor.name} on ${host} (pid ${pid}) since ${record.acquiredAt}.`,
    state: `Nothing was changed. The lease (epoch ${record.epoch}) expires at ${record.expiresAt}, ${until}.`,
    next:
      abandoned !== undefined
        ? `That process is dead. ${abandoned}, or try again after ${record.expiresAt}.`
        : `Wait for that run (\`cardea run show ${record.run} --follow\`), or stop it with \`cardea run cancel ${record.run}\`. If its host is gone, try again after ${record.expiresAt}.`,
  });
}

function leaseLost(record: LeaseRecord, why: string, cause?: unknown): FailedProblem {
  return new FailedProblem({
    code: 'fenced',
    happened: `Run ${record.run} lost the lease of environment ${record.environment} (epoch ${record.epoch}): ${why}.`,
    state: 'This process stopped and writes nothing more. The finished steps are in the journal.',
    next: `See \`cardea run show ${record.run}\`. If no other process continues the run, resume it with \`cardea run resume ${record.run}\`.`,
    cause,
  });
}
