import type { LoggedTable } from '../model/log-schema.ts';
import type { Micros } from '../model/instant.ts';
import { FailedProblem } from '../model/problem.ts';
import { readClustering } from './clustering-values.ts';
import { readSubset } from './column-subset.ts';
import { meaningOf } from './mutation-meaning.ts';
import { MutationBytes, mutationDamaged } from './mutation-bytes.ts';
import type { Mutation } from './mutation.ts';
import { refuseUnreadable } from './segment-header.ts';
import {
  boundKinds,
  type BoundKind,
  type Deletion,
  type Expiry,
  type StoredBody,
  type StoredCell,
  type StoredColumn,
  type StoredItem,
  type StoredMarker,
  type StoredMutation,
  type StoredRow,
  type StoredUpdate,
  type TimeBase,
} from './stored-mutation.ts';
import { formatTableId, type LaidColumn, type TableIndex, tableIndexOf, type TableLayout } from './table-layout.ts';

/**
 * What a serialized mutation means. `schema` are the tables by id (UUID with dashes) that it may have been written under. Throws
 * FailedProblem `log-version-unknown`, `log-table-unknown` (also for a column that the schema lacks), or `log-damaged`.
 */
export function decodeMutation(bytes: Uint8Array, version: number, schema: ReadonlyMap<string, LoggedTable>): Mutation {
  refuseUnreadable({ version, encrypted: false });
  return meaningOf(readMutation(bytes, tableIndexOf(schema, version)));
}

/** The mutation as it is stored. All versions of the log that are read write it alike. Throws as `decodeMutation` does. */
export function readMutation(bytes: Uint8Array, tables: TableIndex): StoredMutation {
  const read = new MutationBytes(bytes);
  const updates: StoredUpdate[] = [];
  for (let left = read.count(); left > 0; left -= 1) updates.push(readUpdate(read, tables));
  if (!read.atEnd) throw mutationDamaged(`there are ${bytes.length - read.at} more bytes after its content`);
  return { updates };
}

/**
 * Whether all of a mutation was written later than `lastKept`, as far as that can be told without a schema: the earliest
 * time of an update stands before what needs one. Of several updates only the last may be one that no schema tells of.
 * Of the tables in `uncut` (ids with dashes) no time counts.
 */
export function isAllLater(
  bytes: Uint8Array,
  tables: TableIndex,
  { lastKept, uncut }: { readonly lastKept: Micros; readonly uncut?: ReadonlySet<string> },
): boolean {
  const read = new MutationBytes(bytes);
  for (let left = read.count(); left > 0; left -= 1) {
    const { at } = read;
    const id = read.take(16);
    if (uncut?.has(formatTableId(id)) === true) return false;
    read.sized();
    const flags = read.byte();
    if (flags !== partitionFlags.empty && read.writeTime(epochMicros) <= lastKept) return false;
    if (left === 1) return true;
    const known = new MutationBytes(bytes.subarray(at));
    try {
      readUpdate(known, tables);
    } catch (thrown) {
      if (thrown instanceof FailedProblem && thrown.code === 'log-table-unknown') return false;
      throw thrown;
    }
    read.take(at + known.at - read.at);
  }
  return true;
}

/** Flags of a partition. */
export const partitionFlags = { empty: 1, reversed: 2, deletion: 4, staticRow: 8, rowEstimate: 16 } as const;

/** Flags of a row or marker, and of the byte of further ones. */
export const itemFlags = {
  end: 1,
  marker: 2,
  liveness: 4,
  ttl: 8,
  deletion: 16,
  allColumns: 32,
  complexDeletion: 64,
  extended: 128,
} as const;
export const extendedFlags = { static: 1, shadowable: 2 } as const;

export const cellFlags = { deleted: 1, expiring: 2, empty: 4, rowTime: 8, rowExpiry: 16 } as const;

/** 22 September 2015, 00:00 UTC, from which Cassandra counts its times. */
export const epochSeconds = 1_442_880_000;
export const epochMicros = epochSeconds * 1_000_000;

function readUpdate(read: MutationBytes, tables: TableIndex): StoredUpdate {
  const id = read.take(16);
  const layout = tables.find(id, 0);
  if (layout === undefined) throw unknown(`table ${formatTableId(id)}`);
  const key = read.sized();
  const flags = read.byte();
  if (flags === partitionFlags.empty) return { layout, key, body: undefined };
  if ((flags & (partitionFlags.empty | partitionFlags.reversed)) !== 0)
    throw mutationDamaged('its flags are not valid');
  return { layout, key, body: readBody(read, layout, flags) };
}

function readBody(read: MutationBytes, layout: TableLayout, flags: number): StoredBody {
  const hasStatic = (flags & partitionFlags.staticRow) !== 0;
  const base = {
    timestamp: read.writeTime(epochMicros),
    localDeletionTime: read.seconds(epochSeconds),
    ttl: read.seconds(0),
  };
  const staticColumns = hasStatic ? readColumns(read, layout) : [];
  const columns = readColumns(read, layout);
  const deletion = (flags & partitionFlags.deletion) === 0 ? undefined : readDeletion(read, base);
  const staticRow = hasStatic ? readStaticRow(read, base, staticColumns) : undefined;
  const rowEstimate = (flags & partitionFlags.rowEstimate) === 0 ? undefined : read.count();
  const items: StoredItem[] = [];
  for (let item = read.byte(); (item & itemFlags.end) === 0; item = read.byte()) {
    const further = (item & itemFlags.extended) === 0 ? 0 : read.byte();
    if ((item & itemFlags.marker) !== 0) items.push(readMarker(read, layout, base));
    else {
      const clustering = readClustering(read, layout.clustering, layout.clustering.length);
      items.push(readRow(read, base, columns, clustering, item, further));
    }
  }
  return { base, staticColumns, columns, deletion, staticRow, rowEstimate, items };
}

