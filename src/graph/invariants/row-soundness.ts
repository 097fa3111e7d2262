import { TextVertexId, type UndecodableRow } from '../codec/byte-reader.ts';
import { CellTimes } from './cell-times.ts';
import type { Finding, FindingKind, Found, Suspicion } from './finding.ts';
import { labelName } from '../fingerprint.ts';
import type { CheckContext, Invariant } from './invariant.ts';
import { UnknownType } from '../codec/relation.ts';
import { cellTime, RowWalk, walkVertex, type DamagedCell, type VertexRow } from '../scan.ts';
import { readSchema, type GraphSchema } from '../schema.ts';

/** Further ones are counted but not kept: nobody needs a list of ten thousand damaged cells. */
const kept = 50_000;

/** No cell without its type, none that cannot be read, no label that the schema does not have, and no row without the mark of existence. */
export function rowSoundness(context: CheckContext): Invariant {
  const { database, keyspace } = context;
  const damaged: { finding: Finding; cell: DamagedCell }[] = [];
  const vertices: VertexRow[] = [];
  const beyond = new Map<FindingKind, number>();
  const countBeyond = ({ kind }: Finding): void => void beyond.set(kind, (beyond.get(kind) ?? 0) + 1);
  let newest: Promise<GraphSchema> | undefined;
  // A type may have been made since the schema was read.
  const newestSchema = (): Promise<GraphSchema> => (newest ??= readSchema(database, keyspace));

  return {
    observer: {
      vertexEnd(vertex) {
        const finding = verdict(context.schema, vertex);
        if (finding === undefined) return;
        if (vertices.length < kept) vertices.push({ ...vertex });
        else countBeyond(finding);
      },
      damaged(vertex, cell, problem) {
        const finding = damageOf(vertex, cell, problem);
        if (damaged.length < kept) damaged.push({ finding, cell });
        else countBeyond(finding);
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
    beyond: () => beyond,
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
  const where = vertex === undefined ? rowName(cell.key) : `vertex ${vertex.id}`;
  const column = `0x${cell.column.toString('hex')}`;
  if (problem instanceof UnknownType) {
    return {
      kind: 'unknown-type',
      element: where,
      relation: column,
      detail: `The cell ${column} of ${where} has the type id ${problem.typeId}, which is not in the schema.`,
    };
  }
  if (problem instanceof TextVertexId) {
    const what =
      vertex === undefined ? `The ${where} is of a vertex whose id is text` : `The cell ${column} of ${where}`;
    // One for each row, however many cells it has.
    const relation = vertex === undefined ? {} : { relation: column };
    return { kind: 'text-vertex-id', element: where, ...relation, detail: `${what}: ${problem.happened}` };
  }
  return {
    kind: 'damaged-row',
    element: where,
    relation: column,
    detail: `The cell ${column} of ${where}: ${problem.happened}`,
  };
}

/** `row 6163632db1 "acc-1"`: of a text id the letters that can be shown. */
function rowName(key: Buffer): string {
  const text = [...key].map((byte) => byte & 0x7f).filter((letter) => letter > 0x20 && letter < 0x7f);
  const shown = key.length === 8 ? '' : ` "${String.fromCharCode(...text.slice(0, 60))}"`;
  return `row ${key.toString('hex').slice(0, 200)}${shown}`;
}

async function damageAgain(context: CheckContext, schema: GraphSchema, cell: DamagedCell): Promise<Found | undefined> {
  const query = `SELECT key, column1, value, ${cellTime} FROM "${context.keyspace}".edgestore WHERE key = ? AND column1 = ?`;
  let found: Finding | undefined;
  const times = new CellTimes();
  const walk = new RowWalk(schema, {
    relation: () => undefined,
    vertexEnd: () => undefined,
    damaged: (vertex, at, problem) => {
      found = damageOf(vertex, at, problem);
    },
  });
  for (const row of await context.database.execute(query, [cell.key, cell.column])) {
    times.add(row.time as bigint);
    walk.cell(row.key as Buffer, row.column1 as Buffer, row.value as Buffer);
  }
  walk.end();
  return found === undefined ? undefined : { finding: found, times };
}

async function rowAgain(context: CheckContext, schema: GraphSchema, vertex: VertexRow): Promise<Found | undefined> {
  let found: Finding | undefined;
  const times = new CellTimes();
  const observer = {
    cell: ({ time }: VertexRow) => void times.add(time),
    relation: () => undefined,
    damaged: () => undefined,
    vertexEnd: (row: VertexRow) => {
      found = verdict(schema, row);
    },
  };
  // The edges, too: of a vertex that was dropped while another transaction used it they may be all that is left.
  await walkVertex({ ...context, schema }, vertex.id, observer);
  return found === undefined ? undefined : { finding: found, times };
}
