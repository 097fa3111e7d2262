import type { WriteTime } from './mutation.ts';
import type { LaidColumn, TableLayout } from './table-layout.ts';

/**
 * A mutation exactly as it lies in the log: written again it gives the same bytes. The cut works on this form; what a mutation means is
 * told by `Mutation`. Byte arrays are views into what was read.
 */
export interface StoredMutation {
  readonly updates: readonly StoredUpdate[];
}

export interface StoredUpdate {
  readonly layout: TableLayout;
  readonly key: Uint8Array;
  /** Undefined for an update of nothing at all. */
  readonly body: StoredBody | undefined;
}

export interface StoredBody {
  /** What times are written relative to. Only how many bytes they take depends on it. */
  readonly base: TimeBase;
  /** Columns that the rows below may have, in the order of the log: simple ones first. */
  readonly staticColumns: readonly LaidColumn[];
  readonly columns: readonly LaidColumn[];
  readonly deletion: Deletion | undefined;
  readonly staticRow: StoredRow | undefined;
  /** How many rows follow; undefined when it was not written. */
  readonly rowEstimate: number | undefined;
  readonly items: readonly StoredItem[];
}

export interface TimeBase {
  readonly timestamp: WriteTime;
  readonly localDeletionTime: number;
  readonly ttl: number;
}

export type StoredItem = StoredRow | StoredMarker;

/** `localTime` is when the deletion was made, in seconds, by the clock of the node that took it; only garbage collection looks at it. */
export interface Deletion {
  readonly at: WriteTime;
  readonly localTime: number;
}

/** The write time that means "no deletion": if a row deletes one collection, its other columns have this time. */
export const neverDeleted = -(2n ** 63n);

export interface StoredRow {
  readonly kind: 'row';
  readonly clustering: ReadonlyArray<Uint8Array | undefined>;
  readonly liveness: Liveness | undefined;
  readonly deletion: Deletion | undefined;
  /** A deletion that only shadows what is older than it in the same row: what materialized views write. */
  readonly shadowable: boolean;
  /** The columns it has, in the header's order. */
  readonly columns: readonly StoredColumn[];
}

export interface Liveness {
  readonly at: WriteTime;
  readonly expiry: Expiry | undefined;
}

export interface Expiry {
  readonly ttl: number;
  /** Seconds since 1970. */
  readonly localTime: number;
}

export interface StoredColumn {
  readonly column: LaidColumn;
  /** Of the whole collection; there for all collections of a row or for none. */
  readonly deletion: Deletion | undefined;
  /** One for a simple column. */
  readonly cells: readonly StoredCell[];
}

export interface StoredCell {
  readonly at: WriteTime;
  /** Seconds when a tombstone was made. */
  readonly deletedAt: number | undefined;
  readonly expiry: Expiry | undefined;
  readonly path: Uint8Array | undefined;
  /** Empty for tombstones, and for values that are empty. */
  readonly value: Uint8Array;
}

/** Beginning or end of a range of clusterings that is deleted, or where one ends and another begins. */
export interface StoredMarker {
  readonly kind: 'marker';
  readonly bound: BoundKind;
  readonly values: ReadonlyArray<Uint8Array | undefined>;
  /** Of the range that ends here. */
  readonly ends: Deletion | undefined;
  /** Of the range that begins here. */
  readonly begins: Deletion | undefined;
}

/** By their numbers in the log; 3 and 4 stand for rows, 8 and 9 never lie in a log. */
export const boundKinds = {
  exclusiveEnd: 0,
  inclusiveStart: 1,
  exclusiveEndInclusiveStart: 2,
  inclusiveEndExclusiveStart: 5,
  inclusiveEnd: 6,
  exclusiveStart: 7,
} as const;
export type BoundKind = (typeof boundKinds)[keyof typeof boundKinds];
