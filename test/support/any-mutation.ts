import * as fc from 'fast-check';
import type { LoggedTable } from '../../src/model/log-schema.ts';
import type { WriteTime } from '../../src/commitlog/mutation.ts';
import {
  boundKinds,
  type Deletion,
  neverDeleted,
  type StoredBody,
  type StoredCell,
  type StoredColumn,
  type StoredItem,
  type StoredMarker,
  type StoredMutation,
  type StoredRow,
  type StoredUpdate,
} from '../../src/commitlog/stored-mutation.ts';
import { type LaidColumn, TableLayout } from '../../src/commitlog/table-layout.ts';

/** Mutations that Cassandra could have written, of the tables below, with times around `around` and some far away. */
export function anyMutation(around: number): fc.Arbitrary<StoredMutation> {
  return fc
    .uniqueArray(fc.constantFrom(...layouts), { minLength: 1, maxLength: 3 })
    .chain((chosen) => fc.tuple(...chosen.map((layout) => anyUpdate(layout, around))))
    .map((updates) => ({ updates }));
}

const column = (name: string, kind: 'regular' | 'static' | 'clustering' | 'partition_key', type: string, at = -1) => ({
  name,
  kind,
  position: at,
  type,
  clusteringOrder: 'none' as const,
});

const everyColumn = [
  column('a', 'regular', 'int'),
  column('b', 'regular', 'text'),
  column('c', 'regular', 'uuid'),
  column('n', 'regular', 'vector<float, 3>'),
  column('l', 'regular', 'list<int>'),
  column('m', 'regular', 'map<text, bigint>'),
  column('u', 'regular', 'address'),
];

/** One with all kinds of columns, one with nothing but its key, one with more columns than fit into bits. */
export const tables: readonly LoggedTable[] = [
  {
    keyspace: 'kinds',
    table: 'every',
    id: '11111111-1111-4111-8111-111111111111',
    columns: [
      column('k', 'partition_key', 'text', 0),
      column('c1', 'clustering', 'text', 0),
      column('c2', 'clustering', 'bigint', 1),
      column('s', 'static', 'text'),
      column('sl', 'static', 'set<text>'),
      ...everyColumn,
    ],
    dropped: [{ name: 'gone', type: 'bigint', kind: 'regular' }],
  },
  {
    keyspace: 'kinds',
    table: 'bare',
    id: '22222222-2222-4222-8222-222222222222',
    columns: [column('k', 'partition_key', 'text', 0), column('v', 'regular', 'boolean')],
    dropped: [],
  },
  {
    keyspace: 'kinds',
    table: 'wide',
    id: '33333333-3333-4333-8333-333333333333',
    columns: [
      column('k', 'partition_key', 'text', 0),
      column('c', 'clustering', 'timestamp', 0),
      ...Array.from({ length: 70 }, (_, at) => column(`w${String(at).padStart(2, '0')}`, 'regular', 'text')),
    ],
    dropped: [],
  },
];

export const schemaOfTables = new Map(tables.map((table) => [table.id, table]));
const layouts = tables.map((table) => new TableLayout(table));

function laid(layout: TableLayout, kind: 'regular' | 'static'): LaidColumn[] {
  const names = layout.table.columns.filter((column) => column.kind === kind).map(({ name }) => name);
  if (kind === 'regular') names.push(...layout.table.dropped.map(({ name }) => name));
  const found = names
    .map((name) => layout.column(Buffer.from(name), 0, name.length))
    .filter((one) => one !== undefined);
  // Cassandra puts the simple ones first, each kind by name.
  return found.sort((a, b) => Number(a.multiCell) - Number(b.multiCell) || (a.name < b.name ? -1 : 1));
}

function anyTime(around: number): fc.Arbitrary<WriteTime> {
  return fc.oneof(
    { weight: 20, arbitrary: fc.integer({ min: around - 6, max: around + 6 }) },
    { weight: 1, arbitrary: fc.constantFrom<WriteTime[]>(1, -5, 2n ** 63n - 1n, -(2n ** 63n) + 1n, 2n ** 53n) },
  );
}

