import type { LoggedTable } from '../model/log-schema.ts';

/**
 * A mutation of the commit log, decoded: what one node was told to apply to one partition key. Byte arrays are views into the entry they
 * were read from; whoever keeps one longer copies it.
 */
export interface Mutation {
  readonly updates: readonly PartitionUpdate[];
}

/**
 * Microseconds since 1970. A number where that is exact, a bigint for what a client wrote with `USING TIMESTAMP` beyond the safe integers.
 */
export type WriteTime = number | bigint;

export interface PartitionUpdate {
  readonly table: LoggedTable;
  /** Serialized partition key: the value itself, or the composite of several. */
  readonly key: Uint8Array;
  readonly partitionDeletion: WriteTime | undefined;
  readonly staticRow: Row | undefined;
  /** In clustering order. */
  readonly rows: readonly Row[];
  readonly rangeTombstones: readonly RangeTombstone[];
}

export interface Row {
  /** One value for each clustering column; undefined for a null, empty for an empty value. */
  readonly clustering: ReadonlyArray<Uint8Array | undefined>;
  /** Time of the row's own existence (INSERT); undefined for a plain UPDATE. */
  readonly liveness: WriteTime | undefined;
  readonly deletion: WriteTime | undefined;
  readonly cells: readonly Cell[];
  /** Deletions of whole collections. */
  readonly complexDeletions: ReadonlyArray<{ readonly column: string; readonly at: WriteTime }>;
}

export interface Cell {
  readonly column: string;
  readonly at: WriteTime;
  /** Undefined for a tombstone. */
  readonly value: Uint8Array | undefined;
  /** Seconds; undefined for a cell that does not expire. */
  readonly ttl: number | undefined;
  /** Of a collection's cell. */
  readonly path: Uint8Array | undefined;
}

/** A half-open or closed range of clusterings of one deletion. */
export interface RangeTombstone {
  readonly at: WriteTime;
  readonly start: RangeBound;
  readonly end: RangeBound;
}

export interface RangeBound {
  readonly values: ReadonlyArray<Uint8Array | undefined>;
  readonly inclusive: boolean;
}
