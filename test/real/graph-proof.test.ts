import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { openDatabase } from '../../src/adapters/cassandra/database.ts';
import { openGraphService } from '../../src/adapters/janusgraph/graph-service.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { checkGraph, type CheckResult } from '../../src/graph/check.ts';
import { idText, VertexIds } from '../../src/graph/codec/element-id.ts';
import { readGlobalSettings } from '../../src/graph/global-settings.ts';
import { fingerprintGraph } from '../../src/graph/fingerprint.ts';
import { rebuildMixedIndexes } from '../../src/graph/indexes/rebuild-mixed-index.ts';
import { columnPrefix } from '../../src/graph/codec/relation.ts';
import { systemTypes } from '../../src/graph/codec/relation-type.ts';
import { knownFindings, recordFindings } from '../../src/runbooks/catalog/finding-catalog.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { cleanAfterRestore, readIdMark } from '../../src/graph/clean-after-restore.ts';
import { agentConfig } from '../../src/model/agent-config.ts';
import { FailedProblem } from '../../src/model/problem.ts';
import type { Database } from '../../src/ports/database.ts';
import type { GraphService } from '../../src/ports/graph-service.ts';
import { gremlinFingerprint } from '../support/gremlin-fingerprint.ts';

/** The graph room against a real JanusGraph on a real Cassandra: one node, in a home of its own. */
const checkout = join(import.meta.dirname, '../..');
const home = mkdtempSync(join(tmpdir(), 'cardea-graph-proof-'));
const cardea = (...args: string[]) =>
  execa(join(checkout, 'cardea'), args, { cwd: checkout, env: { CARDEA_HOME: home } });

const up = z.object({
  gremlin: z.string(),
  cassandra: z.array(z.string()),
  keyspace: z.string(),
  datacenter: z.string(),
});

let graph: GraphService;
let database: Database;
let keyspace: string;
const ids = new VertexIds(32);

beforeAll(async () => {
  const { stdout } = await cardea('sandbox', 'up', 'local', '--nodes', '1', '--json');
  const report = up.parse(JSON.parse(stdout));
  keyspace = report.keyspace;
  graph = openGraphService({ urls: [report.gremlin] });
  database = openDatabase({ contactPoints: report.cassandra, localDatacenter: report.datacenter });
  await graph.submit(schemaScript, {}, { timeoutMs: 120_000 });
  await graph.submit(dataScript, {}, { timeoutMs: 120_000 });
});

afterAll(async () => {
  await Promise.all([graph?.close(), database?.close()]);
  await cardea('sandbox', 'down', 'local', '--confirm', 'local', '--json');
  rmSync(home, { recursive: true, force: true });
});

const schemaScript = `
m = graph.openManagement()
make = { name, type, cardinality = Cardinality.SINGLE -> m.makePropertyKey(name).dataType(type).cardinality(cardinality).make() }
title = make('title', String); age = make('age', Integer); about = make('about', String)
email = make('email', String, Cardinality.SET); phone = make('phone', String, Cardinality.LIST)
since = make('since', Long); amount = make('amount', Double); score = make('score', Float); active = make('active', Boolean)
born = make('born', Date); token = make('token', UUID); at = make('at', java.time.Instant); grade = make('grade', Short); letter = make('letter', Character)
person = m.makeVertexLabel('person').make(); account = m.makeVertexLabel('account').make()
m.makeEdgeLabel('transfer').multiplicity(Multiplicity.MULTI).sortKey(since).sortOrder(org.janusgraph.graphdb.internal.Order.DESC).signature(amount).make()
m.makeEdgeLabel('owns').multiplicity(Multiplicity.ONE2MANY).make()
m.makeEdgeLabel('knows').multiplicity(Multiplicity.SIMPLE).make()
m.makeEdgeLabel('lives').multiplicity(Multiplicity.MANY2ONE).make()
m.makeEdgeLabel('spouse').multiplicity(Multiplicity.ONE2ONE).make()
m.makeEdgeLabel('tag').unidirected().make()
m.buildIndex('byTitle', Vertex.class).addKey(title).buildCompositeIndex()
m.buildIndex('byEmail', Vertex.class).addKey(email).unique().buildCompositeIndex()
m.buildIndex('byTitlePhone', Vertex.class).addKey(title).addKey(phone).indexOnly(person).buildCompositeIndex()
m.buildIndex('byAmount', org.apache.tinkerpop.gremlin.structure.Edge.class).addKey(amount).buildCompositeIndex()
spot = make('spot', Geoshape); m.buildIndex('spots', Vertex.class).addKey(spot).buildMixedIndex('search')
m.buildIndex('people', Vertex.class).addKey(about, Mapping.TEXT.asParameter()).addKey(age).addKey(title, Mapping.STRING.asParameter()).addKey(born).buildMixedIndex('search')
m.commit()
'made'
`;