const anySeconds = fc.oneof(fc.integer({ min: 1_700_000_000, max: 1_800_000_000 }), fc.constant(0xffff_fffe - 2 ** 32));

function anyDeletion(around: number): fc.Arbitrary<Deletion> {
  return fc.record({ at: anyTime(around), localTime: anySeconds });
}

function anyUpdate(layout: TableLayout, around: number): fc.Arbitrary<StoredUpdate> {
  const body = anyBody(layout, around);
  return fc.record({
    layout: fc.constant(layout),
    key: fc.uint8Array({ maxLength: 20 }),
    body: fc.oneof({ weight: 15, arbitrary: body }, { weight: 1, arbitrary: fc.constant(undefined) }),
  });
}

function anyBody(layout: TableLayout, around: number): fc.Arbitrary<StoredBody> {
  const regular = laid(layout, 'regular');
  const fixed = laid(layout, 'static');
  const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 1 });
  const someOf = (all: readonly LaidColumn[]) => fc.subarray([...all], { minLength: 0, maxLength: all.length });
  return fc
    .record({ columns: fc.oneof(someOf(regular), fc.constant(regular)), staticColumns: someOf(fixed) })
    .chain(({ columns, staticColumns }) =>
      fc.record({
        base: fc.record({
          timestamp: fc.oneof(fc.constant(around - 6), anyTime(around)),
          localDeletionTime: anySeconds,
          ttl: fc.integer({ min: 0, max: 100 }),
        }),
        columns: fc.constant(columns),
        staticColumns: fc.constant(staticColumns),
        deletion: maybe(anyDeletion(around)),
        staticRow: fixed.length === 0 ? fc.constant(undefined) : maybe(anyRow(staticColumns, [], around)),
        items: anyItems(layout, columns, around),
      }),
    )
    .map(({ items, staticRow, staticColumns, ...body }) => ({
      ...body,
      items,
      staticRow,
      // Without a static row its columns are not written either.
      staticColumns: staticRow === undefined ? [] : staticColumns,
      rowEstimate: items.filter(({ kind }) => kind === 'row').length,
    }));
}

function anyItems(
  layout: TableLayout,
  columns: readonly LaidColumn[],
  around: number,
): fc.Arbitrary<readonly StoredItem[]> {
  const row = anyRow(columns, layout.clustering, around);
  if (layout.clustering.length === 0) return row.map((one) => [one]);
  const ranges = fc.array(anyRange(layout.clustering, around), { maxLength: 2 });
  return fc.tuple(fc.array(row, { maxLength: 3 }), ranges).map(([rows, ranges]) => [...ranges.flat(), ...rows]);
}

type Types = ReadonlyArray<number | undefined>;

function anyClustering(types: Types, least: number): fc.Arbitrary<ReadonlyArray<Uint8Array | undefined>> {
  return fc
    .tuple(
      fc.integer({ min: least, max: types.length }),
      fc.tuple(
        ...types.map((length) =>
          fc.oneof(
            { weight: 6, arbitrary: anyValue(length) },
            { weight: 1, arbitrary: fc.constantFrom(undefined, new Uint8Array(0)) },
          ),
        ),
      ),
    )
    .map(([count, values]) => values.slice(0, count));
}

