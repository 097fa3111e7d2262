import * as fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { grouped, removedAt, writtenAt } from '../../../test/support/graph-changes.ts';
import { TableRows } from '../../../test/support/table-rows.ts';
import { readSchema, type GraphSchema } from '../schema.ts';
import { bareSchema } from '../schema-document.ts';
import { reportOf } from './group-report.ts';
import { cellName } from './slot-cells.ts';
import { reportSlot } from './slot-report.ts';
import type { StoredChange } from './stored-change.ts';
import { ShapeSample } from './vertex-shapes.ts';
import { incompleteSlots, isWhole, wholeness } from './wholeness.ts';

const rows = new TableRows();
let schema: GraphSchema;
let written: StoredChange[];

beforeAll(async () => {
  schema = await readSchema(rows, 'janusgraph');
  written = writtenAt(rows, schema, 1_000_001);
});

test('what hangs together is one group: vertices by their edges, index entries by what they lead to', () => {
  const groups = grouped(schema, written);
  expect(groups.map((group) => group.id)).toEqual([
    '1970-01-01T00:00:01.000001Z/1',
    '1970-01-01T00:00:01.000001Z/2',
    '1970-01-01T00:00:01.000001Z/3',
  ]);
  const [large, loop, alone] = groups.map((group) => reportOf(schema, group));
  expect(large).toMatchObject({
    vertices: { added: { count: 4, by: { account: 1, hub: 1, person: 2 } }, removed: { count: 0 } },
    edges: { added: { count: 11, by: { owns: 1, lives: 1, transfer: 5, knows: 2, spouse: 1, tag: 1 } } },
    whole: true,
  });
  expect(loop).toMatchObject({ vertices: { added: { ids: ['4296'] } }, edges: { added: { by: { transfer: 1 } } } });
  expect(alone).toMatchObject({ vertices: { added: { by: { frozen: 1 } } }, edges: { added: { count: 0 } } });
});

test('the numbers of the groups do not depend on the order in which the log was read', () => {
  const facts = grouped(schema, written).map((group) => [
    group.id,
    [...group.vertices.keys()].map(Number).sort((a, b) => a - b),
    group.cells.length,
  ]);
  fc.assert(
    fc.property(fc.shuffledSubarray(written, { minLength: written.length }), (shuffled) => {
      const again = grouped(schema, shuffled).map((group) => [
        group.id,
        [...group.vertices.keys()].map(Number).sort((a, b) => a - b),
        group.cells.length,
      ]);
      expect(again).toEqual(facts);
    }),
    { numRuns: 20 },
  );
});

test('the same mutation from the logs of several replicas is counted once, and names the hosts that have it', () => {
  const groups = grouped(schema, [...written, ...written.map((change) => ({ ...change, host: 'host-b' }))]);
  expect(groups.map((group) => group.cells.length)).toEqual(
    grouped(schema, written).map((group) => group.cells.length),
  );
  expect(groups[0]?.hosts).toEqual(['host-a', 'host-b']);
});

test('removals at the even and additions at the odd microsecond are one transaction; a read repair of several falls to each its own', () => {
  const some = written.slice(0, 6);
  const merged = [
    ...removedAt(some.slice(0, 3), 2_000_000),
    ...some.slice(3).map((change) => ({ ...change, at: 2_000_001 })),
    ...some,
  ];
  const slots = new Set(grouped(schema, merged).map((group) => group.slot));
  expect(slots).toEqual(new Set([1_000_001, 2_000_001]));
});

test('a dropped vertex is told with its edges and the entries it freed, though the log has no values; its label is the one that fits', () => {
  const sample = new ShapeSample();
  for (const group of grouped(schema, written)) sample.learn(group);
  const vertex = 4320;
  const group = grouped(schema, written).find((each) => each.vertices.has(vertex));
  const gone = (group?.cells ?? []).filter(
    ({ touch }) => touch.vertex === vertex || (touch.kind === 'edge' && touch.other === vertex),
  );
  const changes = gone.map(({ cell }) => ({
    ...cell,
    table: cell.table,
    value: undefined,
    at: 3_000_000,
    host: 'host-a',
  }));
  const found = grouped(schema, changes).filter((each) => each.vertices.has(vertex));
  expect(found).toHaveLength(1);
  const report = found[0] === undefined ? undefined : reportOf(schema, found[0], sample.shapes());
  expect(report?.vertices.removed).toMatchObject({ count: 1, by: { person: 1 }, ids: ['4320'] });
  const edges = [...(group?.edges.values() ?? [])].filter((edge) => edge.out === vertex || edge.in === vertex);
  expect(report?.edges.removed.count).toBe(edges.length);
});

test("without the end of an edge, an index entry or a vertex' existence a group is not whole, whichever cell is missing", () => {
  expect(grouped(schema, written).flatMap((group) => wholeness(schema, group))).toEqual([]);
  for (const { cell, touch } of grouped(schema, written).flatMap((group) => group.cells)) {
    const outOnly = touch.kind === 'edge' && schema.types.get(touch.type)?.outOnly === true;
    if (touch.kind === 'property' || touch.kind === 'label' || outOnly || (touch.kind === 'edge' && touch.repeats))
      continue;
    const name = cellName(cell.table, cell.key, cell.column);
    const less = written.filter((change) => cellName(change.table, change.key, change.column) !== name);
    const groups = grouped(schema, less);
    if (
      touch.kind === 'vertex' &&
      !groups.some((group) => group.cells.some(({ touch: one }) => one.kind === 'label' && one.vertex === touch.vertex))
    )
      continue;
    expect([touch.kind, groups.every((group) => isWhole(schema, group))]).toEqual([touch.kind, false]);
    expect(incompleteSlots(schema, groups)).toEqual(new Set([1_000_001]));
  }
});

test('several parts of one commit time are told together, with the id that names all of them', () => {
  const [first, ...more] = grouped(schema, written);
  const report = first === undefined ? undefined : reportSlot(schema, [first, ...more], []);
  expect(report).toMatchObject({
    id: '1970-01-01T00:00:01.000001Z/*',
    of: 3,
    vertices: { added: { count: 6 } },
    whole: true,
  });
  expect(report?.groups.map((group) => group.part)).toEqual([1, 2, 3]);
});

test('without a schema the same vertices are found, and ids stand for names', () => {
  const bare = { ...bareSchema(), ids: schema.ids };
  const vertices = grouped(bare, written).flatMap((group) =>
    [...group.vertices].filter(([, { state }]) => state === 'added'),
  );
  expect(vertices).toHaveLength(6);
  const large = grouped(bare, written).find((group) => group.vertices.size > 2);
  const keys = large === undefined ? [] : Object.keys(reportOf(bare, large).properties.added.by);
  expect(keys.length).toBeGreaterThan(10);
  for (const key of keys) expect(key).toMatch(/^type \d+$/);
});
