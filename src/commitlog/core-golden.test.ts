import { describe, expect, test } from 'vitest';
import { coreGolden, type CoreSet, coreSets, type GoldenMutation } from '../../test/support/core-golden.ts';
import { inFull } from '../../test/support/in-full.ts';
import { canonicalJson } from '../model/canonical-json.ts';
import { micros } from '../model/instant.ts';
import { entriesOf } from './entries.ts';
import { type DumpedOperation, type DumpedUpdate, dumpSegment, toldUpdate } from './log-dump.ts';
import { MutationCut } from './mutation-cut.ts';
import { readMutation } from './mutation-reader.ts';
import { encodeMutation } from './mutation-writer.ts';
import { wholeSections } from './section-chain.ts';
import { readSegmentHeader } from './segment-header.ts';
import { isSystemKeyspace } from './system-tables.ts';
import { tableIndexOf } from './table-layout.ts';

const instants = inFull ? 200 : 40;

/** Every mutation of a segment, in order. */
function* mutationsIn(bytes: Uint8Array): Generator<Uint8Array> {
  const header = readSegmentHeader(bytes);
  for (const { from, to } of wholeSections(bytes.subarray(header.length), header, header.length)) {
    yield* entriesOf(bytes.subarray(from, to), header);
  }
}

function* pairsOf({ segments, expected }: CoreSet): Generator<{ bytes: Uint8Array; says: GoldenMutation }> {
  for (const [name, segment] of segments) {
    const mutations = [...mutationsIn(segment)];
    const said = expected.get(name) ?? [];
    expect(mutations).toHaveLength(said.length);
    for (const [at, says] of said.entries()) yield { bytes: mutations[at] ?? new Uint8Array(), says };
  }
}

describe.each(coreSets)('the log of HCD’s public core, %s', (name) => {
  const set = coreGolden(name);
  const dropped = new Map(
    [...set.schema].map(([id, { dropped: columns }]) => [id, new Set(columns.map((each) => each.name))]),
  );
  /** Without the cells of dropped columns, of which that reader says nothing. */
  const known = ({ tableId, operations }: Told): Told => ({
    tableId,
    operations: sorted(operations.filter(({ column = '' }) => dropped.get(tableId)?.has(column) !== true)),
  });

  test('every mutation means what the core’s own reader says', () => {
    for (const [file, segment] of set.segments) {
      const lines = [...dumpSegment(segment, file, set.schema)].flatMap(({ mutations }) => mutations);
      const said = set.expected.get(file) ?? [];
      expect(lines).toHaveLength(said.length);
      for (const [at, says] of said.entries()) {
        const updates = lines[at] ?? [];
        expect(updates.map(({ end }) => end)).toEqual(says.updates.map(() => says.entryEnd));
        const wanted = says.updates.map((update) => ({ tableId: update.id, operations: sorted(operationsOf(update)) }));
        expect(notEmpty(updates.map(known))).toEqual(notEmpty(wanted));
        expect(updates.map(namesOf).sort()).toEqual(
          says.updates.map(({ table, id }) => [says.keyspace, table, id, says.key].join(' ')).sort(),
        );
      }
    }
  });

  test('every mutation that is read is written again byte for byte', () => {
    for (const { bytes } of pairsOf(set)) {
      expect(Buffer.compare(encodeMutation(readMutation(bytes, tableIndexOf(set.schema, 100))), bytes)).toBe(0);
    }
  });

  test(`C3: cut at ${instants} instants it holds what was written by then, and nothing of the system keyspaces`, () => {
    const pairs = [...pairsOf(set)].map(({ bytes, says }) => ({
      bytes,
      isSystem: isSystemKeyspace(says.keyspace),
      all: says.updates.map((update) => ({ tableId: update.id, operations: sorted(operationsOf(update)) })),
    }));
    const times = pairs
      .flatMap(({ all }) => all.flatMap(({ operations }) => operations.map(({ at }) => Number(at))))
      .sort((a, b) => a - b);
    const index = tableIndexOf(set.schema, 100);
    for (let step = 0; step < instants; step += 1) {
      const lastKept = micros((times[Math.floor((step * times.length) / instants)] ?? 0) - (step % 2));
      const rule = { lastKept, exclusions: new Set<number>(), omitted: new Set<string>(), uncut: new Set<string>() };
      const cut = new MutationCut(set.schema, rule).of(100);
      const [kept, wanted]: [Told[][], Told[][]] = [[], []];
      for (const { bytes, isSystem, all } of pairs) {
        const left = cut.cut(bytes);
        kept.push(notEmpty(left === undefined ? [] : readMutation(left, index).updates.map(toldUpdate).map(known)));
        const before = all.map(({ tableId, operations }) => ({
          tableId,
          operations: operations.filter(({ at }) => Number(at) <= lastKept),
        }));
        wanted.push(isSystem ? [] : notEmpty(before));
      }
      expect(kept).toEqual(wanted);
    }
  });
});

function namesOf({ keyspace, table, tableId, key }: DumpedUpdate): string {
  return [keyspace, table, tableId, key].join(' ');
}

type Told = Pick<DumpedUpdate, 'tableId' | 'operations'>;

/** Updates of one mutation come in no order that the format sets. */
function notEmpty(updates: readonly Told[]): Told[] {
  return updates
    .filter(({ operations }) => operations.length > 0)
    .map(({ tableId, operations }) => ({ tableId, operations }))
    .sort((one, other) => (one.tableId < other.tableId ? -1 : 1));
}

function sorted(operations: readonly DumpedOperation[]): readonly DumpedOperation[] {
  return operations.toSorted((one, other) => (canonicalJson(one) < canonicalJson(other) ? -1 : 1));
}

function operationsOf(update: GoldenMutation['updates'][number]): DumpedOperation[] {
  const rows = [
    ...(update.staticRow === undefined ? [] : [{ row: update.staticRow, place: {} }]),
    ...update.rows.map((row) => ({ row, place: { clustering: row.clustering } })),
  ];
  return [
    ...(update.partitionDeletion === undefined
      ? []
      : [{ kind: 'partition-deletion', at: update.partitionDeletion.at } as const]),
    ...(update.rangeTombstones ?? []).map(
      ({ at, start, startInclusive, end, endInclusive }): DumpedOperation => ({
        kind: 'range-deletion',
        at,
        start: { clustering: start, inclusive: startInclusive },
        stop: { clustering: end, inclusive: endInclusive },
      }),
    ),
    ...rows.flatMap(({ row, place }): DumpedOperation[] => [
      ...(row.deletion === undefined ? [] : [{ kind: 'row-deletion', ...place, at: row.deletion.at } as const]),
      ...(row.liveness === undefined
        ? []
        : [{ kind: 'row', ...place, at: row.liveness.at, ...expiry(row.liveness.expiresAt) } as const]),
      ...(row.complexDeletions ?? []).map(
        ({ column, at }) => ({ kind: 'collection-deletion', ...place, column, at }) as const,
      ),
      ...row.cells.map(({ column, at, path, value = '', expiresAt, deletedLocalTime }): DumpedOperation => {
        const cell = { ...place, column, ...(path === undefined ? {} : { path }), at };
        return deletedLocalTime === undefined
          ? { kind: 'cell', ...cell, value, ...expiry(expiresAt) }
          : { kind: 'cell-deletion', ...cell };
      }),
    ]),
  ];
}

function expiry(expiresAt: number | undefined): { readonly expiresAt?: number } {
  return expiresAt === undefined ? {} : { expiresAt };
}