const dataScript = `
random = new Random(7L)
people = []
(0..<120).each { i ->
  v = graph.addVertex(T.label, 'person', 'title', 'Person ' + i % 40, 'age', random.nextInt(100) - 5, 'about', 'Long Words ' + random.nextInt(9) + ' ø', 'born', new Date(1000000L * i - 5))
  v.property('email', 'p' + i + '@example.org'); v.property('email', 'q' + i + '@example.org')
  v.property('phone', '12', 'since', (long) -i); v.property('phone', '12'); v.property('phone', '3' + i, 'score', 1.1f, 'since', 3L)
  people << v
}
accounts = (0..<120).collect { i ->
  graph.addVertex(T.label, 'account', 'amount', i / 7d, 'score', (float) (i / 3), 'active', i % 2 == 0, 'token', new UUID(i, -i), 'at', java.time.Instant.ofEpochSecond(i, i), 'grade', (short) -i, 'letter', (char) (200 + i))
}
(0..<120).each { i ->
  people[i].addEdge('owns', accounts[i])
  people[i].addEdge('lives', accounts[i % 5], 'since', (long) i)
  people[i].addEdge('knows', people[(i + 1) % 120], 'score', 0.1f)
  people[i].addEdge('tag', accounts[(i * 7) % 120])
  if (i % 2 == 0) people[i].addEdge('spouse', people[i + 1])
  (0..<3).each { accounts[i].addEdge('transfer', accounts[random.nextInt(120)], 'since', (long) random.nextInt(1000), 'amount', random.nextDouble(), 'about', 'for ' + it) }
  accounts[i].addEdge('transfer', accounts[i])
}
graph.addVertex('title', 'no label')
graph.tx().commit()
'loaded'
`;

function check(): Promise<CheckResult> {
  return checkGraph({ database, graph, keyspace, indexBackend: 'search', clock: systemClock });
}

test('the fingerprint of the rows is that of the graph read through Gremlin', async () => {
  const rows = await fingerprintGraph(database, keyspace);
  expect(rows).toEqual(await gremlinFingerprint(graph));
  expect(rows).toMatchObject({ vertices: 241, edges: 1020 });
});

test('flush and compaction do not change the fingerprint', async () => {
  const before = await fingerprintGraph(database, keyspace);
  await graph.submit(`g.V().has('title', 'Person 3').property('age', 77).iterate(); graph.tx().commit()`);
  await nodetool('flush', keyspace);
  await graph.submit(`g.V().has('title', 'Person 3').each { it.property('about', 'else') }; graph.tx().commit()`);
  const changed = await fingerprintGraph(database, keyspace);
  expect(changed.hash).not.toBe(before.hash);
  await nodetool('flush', keyspace);
  await nodetool('compact', keyspace);
  expect(await fingerprintGraph(database, keyspace)).toEqual(changed);
});

test('C4: a sound graph passes every invariant, with the same fingerprint', async () => {
  const result = await check();
  expect(result).toMatchObject({ ok: true, findings: [], findingCount: 0 });
  expect(result.fingerprint).toEqual(await fingerprintGraph(database, keyspace));
});

test('a check while the graph is being changed reports nothing', async () => {
  const writing = new AbortController();
  const changes: number[] = [];
  const done = keepChanging(writing.signal, (change) => changes.push(change));
  const results: CheckResult[] = [];
  while (changes.length < 10 || results.length < 2) results.push(await check());
  writing.abort();
  await done;
  expect(results.flatMap(({ findings }) => findings)).toEqual([]);
  // The graph did change under the checks; between two of them there may have been no commit.
  expect(new Set(results.map(({ fingerprint }) => fingerprint.hash)).size).toBeGreaterThan(1);
});

