import type { Actor, RunEvent } from '../journal/event.ts';
import type { Progress } from '../model/progress.ts';
import type { TrustingWorld } from '../journal/vouching.ts';
import type { AuditSigner } from '../ports/audit-signer.ts';
import type { Clock, Ids } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { Processes } from '../ports/processes.ts';

/** What the engine needs from outside. `store` is the environment's bucket. */
export interface EngineWorld {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly processes: Processes;
  readonly actor: Actor;
  /**
   * Asked before a run writes anything: throws RefusedProblem when the bucket is not that of this environment. The
   * answer is the highest epoch that any agent that can be reached has seen; a new lease is above it.
   */
  readonly enter?: (environment: string) => Promise<{ readonly highestEpoch: number }>;
  /** Told why a run has to wait before it can begin. */
  readonly onWait?: (why: string) => void;
  /** Without one, runs leave no entry in the audit chain, and no journal is vouched for. */
  readonly signer?: Omit<AuditSigner, 'trust'> & NonNullable<TrustingWorld['signer']>;
  /** Called with every event of the run once it is durable, also with those of other processes. */
  readonly onEvent?: (event: RunEvent) => void;
  /** Called with every report of progress, at once; the journal holds only some of them. */
  readonly onProgress?: (step: string, progress: Progress) => void;
}
