import type { LoggedTable } from '../model/log-schema.ts';
import { FailedProblem } from '../model/problem.ts';
import { EntryCursor, sectionContent } from './entries.ts';
import { firstTableOf, partitionKeyOf } from './mutation-glance.ts';
import { readMutation } from './mutation-reader.ts';
import { rangesOf } from './mutation-meaning.ts';
import type { RangeBound, WriteTime } from './mutation.ts';
import { markerLength, wholeSections } from './section-chain.ts';
import { readSegmentHeader, refuseUnreadable, type SegmentHeader } from './segment-header.ts';
import { type Expiry, neverDeleted, type StoredRow, type StoredUpdate } from './stored-mutation.ts';
import { tableIndexOf } from './table-layout.ts';

/** An update of one partition of one table, as a line of `cardea log --json`. Keys and values in hex, `at` microseconds since 1970. */
export interface DumpedUpdate {
  /** Name of the file. */
  readonly segment: string;
  /** Where its entry begins and ends, in bytes; in a compressed segment as if it were not. Updates of one mutation have the same. */
  readonly offset: number;
  readonly end: number;
  /** Null where no schema tells. */
  readonly keyspace: string | null;
  readonly table: string | null;
  readonly tableId: string;
  readonly key: string;
  readonly operations: readonly DumpedOperation[];
  /** Why its operations, and further updates of the same mutation, are not told. */
  readonly unread?: string;
}

export interface DumpedOperation {
  readonly kind:
    | 'partition-deletion'
    | 'range-deletion'
    | 'row-deletion'
    | 'row'
    | 'cell'
    | 'cell-deletion'
    | 'collection-deletion';
  /** One value for each clustering column; absent for the partition and its static columns. */
  readonly clustering?: ReadonlyArray<string | null>;
  readonly column?: string;
  /** Of an element of a collection. */
  readonly path?: string;
  readonly at: string;
  readonly value?: string;
  /** Seconds since 1970. */
  readonly expiresAt?: number;
  /** Of a range: the values that bound it, fewer than there are clustering columns for a prefix, and whether it includes them. */
  readonly start?: DumpedBound;
  readonly stop?: DumpedBound;
}

interface DumpedBound {
  readonly clustering: ReadonlyArray<string | null>;
  readonly inclusive: boolean;
}

export interface DumpedSection {
  readonly from: number;
  readonly to: number;
  /** Bytes of what lies in it, not compressed. */
  readonly plain: number;
  /** The updates of each mutation, in order. */
  readonly mutations: ReadonlyArray<readonly DumpedUpdate[]>;
}

/**
 * What a segment file holds, section by section. `schema` are the tables by id that it may have been written under; of others only table and key
 * are told. Throws FailedProblem `log-damaged`, `log-version-unknown`, `log-encrypted`.
 */
export function* dumpSegment(
  bytes: Uint8Array,
  segment: string,
  schema: ReadonlyMap<string, LoggedTable>,
): Generator<DumpedSection, void> {
  const header = readSegmentHeader(bytes);
  refuseUnreadable(header);
  let plainAt = header.length;
  for (const { from, to } of wholeSections(bytes.subarray(header.length), header, header.length)) {
    const content = sectionContent(bytes.subarray(from, to), header);
    plainAt += markerLength;
    const mutations = [...mutationsOf(content, header, { segment, plainAt, schema })];
    yield { from, to, plain: content.length, mutations };
    plainAt += content.length;
  }
}

function* mutationsOf(
  content: Uint8Array,
  header: SegmentHeader,
  {
    segment,
    plainAt,
    schema,
  }: { readonly segment: string; readonly plainAt: number; readonly schema: ReadonlyMap<string, LoggedTable> },
): Generator<readonly DumpedUpdate[]> {
  const cursor = new EntryCursor(content, header.id);
  const tables = tableIndexOf(schema, header.version);
  while (cursor.next()) {
    const bytes = content.subarray(cursor.from, cursor.to);
    const place = { segment, offset: plainAt + cursor.start, end: plainAt + cursor.end };
    try {
      yield readMutation(bytes, tables).updates.map((update) => ({ ...place, ...toldUpdate(update) }));
    } catch (thrown) {
      if (!(thrown instanceof FailedProblem) || thrown.code !== 'log-table-unknown') throw thrown;
      const tableId = firstTableOf(bytes) ?? '';
      const known = schema.get(tableId);
      const names = { keyspace: known?.keyspace ?? null, table: known?.table ?? null, tableId };
      yield [{ ...place, ...names, key: hex(partitionKeyOf(bytes)), operations: [], unread: thrown.happened }];
    }
  }
}

/** What an update does. */
export function toldUpdate({ layout, key, body }: StoredUpdate): Omit<DumpedUpdate, 'segment' | 'offset' | 'end'> {
  const { keyspace, table, id } = layout.table;
  const rows = body?.items.filter((item) => item.kind === 'row') ?? [];
  const markers = body?.items.filter((item) => item.kind === 'marker') ?? [];
  const operations = [
    ...(body?.deletion === undefined ? [] : [{ kind: 'partition-deletion', at: text(body.deletion.at) } as const]),
    ...rangesOf(markers).map(
      ({ at, start, end }) =>
        ({ kind: 'range-deletion', at: text(at), start: toldBound(start), stop: toldBound(end) }) as const,
    ),
    ...(body?.staticRow === undefined ? [] : [...rowOperations(body.staticRow, {})]),
    ...rows.flatMap((row) => [...rowOperations(row, { clustering: row.clustering.map(hexOrNull) })]),
  ];
  return { keyspace, table, tableId: id, key: hex(key), operations };
}

function* rowOperations(row: StoredRow, place: Pick<DumpedOperation, 'clustering'>): Generator<DumpedOperation> {
  const { liveness, deletion, columns } = row;
  if (deletion !== undefined) yield { kind: 'row-deletion', ...place, at: text(deletion.at) };
  if (liveness !== undefined) yield { kind: 'row', ...place, at: text(liveness.at), ...expiring(liveness.expiry) };
  for (const { column, deletion: whole, cells } of columns) {
    const named = { ...place, column: column.name };
    if (whole !== undefined && whole.at !== neverDeleted) {
      yield { kind: 'collection-deletion', ...named, at: text(whole.at) };
    }
    for (const { at, deletedAt, expiry, path, value } of cells) {
      const cell = { ...named, ...(path === undefined ? {} : { path: hex(path) }), at: text(at) };
      if (deletedAt !== undefined) yield { kind: 'cell-deletion', ...cell };
      else yield { kind: 'cell', ...cell, value: hex(value), ...expiring(expiry) };
    }
  }
}

function toldBound({ values, inclusive }: RangeBound): DumpedBound {
  return { clustering: values.map(hexOrNull), inclusive };
}

function expiring(expiry: Expiry | undefined): { readonly expiresAt?: number } {
  return expiry === undefined ? {} : { expiresAt: expiry.localTime };
}

function text(at: WriteTime): string {
  return String(at);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

function hexOrNull(bytes: Uint8Array | undefined): string | null {
  return bytes === undefined ? null : hex(bytes);
}