test('a mixed index that lost its documents is found so, and rebuilt from the graph', async () => {
  const emptied = await graph.submit<number>(emptyScript);
  const { findings, findingCount } = await check();
  expect(findingCount).toBe(emptied[0]);
  expect(new Set(findings.map(({ kind }) => kind))).toEqual(new Set(['missing-document']));
  const rebuilt = await rebuildMixedIndexes({ database, graph, keyspace, backend: 'search', clock: systemClock });
  expect(rebuilt).toMatchObject({ indexes: ['people', 'spots'], passedOverCount: 0 });
  expect(await check()).toMatchObject({ ok: true });
});

test('a shape in an index of points has no document: it is no fault, and a rebuild passes over it by name', async () => {
  const [id] = await graph.submit<string | number>(`
    point = graph.addVertex('spot', Geoshape.point(1d, 2d)); graph.tx().commit()
    box = graph.addVertex('spot', Geoshape.box(1d, 2d, 3d, 4d)); graph.tx().commit()
    box.id()
  `);
  const element = `vertex ${id}`;
  const before = await check();
  expect(before).toMatchObject({ ok: true, knownCount: 1, known: [{ kind: 'missing-document', element }] });
  const rebuilt = await rebuildMixedIndexes({ database, graph, keyspace, backend: 'search', clock: systemClock });
  expect(rebuilt).toMatchObject({ passedOverCount: 1, passedOver: [{ index: 'spots', element }] });
  expect(await check()).toMatchObject({ ok: true, knownCount: 1 });
  await graph.submit('graph.vertices(gone).next().remove(); graph.tx().commit()', { gone: BigInt(id ?? 0) });
});

test('a ghost that a record holds is known, and one of another transaction is new', async () => {
  const [id] = await graph.submit<string | number>(`
    v = graph.addVertex(T.label, 'account', 'grade', (short) 4); graph.tx().commit(); v.id()
  `);
  const key = ids.toKey(Number(id));
  const exists = await cells('edgestore', (cell) => cell.key.equals(key) && cell.column.equals(Buffer.of(2)));
  await removeCell('edgestore', (cell) => cell.key.equals(key) && cell.column.equals(Buffer.of(2)));
  const found = await check();
  expect(found.findings).toMatchObject([{ kind: 'ghost-vertex', element: `vertex ${id}` }]);
  const bucket = new MemoryStore();
  await recordFindings(bucket, 'backup-20260219-020000', found, { at: new Date(0), first: true });
  const known = (await knownFindings(bucket)).judge;
  const options = { database, graph, keyspace, indexBackend: 'search', clock: systemClock, known };
  expect(await checkGraph(options)).toMatchObject({ ok: true, findings: [], knownCount: 1 });
  // Another transaction writes to it.
  const [property] = await cells('edgestore', (cell) => cell.key.equals(key) && (cell.column[0] ?? 0) >> 5 === 2);
  if (property === undefined) throw missing('a property of the ghost');
  await put('edgestore', property);
  expect((await checkGraph(options)).findings).toMatchObject([{ kind: 'ghost-vertex', element: `vertex ${id}` }]);
  for (const cell of exists) await put('edgestore', cell);
  expect(await check()).toMatchObject({ ok: true, knownCount: 0 });
});

