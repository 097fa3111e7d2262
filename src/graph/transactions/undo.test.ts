import * as fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { grouped, writtenAt } from '../../../test/support/graph-changes.ts';
import { TableRows } from '../../../test/support/table-rows.ts';
import { micros } from '../../model/instant.ts';
import { readSchema, type GraphSchema } from '../schema.ts';
import { chooseGroups, parseGroups } from './chosen-groups.ts';
import { compensate, leftCells } from './compensation.ts';
import { ConflictScan } from './conflicts.ts';
import { parseGroupId } from './group-id.ts';
import type { TransactionGroup } from './group.ts';
import { reportOf } from './group-report.ts';
import { cellName } from './slot-cells.ts';
import type { StoredChange } from './stored-change.ts';

const rows = new TableRows();
let schema: GraphSchema;
let cells: StoredChange[];

beforeAll(async () => {
  schema = await readSchema(rows, 'janusgraph');
  cells = writtenAt(rows, schema, 1);
});

test('an id of a group names a time, one part of it, or all parts', () => {
  expect(parseGroupId('2026-11-24T09:10:18.123456Z')).toEqual({ slot: 1_795_511_418_123_457, part: undefined });
  expect(parseGroupId('2026-11-24T09:10:18.123457Z/2')).toEqual({ slot: 1_795_511_418_123_457, part: 2 });
  expect(parseGroupId('2026-11-24T09:10:18.123457Z/*')).toMatchObject({ part: 'all' });
  for (const bad of ['', 'x', '2026-11-24T09:10:18Z/0', '2026-11-24T09:10:18Z/1/2', '2026-11-24T09:10:18']) {
    expect(parseGroupId(bad)).toBeUndefined();
  }
  expect(() => parseGroups(['2026-11-24T09:10:18Z', 'that one'])).toThrow(
    expect.objectContaining({ code: 'bad-group', details: ['that one'] }),
  );
});

test('a time that several groups share is refused until it is said which are meant; some of them divide the slot', () => {
  const groups = grouped(schema, cells);
  const slots = new Map([[micros(1), groups]]);
  const choose = (part: number | 'all' | undefined) => chooseGroups([{ slot: micros(1), part }], slots);
  expect(() => choose(undefined)).toThrow(expect.objectContaining({ code: 'ambiguous-group', kind: 'refused' }));
  expect(() => choose(9)).toThrow(expect.objectContaining({ code: 'unknown-group' }));
  expect(choose('all')).toMatchObject({ groups, divided: [] });
  expect(choose(2)).toMatchObject({ groups: [groups[1]], divided: [1] });
});

test('a later transaction on the same cell, on a vertex that would go, or that removed one that is needed, is a conflict; another on the same vertex is not', () => {
  const all = grouped(schema, cells);
  const large = all.find((group) => group.vertices.size > 2) as TransactionGroup;
  const property = large.cells.find(({ touch }) => touch.kind === 'property') as TransactionGroup['cells'][number];
  const change = (at: number, { cell }: TransactionGroup['cells'][number], value = cell.value): StoredChange => ({
    ...cell,
    value,
    at,
    host: 'a',
  });
  const [bad] = grouped(schema, [change(101, property)]);
  const later = (changes: StoredChange[]) => {
    const scan = new ConflictScan([bad as TransactionGroup]);
    for (const group of grouped(schema, changes)) scan.add(group);
    return scan.report();
  };
  expect(later([change(201, property)])).toMatchObject({ conflictCount: 1, conflicts: [{ kind: 'cell' }] });
  const other = large.cells.find(
    ({ touch, name }) => touch.kind === 'property' && touch.vertex === property.touch.vertex && name !== property.name,
  ) as TransactionGroup['cells'][number];
  expect(later([change(201, other)])).toMatchObject({ conflictCount: 0, related: { count: 1 }, later: 1 });
  const existence = large.cells.find(({ touch }) => touch.kind === 'vertex' && touch.vertex === property.touch.vertex);
  if (existence === undefined) throw new TypeError('every vertex exists');
  const gone = { ...existence.cell, value: undefined, at: 200, host: 'a' };
  expect(later([gone])).toMatchObject({ conflictCount: 1, conflicts: [{ kind: 'depends' }] });
  const [made] = grouped(schema, [change(101, existence)]);
  const scan = new ConflictScan([made as TransactionGroup]);
  for (const group of grouped(schema, [change(201, property)])) scan.add(group);
  expect(scan.report()).toMatchObject({
    conflictCount: 1,
    conflicts: [{ kind: 'depends', why: expect.stringContaining('would remove') }],
  });
});

/** A history of transactions over a few cells: each writes or removes some, in slots of its own. */
const history = fc.array(
  fc.uniqueArray(fc.record({ cell: fc.nat(9), value: fc.option(fc.nat(3), { nil: undefined }) }), {
    selector: ({ cell }) => cell,
    minLength: 1,
    maxLength: 4,
  }),
  { minLength: 1, maxLength: 8 },
);

