import { writeClustering } from './clustering-values.ts';
import { writeSubset } from './column-subset.ts';
import { MutationWriter } from './mutation-bytes.ts';
import { cellFlags, epochMicros, epochSeconds, extendedFlags, itemFlags, partitionFlags } from './mutation-reader.ts';
import {
  type Deletion,
  type Expiry,
  neverDeleted,
  type StoredBody,
  type StoredCell,
  type StoredColumn,
  type StoredMarker,
  type StoredMutation,
  type StoredRow,
  type TimeBase,
} from './stored-mutation.ts';
import type { LaidColumn, TableLayout } from './table-layout.ts';

/** A stored mutation as bytes: the very bytes it was read from, when nothing of it was changed. */
export function encodeMutation({ updates }: StoredMutation): Uint8Array {
  const write = scratch.reset();
  write.count(updates.length);
  for (const { layout, key, body } of updates) {
    write.put(layout.id);
    write.sized(key);
    if (body === undefined) write.byte(partitionFlags.empty);
    else writeBody(write, layout, body);
  }
  return write.written();
}

/** Writing never waits for anything, so that one will do for all. */
const scratch = new MutationWriter();

function writeBody(write: MutationWriter, layout: TableLayout, body: StoredBody): void {
  const { base, deletion, staticRow, rowEstimate } = body;
  write.byte(
    flag(deletion !== undefined, partitionFlags.deletion) |
      flag(staticRow !== undefined, partitionFlags.staticRow) |
      flag(rowEstimate !== undefined, partitionFlags.rowEstimate),
  );
  write.writeTime(base.timestamp, epochMicros);
  write.seconds(base.localDeletionTime, epochSeconds);
  write.seconds(base.ttl, 0);
  if (staticRow !== undefined) writeColumns(write, body.staticColumns);
  writeColumns(write, body.columns);
  if (deletion !== undefined) writeDeletion(write, deletion, base);
  if (staticRow !== undefined) writeRow(write, layout, base, body.staticColumns, staticRow, true);
  if (rowEstimate !== undefined) write.count(rowEstimate);
  for (const item of body.items) {
    if (item.kind === 'row') writeRow(write, layout, base, body.columns, item, false);
    else writeMarker(write, layout, base, item);
  }
  write.byte(itemFlags.end);
}

function writeColumns(write: MutationWriter, columns: readonly LaidColumn[]): void {
  write.count(columns.length);
  for (const { nameBytes } of columns) write.sized(nameBytes);
}

function writeDeletion(write: MutationWriter, { at, localTime }: Deletion, base: TimeBase): void {
  write.writeTime(at, base.timestamp);
  write.seconds(localTime, base.localDeletionTime);
}

function writeRow(
  write: MutationWriter,
  layout: TableLayout,
  base: TimeBase,
  all: readonly LaidColumn[],
  row: StoredRow,
  isStatic: boolean,
): void {
  const { liveness, deletion, columns } = row;
  const hasAll = columns.length === all.length;
  const further = flag(isStatic, extendedFlags.static) | flag(row.shadowable, extendedFlags.shadowable);
  const deletesWholeColumn = columns.some(({ deletion }) => deletion !== undefined && deletion.at !== neverDeleted);
  write.byte(
    flag(liveness !== undefined, itemFlags.liveness) |
      flag(liveness?.expiry !== undefined, itemFlags.ttl) |
      flag(deletion !== undefined, itemFlags.deletion) |
      flag(deletesWholeColumn, itemFlags.complexDeletion) |
      flag(hasAll, itemFlags.allColumns) |
      flag(further !== 0, itemFlags.extended),
  );
  if (further !== 0) write.byte(further);
  if (!isStatic) writeClustering(write, layout.clustering, row.clustering);
  if (liveness !== undefined) {
    write.writeTime(liveness.at, base.timestamp);
    if (liveness.expiry !== undefined) {
      write.seconds(liveness.expiry.ttl, base.ttl);
      write.seconds(liveness.expiry.localTime, base.localDeletionTime);
    }
  }
  if (deletion !== undefined) writeDeletion(write, deletion, base);
  if (!hasAll) {
    writeSubset(
      write,
      columns.map(({ column }) => column),
      all,
    );
  }
  for (const column of columns) writeColumn(write, base, row, column, deletesWholeColumn);
}

function writeColumn(
  write: MutationWriter,
  base: TimeBase,
  row: StoredRow,
  { column, deletion, cells }: StoredColumn,
  withDeletion: boolean,
): void {
  if (column.multiCell) {
    if (withDeletion && deletion !== undefined) writeDeletion(write, deletion, base);
    write.count(cells.length);
  }
  for (const cell of cells) writeCell(write, base, row, column, cell);
}

function writeCell(
  write: MutationWriter,
  base: TimeBase,
  { liveness }: StoredRow,
  { fixedLength }: LaidColumn,
  { at, deletedAt, expiry, path, value }: StoredCell,
): void {
  const rowTime = liveness?.at === at;
  const rowExpiry = expiry !== undefined && sameExpiry(liveness?.expiry, expiry);
  write.byte(
    flag(deletedAt !== undefined, cellFlags.deleted) |
      flag(expiry !== undefined, cellFlags.expiring) |
      flag(value.length === 0, cellFlags.empty) |
      flag(rowTime, cellFlags.rowTime) |
      flag(rowExpiry, cellFlags.rowExpiry),
  );
  if (!rowTime) write.writeTime(at, base.timestamp);
  if (deletedAt !== undefined) write.seconds(deletedAt, base.localDeletionTime);
  if (expiry !== undefined && !rowExpiry) {
    write.seconds(expiry.localTime, base.localDeletionTime);
    write.seconds(expiry.ttl, base.ttl);
  }
  if (path !== undefined) write.sized(path);
  if (value.length > 0) write.value(value, fixedLength);
}

function writeMarker(
  write: MutationWriter,
  layout: TableLayout,
  base: TimeBase,
  { bound, values, ends, begins }: StoredMarker,
): void {
  write.byte(itemFlags.marker);
  write.byte(bound);
  write.uint16(values.length);
  writeClustering(write, layout.clustering, values);
  if (ends !== undefined) writeDeletion(write, ends, base);
  if (begins !== undefined) writeDeletion(write, begins, base);
}

function sameExpiry(a: Expiry | undefined, b: Expiry): boolean {
  return a !== undefined && a.ttl === b.ttl && a.localTime === b.localTime;
}

function flag(set: boolean, bit: number): number {
  return set ? bit : 0;
}
