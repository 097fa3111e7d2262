import { mutationDamaged } from './mutation-bytes.ts';
import type { Cell, Mutation, PartitionUpdate, RangeBound, RangeTombstone, Row } from './mutation.ts';
import {
  boundKinds,
  type Deletion,
  neverDeleted,
  type StoredMarker,
  type StoredMutation,
  type StoredRow,
  type StoredUpdate,
} from './stored-mutation.ts';

/** What a stored mutation means. Throws FailedProblem `log-damaged` when a range that it deletes begins and does not end. */
export function meaningOf({ updates }: StoredMutation): Mutation {
  return { updates: updates.map(updateOf) };
}

function updateOf({ layout, key, body }: StoredUpdate): PartitionUpdate {
  const items = body?.items ?? [];
  return {
    table: layout.table,
    key,
    partitionDeletion: body?.deletion?.at,
    staticRow: body?.staticRow === undefined ? undefined : rowOf(body.staticRow),
    rows: items.filter((item) => item.kind === 'row').map(rowOf),
    rangeTombstones: rangesOf(items.filter((item) => item.kind === 'marker')),
  };
}

function rowOf({ clustering, liveness, deletion, columns }: StoredRow): Row {
  return {
    clustering,
    liveness: liveness?.at,
    deletion: deletion?.at,
    cells: columns.flatMap(({ column, cells }) =>
      cells.map(
        ({ at, deletedAt, expiry, path, value }): Cell => ({
          column: column.name,
          at,
          value: deletedAt === undefined ? value : undefined,
          ttl: expiry?.ttl,
          path,
        }),
      ),
    ),
    complexDeletions: columns.flatMap(({ column, deletion }) =>
      deletion === undefined || deletion.at === neverDeleted ? [] : [{ column: column.name, at: deletion.at }],
    ),
  };
}

/** Markers come in pairs, and one may end a range and begin the next. Throws FailedProblem `log-damaged` for what is no pair. */
export function rangesOf(markers: readonly StoredMarker[]): RangeTombstone[] {
  const ranges: RangeTombstone[] = [];
  let open: { start: RangeBound; deletion: Deletion } | undefined;
  for (const { bound, values, ends, begins } of markers) {
    const inclusive = bound === boundKinds.inclusiveStart || bound === boundKinds.inclusiveEnd;
    if (ends !== undefined) {
      if (open === undefined) throw mutationDamaged('a deleted range ends without a beginning');
      const ending = inclusive || bound === boundKinds.inclusiveEndExclusiveStart;
      ranges.push({ at: ends.at, start: open.start, end: { values, inclusive: ending } });
      open = undefined;
    }
    if (begins !== undefined) {
      if (open !== undefined) throw mutationDamaged('a deleted range begins inside another');
      const beginning = inclusive || bound === boundKinds.exclusiveEndInclusiveStart;
      open = { start: { values, inclusive: beginning }, deletion: begins };
    }
  }
  if (open !== undefined) throw mutationDamaged('a deleted range has no end');
  return ranges;
}