type State = Map<string, { value: Buffer; at: number }>;

test('where nothing conflicts, the compensating writes leave the state that the history without those transactions has', () => {
  let undone = 0;
  fc.assert(
    fc.property(history, fc.uniqueArray(fc.nat(7), { minLength: 1, maxLength: 3 }), (transactions, picks) => {
      const places = cells.filter(({ table }) => table === 'edgestore').slice(0, 10);
      const groups = transactions.map((writes, at) =>
        writes.map(({ cell, value }): StoredChange => {
          const slot = 101 + at * 2;
          const place = places[cell] as StoredChange;
          // Bytes that no longer fit the column are carried all the same.
          const bytes = Buffer.concat([Buffer.from(place.value ?? []), Buffer.alloc(value ?? 0)]);
          return value === undefined
            ? { ...place, value: undefined, at: slot - 1 }
            : { ...place, value: bytes, at: slot };
        }),
      );
      const wanted = new Set(picks.map((pick) => pick % groups.length));
      const bySlot = new Map(groups.map((changes, at) => [at, grouped(schema, changes)]));
      const chosenGroups = [...bySlot].flatMap(([at, found]) => (wanted.has(at) ? found : []));
      const first = Math.min(...wanted);
      const scan = new ConflictScan(chosenGroups);
      for (const [at, found] of bySlot) if (at >= first) for (const group of found) scan.add(group);
      if (scan.report().conflictCount > 0) return;
      undone += 1;
      const copy = stateAfter(groups.slice(0, first));
      const live = stateAfter(groups);
      const left = leftCells({ groups: chosenGroups, divided: [] });
      const bases = scan.bases();
      const made = compensate(
        left.cells,
        ({ name }) => (bases.has(name) ? bases.get(name) : copy.get(name)?.value),
        ({ name }) => live.get(name),
      );
      expect(made.changed).toEqual([]);
      for (const { table, key, column, value } of made.writes) {
        const name = cellName(table, key, column);
        if (value === undefined) live.delete(name);
        else live.set(name, { value, at: 999 });
      }
      expect(valuesOf(live)).toEqual(valuesOf(stateAfter(groups.filter((_, at) => !wanted.has(at)))));
    }),
    { numRuns: 300 },
  );
  expect(undone).toBeGreaterThan(50);
});

test('a cell that somebody wrote since, even with the same value, is named and nothing is decided for it', () => {
  const [group] = grouped(
    schema,
    cells.slice(0, 1).map((change) => ({ ...change, at: 101 })),
  );
  const left = leftCells({ groups: [group as TransactionGroup], divided: [] });
  const value = left.cells[0]?.cell.value as Buffer;
  expect(
    compensate(
      left.cells,
      () => undefined,
      () => ({ value, at: 301 }),
    ),
  ).toMatchObject({ writes: [], changed: [expect.stringContaining('was written again at')] });
  expect(
    compensate(
      left.cells,
      () => undefined,
      () => ({ value, at: 101 }),
    ),
  ).toMatchObject({ writes: [{ value: undefined }], changed: [] });
  expect(
    compensate(
      left.cells,
      () => value,
      () => ({ value, at: 301 }),
    ),
  ).toMatchObject({ writes: [], changed: [], unchanged: 1 });
});

test('a row that was removed at once is told as that, and is nothing that can be undone cell by cell', () => {
  const [cell] = cells.filter(({ table }) => table === 'edgestore');
  const row = { ...(cell as StoredChange), column: undefined, value: undefined, at: 100 };
  const [group] = grouped(schema, [row]) as [TransactionGroup];
  const vertex = schema.ids.fromKey(Buffer.from(row.key));
  expect([...group.vertices.keys()]).toEqual([schema.ids.canonical(vertex)]);
  expect(reportOf(schema, group)).toMatchObject({
    vertices: { removed: { count: 0 } },
    edges: { removed: { count: 0 } },
    findings: ['The whole row was removed at once.'],
  });
  expect(leftCells({ groups: [group], divided: [] })).toEqual({
    cells: [],
    undecided: [],
    rows: [`${group.id}: The whole row was removed at once.`],
  });
});

function stateAfter(transactions: readonly (readonly StoredChange[])[]): State {
  const state: State = new Map();
  for (const { table, key, column, value, at } of transactions.flat()) {
    const name = cellName(table, key, column);
    if (value === undefined) state.delete(name);
    else state.set(name, { value: Buffer.from(value), at });
  }
  return state;
}

function valuesOf(state: State): Map<string, string> {
  return new Map([...state].map(([name, { value }]): [string, string] => [name, value.toString('hex')]));
}
