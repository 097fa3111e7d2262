import {
  acquireLease,
  type LeaseRequest,
  type LeaseWorld,
  requireClaimable,
  requireUsable,
} from '../../../journal/lease.ts';
import { leasedCopies, newestLease } from '../../../journal/lease-record.ts';
import type { BucketIdentity } from '../../../model/bucket-identity.ts';
import { farthestLeap } from '../../../model/lease-epoch.ts';
import { asProblem, FailedProblem, type Problem, RefusedProblem } from '../../../model/problem.ts';
import type { Ids } from '../../../ports/clock.ts';
import { createObject, type ObjectStore } from '../../../ports/object-store.ts';
import type { Platform } from '../../../ports/platform.ts';
import { newRunId } from '../../../runbook/run-id.ts';
import { askAgents, healthOf } from '../../runs/agents-of.ts';

export interface BoundAgents {
  readonly identity: BucketIdentity;
  readonly epoch: number;
  /** Leases that none can have held: where each lay. */
  readonly setAside: readonly string[];
  readonly agents: ReadonlyArray<{ readonly node: string; readonly problem: Problem | undefined }>;
}

type BindingPlatform = Pick<Platform, 'environment' | 'bucket' | 'nodes' | 'agent' | 'ensureAgents'>;

/**
 * Makes the bucket this environment's, and every agent that answers work for it, with one epoch. It holds the lease
 * meanwhile. Throws RefusedProblem `bucket-of-another-environment`, `environment-busy`. May be done again at any moment.
 */
export async function bindAgents(
  world: Omit<LeaseWorld, 'store'> & { readonly ids: Ids },
  platform: BindingPlatform,
  signal: AbortSignal,
): Promise<BoundAgents> {
  const { environment, bucket } = platform;
  const leaseWorld = { ...world, store: bucket };
  const identity = await bucket.claim();
  const setAside = await setAsideUnusable(leaseWorld, environment, signal);
  // Where none runs yet they are started; one that does not come up is named below.
  await platform.ensureAgents(signal).catch((thrown: unknown) => {
    signal.throwIfAborted();
    return thrown;
  });
  const seen = healthOf(await askAgents(platform)).map(({ highestEpoch }) => highestEpoch);
  const last = (await newestLease(bucket))?.epoch ?? 0;
  // What no honest run can have shown an agent does not count, so that it is set back.
  const above = Math.max(0, ...seen.filter((epoch) => epoch - last <= farthestLeap));
  const lease = await acquireLease(leaseWorld, { environment, run: newRunId('agents-bind', world), above, signal });
  try {
    const { epoch } = lease;
    const agents = await Promise.all(
      platform.nodes.map(async ({ name }) => {
        try {
          await platform.agent(name).bind({ id: identity.id, epoch });
          return { node: name, problem: undefined };
        } catch (thrown) {
          return { node: name, problem: asProblem(thrown, `Binding the agent of ${name}`) };
        }
      }),
    );
    return { identity, epoch, setAside, agents };
  } finally {
    await lease.release();
  }
}

/** They are kept under another name, for whoever wants to know where they came from. */
async function setAsideUnusable(world: LeaseWorld, environment: string, signal: AbortSignal): Promise<string[]> {
  const moved: string[] = [];
  for (const copy of [undefined, ...(await leasedCopies(world.store))]) {
    moved.push(...(await setAsideUnusableOf(world, { environment, copy, run: '', signal })));
  }
  return moved;
}

async function setAsideUnusableOf(world: LeaseWorld, request: LeaseRequest): Promise<string[]> {
  const { store } = world;
  const moved: string[] = [];
  for (;;) {
    const newest = await newestLease(store, request.copy);
    if (newest === undefined) return moved;
    try {
      requireUsable(newest, request.environment, 0);
      return moved;
    } catch (thrown) {
      if (asProblem(thrown, 'Judging a lease').code !== 'lease-not-usable') throw thrown;
    }
    // Somebody may hold it all the same.
    await requireClaimable(world, request, newest);
    await moveAside(store, newest.key);
    moved.push(newest.key);
  }
}

async function moveAside(store: ObjectStore, key: string): Promise<void> {
  const stored = await store.get(key);
  if (stored === undefined) return;
  const folder = 'leases/set-aside/';
  const name = key.slice('leases/'.length);
  if (!(await createObject(store, `${folder}${name}`, stored.body))) {
    await createObject(store, `${folder}${stored.modifiedAt.getTime()}-${name}`, stored.body);
  }
  await store.delete(key);
}

export function notConfirmed(environment: string, confirmed: string | undefined): RefusedProblem {
  return new RefusedProblem({
    code: 'not-confirmed',
    happened: `Binding the agents gives up what they know of another bucket of ${environment}, and ${confirmed === undefined ? 'it was not confirmed' : `"${confirmed}" was confirmed`}.`,
    state: 'Nothing was changed.',
    next: `See what they work for (\`cardea agents ${environment}\`), then repeat the command with \`--confirm ${environment}\`.`,
  });
}

export function notBound(environment: string, nodes: readonly string[]): FailedProblem {
  return new FailedProblem({
    code: 'agents-not-bound',
    happened: `${nodes.length === 1 ? 'One agent was' : `${nodes.length} agents were`} not bound: ${nodes.join(', ')}.`,
    state:
      'The bucket has its identity, and the other agents are bound. These do no work for this bucket until they are bound, too.',
    next: `When they answer (\`cardea agents ${environment}\`), bind them: cardea agents bind ${environment} --confirm ${environment}`,
  });
}