function readColumns(read: MutationBytes, layout: TableLayout): LaidColumn[] {
  const columns: LaidColumn[] = [];
  for (let left = read.count(); left > 0; left -= 1) {
    const name = read.sized();
    const column = layout.column(name, 0, name.length);
    if (column === undefined) {
      const { keyspace, table } = layout.table;
      throw unknown(`column ${Buffer.from(name).toString('utf8')} of ${keyspace}.${table}`);
    }
    columns.push(column);
  }
  return columns;
}

function readDeletion(read: MutationBytes, base: TimeBase): Deletion {
  return { at: read.writeTime(base.timestamp), localTime: read.seconds(base.localDeletionTime) };
}

function readStaticRow(read: MutationBytes, base: TimeBase, columns: readonly LaidColumn[]): StoredRow {
  const flags = read.byte();
  const further = (flags & itemFlags.extended) === 0 ? 0 : read.byte();
  if ((further & extendedFlags.static) === 0) throw mutationDamaged('its static row is not marked as static');
  return readRow(read, base, columns, [], flags, further);
}

function readRow(
  read: MutationBytes,
  base: TimeBase,
  all: readonly LaidColumn[],
  clustering: StoredRow['clustering'],
  flags: number,
  further: number,
): StoredRow {
  let liveness: StoredRow['liveness'];
  if ((flags & itemFlags.liveness) !== 0) {
    const at = read.writeTime(base.timestamp);
    const expires = (flags & itemFlags.ttl) !== 0;
    // In a row the time to live comes before the expiry time, in a cell after it.
    const ttl = expires ? read.seconds(base.ttl) : 0;
    liveness = { at, expiry: expires ? { ttl, localTime: read.seconds(base.localDeletionTime) } : undefined };
  }
  const deletion = (flags & itemFlags.deletion) === 0 ? undefined : readDeletion(read, base);
  const present = (flags & itemFlags.allColumns) === 0 ? readSubset(read, all) : all;
  const withDeletion = (flags & itemFlags.complexDeletion) !== 0;
  const columns = present.map((column) => readColumn(read, base, column, withDeletion, liveness));
  const shadowable = (further & extendedFlags.shadowable) !== 0;
  return { kind: 'row', clustering, liveness, deletion, shadowable, columns };
}

function readColumn(
  read: MutationBytes,
  base: TimeBase,
  column: LaidColumn,
  withDeletion: boolean,
  liveness: StoredRow['liveness'],
): StoredColumn {
  if (!column.multiCell) return { column, deletion: undefined, cells: [readCell(read, base, column, liveness)] };
  const deletion = withDeletion ? readDeletion(read, base) : undefined;
  const cells: StoredCell[] = [];
  for (let left = read.count(); left > 0; left -= 1) cells.push(readCell(read, base, column, liveness));
  return { column, deletion, cells };
}

function readCell(
  read: MutationBytes,
  base: TimeBase,
  column: LaidColumn,
  liveness: StoredRow['liveness'],
): StoredCell {
  const flags = read.byte();
  const deleted = (flags & cellFlags.deleted) !== 0;
  const expiring = (flags & cellFlags.expiring) !== 0;
  const at = (flags & cellFlags.rowTime) === 0 ? read.writeTime(base.timestamp) : liveness?.at;
  if (at === undefined) throw mutationDamaged('a cell uses the time of its row, but the row has none');
  let expiry: Expiry | undefined;
  let deletedAt: number | undefined;
  if ((flags & cellFlags.rowExpiry) !== 0) {
    expiry = liveness?.expiry;
    if (expiry === undefined) throw mutationDamaged('a cell expires with its row, but the row does not expire');
  } else if (deleted || expiring) {
    const localTime = read.seconds(base.localDeletionTime);
    if (expiring) expiry = { localTime, ttl: read.seconds(base.ttl) };
    else deletedAt = localTime;
  }
  const path = column.multiCell ? read.sized() : undefined;
  const value = (flags & cellFlags.empty) === 0 ? read.value(column.fixedLength) : read.take(0);
  return { at, deletedAt, expiry, path, value };
}

const bounds: ReadonlySet<number> = new Set(Object.values(boundKinds));

function readMarker(read: MutationBytes, layout: TableLayout, base: TimeBase): StoredMarker {
  const kind = read.byte();
  if (!bounds.has(kind)) throw mutationDamaged(`its range has a bound of kind ${kind}`);
  const bound = kind as BoundKind;
  const values = readClustering(read, layout.clustering, read.uint16());
  const ends = isEnd(bound) ? readDeletion(read, base) : undefined;
  const begins = isStart(bound) ? readDeletion(read, base) : undefined;
  return { kind: 'marker', bound, values, ends, begins };
}

function isEnd(bound: BoundKind): boolean {
  return bound !== boundKinds.inclusiveStart && bound !== boundKinds.exclusiveStart;
}

function isStart(bound: BoundKind): boolean {
  return bound !== boundKinds.inclusiveEnd && bound !== boundKinds.exclusiveEnd;
}

function unknown(what: string): FailedProblem {
  return new FailedProblem({
    code: 'log-table-unknown',
    happened: `The commit log holds a write to ${what}, which is not in any shipped schema.`,
    state: 'No part of the log was cut or replayed.',
    next: 'Choose an instant before that write, or a restore point taken after it. `cardea window ENV` shows both.',
  });
}
