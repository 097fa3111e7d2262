import { asProblem, FailedProblem, RefusedProblem } from '../model/problem.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { Processes } from '../ports/processes.ts';
import { type Actor, isFinal } from './event.ts';
import { endsOfJournal } from './journal-reader.ts';
import { claimOf, type LeaseRecord, newestLease, putLease, replaceOwn } from './lease-record.ts';

export interface LeaseWorld {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly processes: Processes;
  readonly actor: Actor;
}

export interface Lease {
  readonly epoch: number;
  /** Aborted with FailedProblem `fenced` once the lease is somebody else's, or cannot be shown to be ours any more. */
  readonly signal: AbortSignal;
  /** Resolves while the lease is ours, renewing it first when it may have expired (a process that was paused); else throws `fenced`. */
  confirm(): Promise<void>;
  /** Ends the lease, so that the next run need not wait. Losing it before is no error. */
  release(): Promise<void>;
}

/** Milliseconds. Renewed three times as often; every two seconds while the store does not answer. */
export const leaseTtl = 30_000;

/** Leases that ended are kept for the record, this many. */
const keptLeases = 100;

/**
 * Takes the environment for one run. Throws RefusedProblem `environment-busy` while another run's lease has not expired. When the process
 * that held it is known to be dead, the same run takes its own over at once, and so does any run once there is nothing left to resume.
 *
 * Whoever takes a lease over first marks the old one ended, on condition of its etag: the renewal of a holder that is alive after all and the
 * take-over cannot both succeed, whatever the clocks say.
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
        throw environmentBusy(newest.record, request.run, claim);
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

  // Both clocks are asked: the monotonic one stands still while a laptop sleeps, the wall clock may be set back.
  const expired = () =>
    clock.now().getTime() >= Date.parse(record.expiresAt) || (clock.monotonic() - renewedAt) * 1000 >= leaseTtl;

  const lose = (why: string, cause?: unknown) => {
    if (!lost.signal.aborted) lost.abort(leaseLost(record, why, cause));
    done.abort();
  };

  /** What was put without an answer since the last answered put: one of these may be there. */
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
      // Ours until it expires, whatever the store says; a full one is named by what the run itself cannot write.
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
        // A store that cannot be reached, or is full: the lease expires by itself, and how the run ended is what the caller has to hear.
      }
    },
  };
}

/** Another run that can be resumed. One that had not begun, or had ended, leaves nothing to wait for. */
async function isOthersOpenRun(store: ObjectStore, run: string, ours: string): Promise<boolean> {
  if (run === ours) return false;
  const last = (await endsOfJournal(store, run)).at(-1);
  return last !== undefined && !isFinal(last.event);
}

function environmentBusy(record: LeaseRecord, run: string, claim: 'held' | 'abandoned'): RefusedProblem {
  const { host, pid } = record.holder;
  const until = claim === 'held' ? 'renewed while that process runs' : 'held until then';
  return new RefusedProblem({
    code: 'environment-busy',
    happened:
      record.run === run
        ? `Run ${run} is being carried out by another process: ${record.actor.name} on ${host} (pid ${pid}) since ${record.acquiredAt}.`
        : `Environment ${record.environment} is taken by run ${record.run}: ${record.actor.name} on ${host} (pid ${pid}) since ${record.acquiredAt}.`,
    state: `Nothing was changed. The lease (epoch ${record.epoch}) expires at ${record.expiresAt}, ${until}.`,
    next:
      claim === 'abandoned'
        ? `That process is dead. Carry its run on with \`cardea run resume ${record.run}\`, or try again after ${record.expiresAt}.`
        : `Wait for it (\`cardea run show ${record.run}\`), or stop it with \`cardea run cancel ${record.run}\`. If its host is gone, try again after ${record.expiresAt}.`,
  });
}

function leaseLost(record: LeaseRecord, why: string, cause?: unknown): FailedProblem {
  return new FailedProblem({
    code: 'fenced',
    happened: `Run ${record.run} lost the lease of environment ${record.environment} (epoch ${record.epoch}): ${why}.`,
    state: 'This process stopped and writes nothing more; what had finished is in the journal.',
    next: `See \`cardea run show ${record.run}\`: another process carries it on, or it can be resumed with \`cardea run resume ${record.run}\`.`,
    cause,
  });
}
