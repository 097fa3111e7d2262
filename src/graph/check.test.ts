import { expect, test } from 'vitest';
import { TableRows } from '../../test/support/table-rows.ts';
import { FailedProblem } from '../model/problem.ts';
import type { Clock } from '../ports/clock.ts';
import type { GraphService } from '../ports/graph-service.ts';
import { checkGraph, type CheckOptions, type CheckResult } from './check.ts';
import { claimCell } from './id-claims.ts';
import { readSchema } from './schema.ts';
import { identityOf } from './invariants/finding.ts';

const noGraph: GraphService = {
  url: 'ws://nowhere/gremlin',
  submit: (script) =>
    Promise.reject(
      new FailedProblem({ code: 'test-graph', happened: `asked: ${script}`, state: 'In a test.', next: 'Mend it.' }),
    ),
  close: () => Promise.resolve(),
};

/** `meanwhile` happens between the pass and the second look. */
function check(
  database: TableRows,
  meanwhile: () => void = () => undefined,
  live = ['gh1'],
  more: Partial<CheckOptions> = {},
): Promise<CheckResult> {
  const clock: Clock = {
    now: () => new Date(0),
    monotonic: () => 0,
    sleep: () => {
      meanwhile();
      return Promise.resolve();
    },
  };
  return checkGraph({
    database,
    graph: noGraph,
    keyspace: 'janusgraph',
    indexBackend: undefined,
    clock,
    liveInstances: () => Promise.resolve(live),
    ...more,
  });
}

type Cell = [key: string, column: string, value: string];

function cellsOf(database: TableRows, table: string, wanted: (cell: Cell) => boolean): Cell[] {
  return [...(database.tables[table]?.values() ?? [])].filter(wanted);
}

function one(database: TableRows, table: string, wanted: (cell: Cell) => boolean): Cell {
  const [found] = cellsOf(database, table, wanted);
  if (found === undefined)
    throw new FailedProblem({ code: 'test', happened: 'No such cell.', state: 'In a test.', next: 'Mend it.' });
  return found;
}

// The row of the person "Bjørn Ærø €", vertex 4320, and the in-cell of the edge "transfer" 6687 in it.
const bjorn = 'e000000000000080';
const transferIn: (cell: Cell) => boolean = ([key, column]) =>
  key === bjorn && column.startsWith('7e81') && column.endsWith('341f');

test('a sound graph has no finding', async () => {
  expect(await check(new TableRows())).toMatchObject({ ok: true, findings: [], findingCount: 0, elements: 47 });
});

test('an edge that only one of its vertices has is found by its id', async () => {
  const database = new TableRows();
  const [key, column] = one(database, 'edgestore', transferIn);
  database.remove('edgestore', key, column);
  expect((await check(database)).findings).toMatchObject([
    {
      kind: 'one-sided-edge',
      element: 'edge 6687',
      detail:
        'The edge "transfer" from vertex 4344 to vertex 4320 is in the row of vertex 4344 but not in the row of vertex 4320.',
    },
  ]);
});

test('an edge whose ends carry different properties is found by its id', async () => {
  const database = new TableRows();
  const [key, column, value] = one(database, 'edgestore', transferIn);
  database.put('edgestore', key, column, value.replace('4008', '4009'));
  expect((await check(database)).findings).toMatchObject([{ kind: 'edge-ends-differ', element: 'edge 6687' }]);
});

test('an edge that appears at its other end before the second look is no finding', async () => {
  const database = new TableRows();
  const [key, column, value] = one(database, 'edgestore', transferIn);
  database.remove('edgestore', key, column);
  expect(await check(database, () => database.put('edgestore', key, column, value))).toMatchObject({ ok: true });
});

// Entry of index "byName" for "Anna", vertex 4344.
const anna: Cell = ['7a89a0416e6ee1', '0021f8', '21f8'];

test('an index entry that leads to a vertex without that value is found', async () => {
  const database = new TableRows();
  database.put('graphindex', anna[0].replace('416e6ee1', '456e6ee1'), anna[1], anna[2]);
  expect((await check(database)).findings).toMatchObject([
    {
      kind: 'ghost-index-entry',
      element: 'vertex 4344',
      detail: 'Index "byName" has "Enna" for vertex 4344, which does not have this value.',
    },
  ]);
});

test('an index entry that leads to no vertex at all is found', async () => {
  const database = new TableRows();
  database.put('graphindex', anna[0], '0022f8', '22f8');
  expect((await check(database)).findings).toMatchObject([
    { kind: 'ghost-index-entry', element: 'vertex 4472', detail: expect.stringContaining('does not exist') },
  ]);
});

