import { commitSlot } from '../../model/commit-slot.ts';
import { type Micros, micros } from '../../model/instant.ts';

/** One cell as the commit log says it was written or removed: what the graph's two tables consist of. */
export interface StoredChange {
  /** Within the graph's keyspace: `edgestore`, `graphindex`, or another one, which is only counted. */
  readonly table: string;
  readonly key: Uint8Array;
  /** Undefined where a whole partition, or a range of it, was removed at once; JanusGraph itself removes cell by cell. */
  readonly column: Uint8Array | undefined;
  /** Undefined for a removal: the log then says only where the cell was. */
  readonly value: Uint8Array | undefined;
  /** Write time, microseconds. */
  readonly at: number;
  /** Host id of the node whose log it stands in. */
  readonly host: string;
}

/** The slot of the transaction that made this change. */
export function slotOf(change: Pick<StoredChange, 'at'>): Micros {
  return commitSlot(micros(change.at));
}

/** Whether the graph's own transactions write to this table: all else has times of its own (locks, claims of ids, messages). */
export function isGraphTable(table: string): table is 'edgestore' | 'graphindex' {
  return table === 'edgestore' || table === 'graphindex';
}