/** A range alone, or two that meet. */
function anyRange(types: Types, around: number): fc.Arbitrary<readonly StoredMarker[]> {
  const { exclusiveEnd, inclusiveEnd, exclusiveStart, inclusiveStart } = boundKinds;
  const { exclusiveEndInclusiveStart, inclusiveEndExclusiveStart } = boundKinds;
  const marker = (
    bound: StoredMarker['bound'],
    values: StoredMarker['values'],
    ends?: Deletion,
    begins?: Deletion,
  ) => ({
    kind: 'marker' as const,
    bound,
    values,
    ends,
    begins,
  });
  const values = anyClustering(types, 0);
  return fc
    .record({
      starts: fc.constantFrom(exclusiveStart, inclusiveStart),
      meets: fc.option(fc.constantFrom(exclusiveEndInclusiveStart, inclusiveEndExclusiveStart), { nil: undefined }),
      ends: fc.constantFrom(exclusiveEnd, inclusiveEnd),
      first: anyDeletion(around),
      second: anyDeletion(around),
      values: fc.tuple(values, values, values),
    })
    .map(({ starts, meets, ends, first, second, values: [a, b, c] }) => {
      if (meets === undefined) return [marker(starts, a, undefined, first), marker(ends, c, first)];
      return [marker(starts, a, undefined, first), marker(meets, b, first, second), marker(ends, c, second)];
    });
}

function anyRow(columns: readonly LaidColumn[], types: Types, around: number): fc.Arbitrary<StoredRow> {
  const expiry = fc.option(fc.record({ ttl: fc.integer({ min: 1, max: 9999 }), localTime: anySeconds }), {
    nil: undefined,
  });
  const present: fc.Arbitrary<LaidColumn[]> = fc.oneof(
    fc.constant<LaidColumn[]>([...columns]),
    fc.subarray<LaidColumn>([...columns]),
  );
  return fc
    .record({
      clustering: anyClustering(types, types.length),
      liveness: fc.option(fc.record({ at: anyTime(around), expiry }), { nil: undefined }),
      deletion: fc.option(anyDeletion(around), { nil: undefined }),
      shadowable: fc.boolean(),
      columns: present.chain((chosen) => fc.tuple(...chosen.map((column) => anyColumn(column, around)))),
    })
    .map(({ shadowable, columns, ...row }) => ({
      kind: 'row',
      ...row,
      shadowable: shadowable && row.deletion !== undefined,
      columns: withDeletions(columns),
    }));
}

/** When one collection of a row is deleted, the others say that they are not. */
function withDeletions(columns: readonly StoredColumn[]): readonly StoredColumn[] {
  const any = columns.some(({ deletion }) => deletion !== undefined);
  if (!any) return columns;
  return columns.map((one) =>
    one.column.multiCell && one.deletion === undefined
      ? { ...one, deletion: { at: neverDeleted, localTime: -1 } }
      : one,
  );
}

function anyColumn(column: LaidColumn, around: number): fc.Arbitrary<StoredColumn> {
  const cell = anyCell(column, around);
  return fc.record({
    column: fc.constant(column),
    deletion: column.multiCell ? fc.option(anyDeletion(around), { nil: undefined, freq: 1 }) : fc.constant(undefined),
    cells: column.multiCell ? fc.array(cell, { minLength: 1, maxLength: 3 }) : cell.map((one) => [one]),
  });
}

function anyCell(column: LaidColumn, around: number): fc.Arbitrary<StoredCell> {
  const path = column.multiCell ? fc.uint8Array({ maxLength: 5 }) : fc.constant(undefined);
  const value = fc.oneof(anyValue(column.fixedLength), fc.constant(new Uint8Array(0)));
  const at = anyTime(around);
  const none = fc.constant(undefined);
  const expiry = fc.record({ ttl: fc.integer({ min: 1, max: 9999 }), localTime: anySeconds });
  return fc.oneof(
    fc.record({ at, path, value, deletedAt: none, expiry: none }),
    fc.record({ at, path, value, deletedAt: none, expiry }),
    fc.record({ at, path, value: fc.constant(new Uint8Array(0)), deletedAt: anySeconds, expiry: none }),
  );
}

function anyValue(fixedLength: number | undefined): fc.Arbitrary<Uint8Array> {
  return fixedLength === undefined
    ? fc.uint8Array({ minLength: 1, maxLength: 140 })
    : fc.uint8Array({ minLength: fixedLength, maxLength: fixedLength });
}