test('an indexed value without its entry is found, and one that comes meanwhile is not', async () => {
  const database = new TableRows();
  database.remove('graphindex', anna[0], anna[1]);
  expect((await check(database)).findings).toMatchObject([
    { kind: 'missing-index-entry', element: 'vertex 4344', detail: 'Index "byName" lacks "Anna" of vertex 4344.' },
  ]);
  expect(await check(database, () => database.put('graphindex', ...anna))).toMatchObject({ ok: true });
});

test('entries of edges, of properties and of unique indexes are held to the same', async () => {
  const database = new TableRows();
  const edgeEntry = one(database, 'graphindex', ([key]) => key === '0100894023800000000000');
  const propertyEntry = one(database, 'graphindex', ([key]) => key.startsWith('010289'));
  const uniqueEntry = one(database, 'graphindex', ([key]) => key === '7c89a06140f9');
  for (const [key, column] of [edgeEntry, propertyEntry, uniqueEntry]) database.remove('graphindex', key, column);
  expect((await check(database)).findings.map(({ kind, element }) => `${kind} ${element}`)).toEqual([
    'missing-index-entry edge 6175',
    'missing-index-entry property 4127',
    'missing-index-entry vertex 4344',
  ]);
});

test('of two vertices with one value of a unique key the one without the entry is found', async () => {
  const database = new TableRows();
  // What "Anna", vertex 4344, has as her first mail address.
  const [, column, value] = one(database, 'edgestore', ([, stored]) => stored.includes('a06140f8'));
  database.put('edgestore', bjorn, column, value);
  expect((await check(database)).findings).toMatchObject([
    { kind: 'missing-index-entry', element: 'vertex 4320', detail: expect.stringContaining('"byEmail" lacks') },
  ]);
});

test('a value changed behind the index is one finding with both values', async () => {
  const database = new TableRows();
  const [key, column, value] = one(database, 'edgestore', ([, , stored]) => stored.startsWith('a0416e6ee1'));
  database.put('edgestore', key, column, value.replace('416e6ee1', '456e6ee1'));
  const { findings } = await check(database);
  const wrong = findings.find(({ kind }) => kind === 'wrong-index-value');
  expect(wrong).toMatchObject({
    element: 'vertex 4344',
    detail: 'Index "byName" has "Anna" for vertex 4344, which has "Enna".',
  });
  expect(new Set(findings.map(({ element }) => element))).toEqual(new Set(['vertex 4344']));
});

test('a cell of a type that the schema does not have is found by the vertex and the type', async () => {
  const database = new TableRows();
  database.put('edgestore', bjorn, '57f0', '00819c');
  expect((await check(database)).findings).toMatchObject([
    {
      kind: 'unknown-type',
      element: 'vertex 4320',
      detail: expect.stringMatching(/has the type id \d+, which is not in the schema/),
    },
  ]);
});

test('a cell whose bytes do not fit its type is found', async () => {
  const database = new TableRows();
  const [key, column] = one(database, 'edgestore', ([row, col]) => row === bjorn && col === '57e0');
  database.put('edgestore', key, column, 'a041');
  const { findings } = await check(database);
  expect(findings).toContainEqual(expect.objectContaining({ kind: 'damaged-row', element: 'vertex 4320' }));
});

test('remains of a vertex without the mark of existence are found', async () => {
  const database = new TableRows();
  database.remove('edgestore', bjorn, '02');
  const { findings } = await check(database);
  expect(findings).toContainEqual(expect.objectContaining({ kind: 'ghost-vertex', element: 'vertex 4320' }));
});

test('an instance that is registered but does not run is found', async () => {
  expect((await check(new TableRows(), undefined, [])).findings).toMatchObject([
    {
      kind: 'dead-instance',
      element: 'instance gh1',
      detail: 'Instance gh1 is registered as open but is not running: schema changes wait for it.',
    },
  ]);
});

test('an id beyond what was ever claimed is found', async () => {
  const database = new TableRows();
  // Every claim of vertex ids of partition 28, in which vertex 4320 is, is lost.
  const claims = cellsOf(database, 'janusgraph_ids', ([key]) => key === 'e000000000000000');
  for (const [key, column] of claims) database.remove('janusgraph_ids', key, column);
  expect((await check(database)).findings).toMatchObject([
    { kind: 'id-above-mark', element: 'vertex 4320', detail: expect.stringContaining('partition 28') },
  ]);
  const pool = { namespace: 'normal', partition: 28, tag: 0 } as const;
  const { key, column } = claimCell({ ...pool, next: '1001' }, 5, 0n, 'test');
  database.put('janusgraph_ids', key.toString('hex'), column.toString('hex'), '');
  expect(await check(database)).toMatchObject({ ok: true });
});

