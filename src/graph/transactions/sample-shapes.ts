import type { Database } from '../../ports/database.ts';
import type { Id } from '../codec/byte-reader.ts';
import { RowWalk, tokenParts, type RowObserver } from '../scan.ts';
import type { GraphSchema } from '../schema.ts';
import { ShapeSample, type VertexShape } from './vertex-shapes.ts';

const starts = 8;
const rowsPerStart = 2500;

/**
 * What vertices of each label have, from a sample of the rows at eight places of the ring: a second or so, however large the graph. Throws
 * RetryableProblem `database-unreachable`.
 */
export async function sampleShapes(
  database: Database,
  keyspace: string,
  schema: GraphSchema,
): Promise<readonly VertexShape[]> {
  const sample = new ShapeSample();
  const open = new Map<Id, Set<string>>();
  const observer: RowObserver = {
    relation({ id }, { type, direction }) {
      if (type.system || type.repeats !== undefined) return;
      const part = type.category === 'property' ? String(type.id) : `${direction} ${type.id}`;
      const parts = open.get(id);
      if (parts === undefined) open.set(id, new Set([part]));
      else parts.add(part);
    },
    vertexEnd({ id, label, exists, schemaVertex }) {
      const parts = open.get(id);
      open.delete(id);
      if (parts === undefined || label === undefined || !exists || schemaVertex) return;
      for (const part of parts) sample.add(label, part);
    },
    damaged: () => undefined,
  };
  for (const { start, end } of tokenParts(starts)) {
    const query = `SELECT key, column1, value FROM "${keyspace}".edgestore WHERE token(key) > ? AND token(key) <= ? LIMIT ${rowsPerStart}`;
    const walk = new RowWalk(schema, observer);
    for (const row of await database.execute(query, [start, end])) {
      walk.cell(row.key as Buffer, row.column1 as Buffer, row.value as Buffer);
    }
    walk.end();
  }
  return sample.shapes();
}
