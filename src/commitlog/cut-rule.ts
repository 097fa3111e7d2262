import { commitSlot } from '../model/commit-slot.ts';
import { type Micros, micros } from '../model/instant.ts';
import type { WriteTime } from './mutation.ts';

/** What of a log comes back. */
export interface CutRule {
  /** Everything written at a later time goes: see `cutAfter` and `cutBefore`. */
  readonly lastKept: Micros;
  /** Commit slots (see `commitSlot`) of transactions that are left out. */
  readonly exclusions: ReadonlySet<number>;
  /** Ids (UUIDs with dashes) of tables that are kept whole, beyond the instant. */
  readonly uncut: ReadonlySet<string>;
  /** Ids of tables that are left out whole. Those of Cassandra itself always are. */
  readonly omitted: ReadonlySet<string>;
  /** Whether the node that will replay the log holds the serialized partition key; all keys when undefined. */
  readonly ownsToken?: (key: Uint8Array) => boolean;
}

/** Whether what was written at that time comes back. */
export function isKept(at: WriteTime, { lastKept, exclusions }: Pick<CutRule, 'lastKept' | 'exclusions'>): boolean {
  if (at > lastKept) return false;
  // Beyond the safe integers there is no transaction that anybody could have named.
  return exclusions.size === 0 || typeof at === 'bigint' || !exclusions.has(commitSlot(micros(at)));
}