test('the same damage has the same identity, whenever it is seen, and other damage of the same element another', async () => {
  const identities = async (database: TableRows) => (await check(database)).all.map(identityOf);
  const database = new TableRows();
  database.remove('edgestore', bjorn, '02');
  const first = await identities(database);
  expect(first.length).toBeGreaterThan(0);
  expect(new Set(first).size).toBe(first.length);
  expect(await identities(database)).toEqual(first);
  // Another transaction wrote to the ghost.
  const [key, column] = one(database, 'edgestore', ([row, name]) => row === bjorn && name === '57e0');
  database.times.set(`${key} ${column}`, 2000n);
  const ghost = (list: readonly string[]) => list.find((each) => each.includes('ghost-vertex'));
  expect(ghost(await identities(database))).not.toBe(ghost(first));
});

test('what is known is listed apart with its reason, and does not make the graph unsound', async () => {
  const database = new TableRows();
  database.remove('graphindex', anna[0], anna[1]);
  const result = await check(database, undefined, undefined, {
    known: ({ finding }) => (finding.kind === 'missing-index-entry' ? 'recorded in a backup' : undefined),
  });
  expect(result).toMatchObject({ ok: true, findings: [], findingCount: 0, knownCount: 1 });
  expect(result.known).toMatchObject([{ element: 'vertex 4344', why: 'recorded in a backup' }]);
  expect(result.counts).toEqual({ 'missing-index-entry': 1 });
});

test('a key of a class of the user is carried: its values count in the fingerprint, all else is checked', async () => {
  const database = new TableRows();
  const before = await check(database);
  // The registration number of UUID, 21, becomes 142, in the definition of the key "uu".
  const schema = await readSchema(database, 'janusgraph');
  const id = [...schema.types.values()].find(({ name }) => name === 'uu')?.id ?? 0;
  const key = schema.ids.toKey(id).toString('hex');
  const [, column, value] = one(database, 'edgestore', ([row, , stored]) => row === key && /bc95/.test(stored));
  database.put('edgestore', key, column, value.replace('bc95', 'bc018e'));
  expect((await readSchema(database, 'janusgraph')).types.get(id)?.dataType).toBe('class of the user, number 42');
  const result = await check(database);
  expect(result).toMatchObject({ ok: true, findings: [], elements: before.elements });
  expect(result.carried).toEqual([{ what: 'values of "uu" (class of the user, number 42)', count: 1 }]);
  const [row, at, stored] = one(database, 'edgestore', ([, , one]) => one.includes('123456789abcdef08765'));
  database.put('edgestore', row, at, stored.replace('123456789abcdef08765', '123456789abcdef08766'));
  const changed = await check(database);
  expect(changed.fingerprint.propertyKeys).toEqual(result.fingerprint.propertyKeys);
  expect(changed.fingerprint.hash).not.toBe(result.fingerprint.hash);
  database.remove('graphindex', anna[0], anna[1]);
  expect((await check(database)).findings).toMatchObject([{ kind: 'missing-index-entry' }]);
});

test('a type whose row cannot be read is a finding, and so are its cells; everything else is checked', async () => {
  const database = new TableRows();
  const schema = await readSchema(database, 'janusgraph');
  const id = [...schema.types.values()].find(({ name }) => name === 'uu')?.id ?? 0;
  const key = schema.ids.toKey(id).toString('hex');
  const [, column, value] = one(database, 'edgestore', ([row, , stored]) => row === key && /bc95/.test(stored));
  // A class that JanusGraph never registered.
  database.put('edgestore', key, column, value.replace('bc95', 'bce0'));
  const { findings } = await check(database);
  expect(findings.map(({ kind, element }) => `${kind} ${element}`)).toEqual([
    `damaged-row vertex ${id}`,
    'unknown-type vertex 4224',
  ]);
});

test('rows of vertices whose ids are text are counted and named, a finding for each', async () => {
  const database = new TableRows();
  database.put('edgestore', Buffer.from('acc-1').toString('hex'), '02', '00018f80');
  database.put('edgestore', Buffer.from('acc-1').toString('hex'), '57e0', '00a0416e6ee1');
  const { findings, findingCount } = await check(database);
  expect(findings).toMatchObject([{ kind: 'text-vertex-id', element: 'row 6163632d31 "acc-1"' }]);
  expect(findingCount).toBe(1);
});

test('a claim of ids that cannot be read is a finding', async () => {
  const database = new TableRows();
  database.put('janusgraph_ids', '0102', '0304', '');
  expect((await check(database)).findings).toMatchObject([{ kind: 'damaged-row', element: 'id claim 0x0102' }]);
});

test('a graph that allows text as vertex ids is refused', async () => {
  const database = new TableRows();
  const setting = Buffer.from('graph.allow-custom-vid-types').toString('hex');
  database.put('system_properties', Buffer.from('configuration').toString('hex'), setting, '8f01');
  await expect(check(database)).rejects.toMatchObject({ kind: 'refused', code: 'graph-form-unsupported' });
});