test('what is planted in the rows and the index is found, each by name and id', async () => {
  const made = await graph.submit<Planted>(plantsScript);
  const planted = z.record(z.string(), z.coerce.number()).parse(made[0]);
  const of = (name: string): number => planted[name] ?? 0;

  // One-sided: the only edge cell in the row of the vertex at its head.
  await removeCell('edgestore', (cell) => cell.key.equals(ids.toKey(of('head'))) && (cell.column[0] ?? 0) >> 5 === 3);
  // Missing: the entry of its title, which no other vertex has.
  await removeCell('graphindex', (cell) => holds(cell.key, 'plant missin'));
  // Ghost: an entry put back after the vertex was removed.
  const [ghost] = await cells('graphindex', (cell) => holds(cell.key, 'plant ghos'));
  await graph.submit('graph.vertices(gone).next().remove(); graph.tx().commit()', { gone: BigInt(of('ghost')) });
  if (ghost !== undefined) await put('graphindex', ghost);
  // Wrong value: one letter of a stored title.
  const [wrong] = await cells('edgestore', (cell) => holds(cell.value, 'plant wron'));
  if (wrong !== undefined) {
    await put('edgestore', {
      ...wrong,
      value: Buffer.from(wrong.value.toString('latin1').replace('wron', 'wran'), 'latin1'),
    });
  }
  // Unknown type: a cell of a property key that nobody made.
  const [known] = systemTypes;
  if (known === undefined) throw missing('a type');
  const unknown = columnPrefix({ ...known, id: 99_999 * 64 + 5, system: false }, 'out');
  await put('edgestore', { key: ids.toKey(of('unknown')), column: unknown, value: Buffer.from('00819c', 'hex') });
  // Documents: one for a vertex that is gone, and one with an age that its vertex had before.
  await graph.submit(documentsScript, { stale: idText(of('ghost')), old: idText(of('old')) });
  // An instance that died, and a vertex whose number nobody ever claimed.
  const [instance] = await cells('system_properties', (cell) => holds(cell.column, 'startup-time'));
  if (instance === undefined) throw missing('a registration');
  await put('system_properties', { ...instance, column: Buffer.from('system-registration.long-gone.startup-time') });
  const [exists] = await cells('edgestore', (cell) => cell.column.equals(Buffer.of(2)));
  const above = (2 ** 40 * 32 + 3) * 8;
  if (exists !== undefined) await put('edgestore', { ...exists, key: ids.toKey(above) });

  const { findings } = await check();
  const named = findings.map(({ kind, element }) => `${kind}: ${element}`);
  expect(named.sort()).toEqual(
    [
      `one-sided-edge: edge ${of('edge')}`,
      `missing-index-entry: vertex ${of('missing')}`,
      `ghost-index-entry: vertex ${of('ghost')}`,
      `wrong-index-value: vertex ${of('wrong')}`,
      `document-differs: vertex ${of('wrong')}`,
      `unknown-type: vertex ${of('unknown')}`,
      `stale-document: vertex ${of('ghost')}`,
      `document-differs: vertex ${of('old')}`,
      'dead-instance: instance long-gone',
      `id-above-mark: vertex ${above}`,
    ].sort(),
  );
  expect(findings.find(({ element }) => element === `vertex ${of('old')}`)?.detail).toContain(
    'has age = 8 and lacks age = 9',
  );
});

test('after a restore no instance is registered, and no id is issued that was issued before', async () => {
  const { instances } = await readGlobalSettings(database, keyspace);
  expect(instances.length).toBeGreaterThan(0);
  const claimed = await readIdMark(database, keyspace);
  const mark = claimed.map((pool) => ({ ...pool, next: String(Number(pool.next) + 5_000_000) }));
  expect(await cleanAfterRestore({ database, keyspace, clock: systemClock, mark })).toMatchObject({
    instancesCleared: instances.length,
    idBlocksAdvanced: mark.length,
  });
  expect(await cleanAfterRestore({ database, keyspace, clock: systemClock, mark })).toEqual({
    instancesCleared: 0,
    locksCleared: 0,
    idBlocksAdvanced: 0,
  });
  const pool = mark.find(({ namespace }) => namespace === 'relation');
  if (pool === undefined) throw missing('a pool of relation ids');
  // The authority that instances ask for their blocks; the lowest four bits of an id are the instance's tag.
  const first = await graph.submit<number>(
    'graph.getBackend().getIDAuthority().getIDBlock(partition, 3, java.time.Duration.ofSeconds(60)).getId(0) >> 4',
    { partition: pool.partition },
  );
  expect(first[0]).toBe(Number(pool.next));
});

type Planted = Readonly<Record<string, unknown>>;

