import { systemClock } from '../src/adapters/system/clock.ts';
import { checkGraph } from '../src/graph/check.ts';
import {
  edgeTextSeenFrom,
  FingerprintSum,
  fingerprintGraph,
  isOfUsers,
  isVertexOfUsers,
} from '../src/graph/fingerprint.ts';
import { RowWalk, rowsOfPart, tokenParts } from '../src/graph/scan.ts';
import { readSchema, type GraphSchema } from '../src/graph/schema.ts';
import type { Database } from '../src/ports/database.ts';
import { bankOf, demoScale } from '../src/sample/bank.ts';
import { loadBank } from '../src/sample/loader.ts';
import { createSchema } from '../src/sample/schema.ts';
import { withOneNode } from './one-node.ts';
import { comparedSeries, interleave, median, secondsOf } from './rounds.ts';
import type { BenchRow } from './row.ts';

const times = 5;

/** The demo's bank on one node of its own: reading its rows, fingerprinting and checking it, in elements (vertices, edges, properties) per second. */
export async function benchCheck(): Promise<BenchRow[]> {
  return withOneNode(async ({ platform }) => {
    const { graph, database, keyspace } = platform;
    await createSchema(graph, 'search');
    await loadBank(graph, bankOf(demoScale));
    const { vertices, edges, properties } = await fingerprintGraph(database, keyspace);
    const elements = vertices + edges + properties;
    const schema = await readSchema(database, keyspace);
    const cells = await cellsOf(database, keyspace);
    const check = { database, graph, keyspace, indexBackend: 'search', clock: systemClock };
    const work = async (name: 'decode' | 'read' | 'fingerprint' | 'check', done: () => unknown) => ({
      [name]: elements / (await secondsOf(async () => done())),
    });
    const series = await interleave(
      times + 1,
      ['decode', 'read', 'fingerprint', 'check'],
      [
        () => work('decode', () => decode(schema, cells)),
        () => work('read', () => cellsOf(database, keyspace)),
        () => work('fingerprint', () => fingerprintGraph(database, keyspace)),
        () => work('check', () => checkGraph(check)),
      ],
    );
    // The first of each warms servers and code up.
    const [decoded, read, fingerprinted, checked] = [series.decode, series.read, series.fingerprint, series.check].map(
      (rates) => rates.slice(1),
    );
    const unit = 'elements/s';
    return [
      {
        name: `decode and fingerprint ${elements.toLocaleString('en')} elements from memory`,
        ours: median(decoded ?? []),
        unit,
        note: 'one thread. Aim: 100,000',
      },
      comparedSeries(
        { name: 'fingerprint from Cassandra', unit, note: 'reading the same rows and doing nothing with them' },
        fingerprinted ?? [],
        read ?? [],
      ),
      comparedSeries(
        {
          name: 'check: fingerprint and every invariant, mixed index included',
          unit,
          note: 'reading the rows of the graph alone; the check reads those of the index too',
        },
        checked ?? [],
        read ?? [],
      ),
    ];
  });
}

type Cell = readonly [key: Buffer, column: Buffer, value: Buffer];

async function cellsOf(database: Database, keyspace: string): Promise<Cell[]> {
  const cells: Cell[] = [];
  const walk = { cell: (key: Buffer, column: Buffer, value: Buffer) => void cells.push([key, column, value]) };
  for (const part of tokenParts(32)) await rowsOfPart({ database, keyspace }, 'edgestore', part, walk);
  return cells;
}

function decode(schema: GraphSchema, cells: readonly Cell[]): void {
  const sum = new FingerprintSum(schema);
  const walk = new RowWalk(schema, {
    relation(vertex, relation) {
      if (!isOfUsers(vertex, relation)) return;
      if (relation.type.category === 'property') sum.property(vertex, relation);
      else if (relation.direction === 'out') sum.edge(relation, edgeTextSeenFrom(schema, vertex, relation));
    },
    vertexEnd(vertex) {
      if (isVertexOfUsers(vertex)) sum.vertex(vertex);
    },
    damaged(_vertex, _cell, problem) {
      throw problem;
    },
  });
  for (const [key, column, value] of cells) walk.cell(key, column, value);
  walk.end();
}
