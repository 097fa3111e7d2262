import type { UndecodableRow } from '../codec/byte-reader.ts';
import type { Finding, Suspicion } from './finding.ts';
import { labelName } from '../fingerprint.ts';
import type { CheckContext, Invariant } from './invariant.ts';
import { UnknownType } from '../codec/relation.ts';
import { belowEdges, RowWalk, walkVertex, type DamagedCell, type VertexRow } from '../scan.ts';
import { readSchema, type GraphSchema } from '../schema.ts';

/** Further ones are counted but not kept: nobody needs a list of ten thousand damaged cells. */
const kept = 10_000;

/** No cell without its type, none that cannot be read, no label that the schema does not have, and no row without the mark of existence. */
export function rowSoundness(context: CheckContext): Invariant {
  const { database, keyspace } = context;
  const damaged: { finding: Finding; cell: DamagedCell }[] = [];
  const vertices: VertexRow[] = [];
  let newest: Promise<GraphSchema> | undefined;
  // A type may have been made since the schema was read.
  const newestSchema = (): Promise<GraphSchema> => (newest ??= readSchema(database, keyspace));

  return {
    observer: {
      vertexEnd(vertex) {
        if (vertices.length < kept && verdict(context.schema, vertex) !== undefined) vertices.push({ ...vertex });
      },
      damaged(vertex, cell, problem) {
        if (damaged.length < kept) damaged.push({ finding: damageOf(vertex, cell, problem), cell });
      },
    },
    suspicions() {
      const cells: Suspicion[] = damaged.map(({ finding, cell }) => ({
        finding,
        again: async () => damageAgain(context, await newestSchema(), cell),
      }));
      const rows = vertices.flatMap((vertex): Suspicion[] => {
        const finding = verdict(context.schema, vertex);
        return finding === undefined
          ? []
          : [{ finding, again: async () => rowAgain(context, await newestSchema(), vertex) }];
      });
      return Promise.resolve([...cells, ...rows]);
    },
  };
}

function verdict(schema: GraphSchema, vertex: VertexRow): Finding | undefined {
  if (!vertex.exists) {
    return {
      kind: 'ghost-vertex',
      element: `vertex ${vertex.id}`,
      detail: `Vertex ${vertex.id} has a row without its existence property: no query finds the vertex, but data of it remains.`,
    };
  }
  if (vertex.label === undefined || schema.labels.has(vertex.label)) return undefined;
  return {
    kind: 'unknown-type',
    element: `vertex ${vertex.id}`,
    detail: `Vertex ${vertex.id} has the ${labelName(schema, vertex.label)}, but the schema has no vertex label with this id.`,
  };
}

function damageOf(vertex: VertexRow | undefined, cell: DamagedCell, problem: UndecodableRow): Finding {
  const where = vertex === undefined ? `row ${cell.key.toString('hex')}` : `vertex ${vertex.id}`;
  const column = `0x${cell.column.toString('hex')}`;
  if (problem instanceof UnknownType) {
    return {
      kind: 'unknown-type',
      element: where,
      detail: `The cell ${column} of ${where} has the type id ${problem.typeId}, which is not in the schema.`,
    };
  }
  return { kind: 'damaged-row', element: where, detail: `The cell ${column} of ${where}: ${problem.happened}` };
}

async function damageAgain(
  context: CheckContext,
  schema: GraphSchema,
  cell: DamagedCell,
): Promise<Finding | undefined> {
  const query = `SELECT key, column1, value FROM "${context.keyspace}".edgestore WHERE key = ? AND column1 = ?`;
  let found: Finding | undefined;
  const walk = new RowWalk(schema, {
    relation: () => undefined,
    vertexEnd: () => undefined,
    damaged: (vertex, at, problem) => {
      found = damageOf(vertex, at, problem);
    },
  });
  for (const row of await context.database.execute(query, [cell.key, cell.column])) {
    walk.cell(row.key as Buffer, row.column1 as Buffer, row.value as Buffer);
  }
  walk.end();
  return found;
}

async function rowAgain(context: CheckContext, schema: GraphSchema, vertex: VertexRow): Promise<Finding | undefined> {
  let found: Finding | undefined;
  const observer = {
    relation: () => undefined,
    damaged: () => undefined,
    vertexEnd: (row: VertexRow) => {
      found = verdict(schema, row);
    },
  };
  await walkVertex({ ...context, schema }, vertex.id, observer, belowEdges);
  if (found !== undefined || vertex.exists) return found;
  // Nothing below the edges: either all of it is gone by now, or only edges are left.
  await walkVertex({ ...context, schema }, vertex.id, observer);
  return found;
}