const plantsScript = `
vertex = { name, age -> graph.addVertex(T.label, 'person', 'title', 'plant ' + name, 'age', age) }
tail = vertex('tail', 1); head = vertex('head', 2)
edge = tail.addEdge('transfer', head, 'since', 1L)
made = [tail: tail, head: head, missing: vertex('missing', 3), ghost: vertex('ghost', 4), wrong: vertex('wrong', 5), unknown: vertex('unknown', 6), old: vertex('old', 9)]
graph.tx().commit()
found = made.collectEntries { name, v -> [name, v.id()] }
found.edge = edge.longId()
graph.tx().rollback()
[found]
`;

const documentsScript = `
import org.janusgraph.diskstorage.indexing.IndexEntry
tx = graph.newTransaction()
tx.getTxHandle().getIndexTransaction('search').restore([people: [
  (stale): [new IndexEntry('age', 4)],
  (old): [new IndexEntry('age', 8), new IndexEntry('title', 'plant old')],
]])
tx.rollback()
`;

const emptyScript = `
tx = graph.newTransaction()
names = g.V().hasLabel('person').id().toList().collect { Long.toString(it, 36) } + g.V().has('title', 'no label').id().toList().collect { Long.toString(it, 36) }
graph.tx().rollback()
tx.getTxHandle().getIndexTransaction('search').restore([people: names.collectEntries { [it, []] }])
tx.rollback()
names.size()
`;

/** Adds, updates and removes vertices, edges and properties, one transaction after the other. */
async function keepChanging(signal: AbortSignal, onChange: (change: number) => void): Promise<void> {
  for (let changes = 0; !signal.aborted; changes += 1) {
    await graph.submit(
      `
      v = graph.addVertex(T.label, 'person', 'title', 'Changing ' + n, 'age', n, 'about', 'moving'); v.property('email', 'c' + n + '@example.org')
      w = graph.addVertex(T.label, 'account', 'amount', (double) n)
      v.addEdge('owns', w); w.addEdge('transfer', w, 'amount', (double) n)
      graph.tx().commit()
      g.V().has('title', 'Changing ' + (n - 1)).each { it.property('age', 50); it.property('title', 'Changed ' + n) }
      g.V().has('title', 'Changed ' + (n - 2)).out('owns').drop().iterate()
      g.V().has('title', 'Changed ' + (n - 3)).drop().iterate()
      graph.tx().commit()
      `,
      { n: changes },
    );
    onChange(changes);
  }
}

interface Cell {
  readonly key: Buffer;
  readonly column: Buffer;
  readonly value: Buffer;
}

async function cells(table: string, wanted: (cell: Cell) => boolean): Promise<Cell[]> {
  const found: Cell[] = [];
  for await (const row of database.rows(`SELECT key, column1, value FROM "${keyspace}".${table}`)) {
    const cell = { key: row.key as Buffer, column: row.column1 as Buffer, value: row.value as Buffer };
    if (wanted(cell)) found.push(cell);
  }
  return found;
}

async function put(table: string, { key, column, value }: Cell): Promise<void> {
  await database.execute(`INSERT INTO "${keyspace}".${table} (key, column1, value) VALUES (?, ?, ?)`, [
    key,
    column,
    value,
  ]);
}

async function removeCell(table: string, wanted: (cell: Cell) => boolean): Promise<void> {
  const [cell, ...more] = await cells(table, wanted);
  if (cell === undefined || more.length > 0) throw missing(`the one cell of ${table}`);
  await database.execute(`DELETE FROM "${keyspace}".${table} WHERE key = ? AND column1 = ?`, [cell.key, cell.column]);
}

function holds(bytes: Buffer, text: string): boolean {
  return bytes.includes(Buffer.from(text, 'latin1'));
}

function missing(what: string): FailedProblem {
  return new FailedProblem({
    code: 'test',
    happened: `There is not ${what}.`,
    state: 'In a test.',
    next: 'Mend the test.',
  });
}

async function nodetool(...args: string[]): Promise<void> {
  const [file] = globSync(join(home, 'local', '**', 'agent*.json'));
  if (file === undefined) throw missing("the node agent's configuration");
  const config = agentConfig.parse(JSON.parse(readFileSync(file, 'utf8')));
  const [program = '', ...first] = config.cassandra.nodetool;
  await execa(program, [...first, ...args]);
}
