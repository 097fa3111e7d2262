import { type CutRule, isKept } from './cut-rule.ts';
import {
  boundKinds,
  type Deletion,
  neverDeleted,
  type StoredBody,
  type StoredColumn,
  type StoredItem,
  type StoredMarker,
  type StoredMutation,
  type StoredRow,
  type StoredUpdate,
} from './stored-mutation.ts';
import type { TableLayout } from './table-layout.ts';

/** What happens to a table's updates: they are cut, kept whole, or left out. */
export type Treatment = 'cut' | 'uncut' | 'omitted';

/** The part of a mutation that comes back: the same object when that is all of it, undefined when it is nothing. */
export function cutDecoded(
  mutation: StoredMutation,
  rule: CutRule,
  treatmentOf: (layout: TableLayout) => Treatment,
): StoredMutation | undefined {
  const updates = keptOf(mutation.updates, (update) => {
    const treatment = treatmentOf(update.layout);
    if (treatment === 'cut') return cutUpdate(update, rule);
    return treatment === 'uncut' ? update : undefined;
  });
  if (updates === mutation.updates) return mutation;
  return updates.length === 0 ? undefined : { updates };
}

function cutUpdate(update: StoredUpdate, rule: CutRule): StoredUpdate | undefined {
  const { body } = update;
  if (body === undefined) return undefined;
  const deletion = cutDeletion(body.deletion, rule);
  const staticRow = body.staticRow === undefined ? undefined : cutRow(body.staticRow, rule);
  const items = keptOf(body.items, (item) => (item.kind === 'row' ? cutRow(item, rule) : cutMarker(item, rule)));
  if (deletion === undefined && staticRow === undefined && items.length === 0) return undefined;
  if (deletion === body.deletion && staticRow === body.staticRow && items === body.items) return update;
  const cut: StoredBody = {
    ...body,
    deletion,
    staticRow,
    items,
    rowEstimate: body.rowEstimate === undefined ? undefined : items.filter(isRow).length,
  };
  return { ...update, body: cut };
}

function cutDeletion(deletion: Deletion | undefined, rule: CutRule): Deletion | undefined {
  return deletion !== undefined && isKept(deletion.at, rule) ? deletion : undefined;
}

function cutRow(row: StoredRow, rule: CutRule): StoredRow | undefined {
  const liveness = row.liveness !== undefined && isKept(row.liveness.at, rule) ? row.liveness : undefined;
  const deletion = cutDeletion(row.deletion, rule);
  const columns = keptOf(row.columns, (column) => cutColumn(column, rule));
  if (liveness === undefined && deletion === undefined && columns.length === 0) return undefined;
  if (liveness === row.liveness && deletion === row.deletion && columns === row.columns) return row;
  return { ...row, liveness, deletion, columns, shadowable: row.shadowable && deletion !== undefined };
}

function cutColumn(whole: StoredColumn, rule: CutRule): StoredColumn | undefined {
  const cells = keptOf(whole.cells, (cell) => (isKept(cell.at, rule) ? cell : undefined));
  let { deletion } = whole;
  // Where another collection of the row is deleted, this one has to say that it is not.
  if (deletion !== undefined && !isKept(deletion.at, rule)) deletion = { at: neverDeleted, localTime: -1 };
  if (cells.length === 0 && (deletion === undefined || deletion.at === neverDeleted)) return undefined;
  if (cells === whole.cells && deletion === whole.deletion) return whole;
  return { ...whole, cells, deletion };
}

/** Of a place where one deleted range ends and another begins, either may remain alone. */
function cutMarker(marker: StoredMarker, rule: CutRule): StoredMarker | undefined {
  const ends = cutDeletion(marker.ends, rule);
  const begins = cutDeletion(marker.begins, rule);
  if (ends === marker.ends && begins === marker.begins) return marker;
  if (ends !== undefined) {
    const inclusive = marker.bound === boundKinds.inclusiveEndExclusiveStart;
    return { ...marker, begins, bound: inclusive ? boundKinds.inclusiveEnd : boundKinds.exclusiveEnd };
  }
  if (begins === undefined) return undefined;
  const inclusive = marker.bound === boundKinds.exclusiveEndInclusiveStart;
  return { ...marker, ends, bound: inclusive ? boundKinds.inclusiveStart : boundKinds.exclusiveStart };
}

function isRow(item: StoredItem): boolean {
  return item.kind === 'row';
}

/** What `keep` leaves of each; the same array when it leaves everything as it is. */
function keptOf<T>(all: readonly T[], keep: (one: T) => T | undefined): readonly T[] {
  let changed = false;
  const kept: T[] = [];
  for (const one of all) {
    const left = keep(one);
    if (left !== one) changed = true;
    if (left !== undefined) kept.push(left);
  }
  return changed ? kept : all;
}
