import { bucketId, requireOwner, type BucketOwner } from '../model/bucket-identity.ts';
import { documentType } from '../model/document.ts';
import { RefusedProblem, RetryableProblem } from '../model/problem.ts';
import { readIdentity } from '../ports/bucket-evidence.ts';
import type { Clock } from '../ports/clock.ts';
import type { BucketBinding, JobKind } from '../ports/node-agent.ts';
import type { NodeFiles } from '../ports/node-files.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { BucketPin, OwnBucket } from '../ports/own-bucket.ts';
import { objectPatience, patiently } from '../ports/patience.ts';

/** Which bucket an agent has used: `bucket.json` in its state directory. */
const pinDocument = documentType('agent-bucket', 1, { id: bucketId });

export interface StoredPin extends BucketPin {
  /** As it was loaded or saved last; null until then. */
  readonly known: string | null;
}

export function bucketPinIn(directory: string, files: NodeFiles, node: string): StoredPin {
  const file = `${directory}/bucket.json`;
  let known: string | null = null;
  return {
    who: `The agent of ${node} remembers`,
    get known() {
      return known;
    },
    async load() {
      const text = known === null ? await files.read(file) : undefined;
      if (text !== undefined) known = pinDocument.read(text, file).id;
      return known ?? undefined;
    },
    async save(id) {
      await files.writeWhole(file, pinDocument.write({ id }));
      known = id;
    },
  };
}

/** Jobs that touch the node alone. */
const withoutBucket: ReadonlySet<JobKind> = new Set<JobKind>([
  'clear-snapshot',
  'clear-stage',
  'check-aside',
  'look-aside',
  'mark-disk',
  'look-placed',
  'look-replayed',
  'note-drained',
  'set-aside',
  'accept-aside',
  'revert-aside',
]);

/**
 * Asked before each job. Throws RefusedProblem `bucket-of-another-environment` or `bucket-changed`. A store that cannot
 * be reached holds up only the jobs that need it: the way back must not depend on it.
 */
export function admission(bucket: OwnBucket, clock: Clock): (job: JobKind, signal: AbortSignal) => Promise<void> {
  return async (job, signal) => {
    if (!withoutBucket.has(job)) {
      await patiently(clock, { ...objectPatience, signal }, async () => bucket.look());
      return;
    }
    try {
      await bucket.look();
    } catch (thrown) {
      const unreachable = thrown instanceof RetryableProblem;
      const denied = thrown instanceof RefusedProblem && thrown.code === 'store-denied';
      if (!unreachable && !denied) throw thrown;
    }
  };
}

export interface Bound {
  /** As the agent was configured, without a look at what it remembers. */
  readonly bucket: ObjectStore;
  readonly owner: BucketOwner;
  readonly pin: BucketPin;
  readonly node: string;
  readonly jobs: { beginAt(epoch: number): Promise<void> };
  readonly shipping: { rebind(): Promise<void> } | undefined;
}

/** What a person ordered: from now on the agent works for this bucket. Idempotent. */
export async function bindAgent(agent: Bound, { id, epoch }: BucketBinding): Promise<void> {
  const { bucket, owner, pin, node } = agent;
  const identity = await readIdentity(bucket);
  if (identity !== undefined) requireOwner(bucket.description, identity, owner);
  if (identity?.id !== id) throw otherBucket(node, bucket.description, id, identity?.id);
  await pin.save(id);
  await agent.jobs.beginAt(epoch);
  await agent.shipping?.rebind();
}

function otherBucket(node: string, description: string, wanted: string, found: string | undefined): RefusedProblem {
  return new RefusedProblem({
    code: 'other-bucket',
    happened: `The agent of ${node} was to be bound to the bucket ${wanted}, but it was configured with ${description}, ${found === undefined ? 'which has no identity' : `which is the bucket ${found}`}.`,
    state: 'The agent was not changed.',
    next: 'Start the agent with the store that the configuration names now (in the sandbox: `cardea sandbox up`), then bind it again.',
  });
}
