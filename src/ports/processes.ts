import type { ProcessIdentity } from '../model/process-identity.ts';

/** This process and its neighbours. */
export interface Processes {
  readonly self: ProcessIdentity;
  /** Whether the process still runs; undefined when it belongs to another machine or container and cannot be seen from here. */
  isAlive(identity: ProcessIdentity): boolean | undefined;
}
