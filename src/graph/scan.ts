import { mapConcurrently } from '../model/map-concurrently.ts';
import type { Database, TokenRange } from '../ports/database.ts';
import { UndecodableRow, type Id } from './codec/byte-reader.ts';
import { vertexKind } from './codec/element-id.ts';
import { RelationReader, type Relation } from './codec/relation.ts';
import { vertexExists, vertexLabelEdge } from './codec/relation-type.ts';
import type { GraphSchema } from './schema.ts';

/** A vertex' row while it is being walked. */
export interface VertexRow {
  readonly id: Id;
  /** The id that stands for all parts of a partitioned vertex; the id itself for others. */
  readonly canonical: Id;
  readonly schemaVertex: boolean;
  /** Has the mark of existence. The other parts of a partitioned vertex count as existing: theirs is in the canonical part. */
  exists: boolean;
  /** Id of the label; undefined for vertices without one. */
  label: Id | undefined;
  /** When the cell that is told was written, microseconds; where the walk asks for it (`walkVertex`). */
  time: bigint | undefined;
}

/**
 * What is told while the rows go by. The database sorts a row's cells so that the mark of existence and the label come before all
 * properties, and these before all edges; so an observer needs to keep nothing but what it asks about a vertex.
 */
export interface RowObserver {
  relation(vertex: VertexRow, relation: Relation): void;
  vertexEnd(vertex: VertexRow): void;
  /** Every cell, before what it says is told. */
  cell?(vertex: VertexRow): void;
  /** A cell that cannot be read; the rest of the row goes on. `vertex` is undefined when the key itself is at fault. */
  damaged(vertex: VertexRow | undefined, cell: DamagedCell, problem: UndecodableRow): void;
}

export interface DamagedCell {
  readonly key: Buffer;
  readonly column: Buffer;
}

const tokenBits = 64n;
const leastToken = -(2n ** 63n);

/** The whole Murmur3 ring in equal parts. Half-open as CQL compares: greater than start, up to end. No key has the least token. */
export function tokenParts(parts: number): TokenRange[] {
  const size = 2n ** tokenBits / BigInt(parts);
  return Array.from({ length: parts }, (_, index) => ({
    start: leastToken + size * BigInt(index),
    end: index === parts - 1 ? 2n ** 63n - 1n : leastToken + size * BigInt(index + 1),
  }));
}

export interface ScanOptions {
  readonly signal?: AbortSignal;
  /** Parts of the ring done, of how many. */
  readonly onPart?: (done: number, total: number) => void;
}

const parts = 32;
const atOnce = 2;
const rowsPerPage = 5000;

/** Where a graph's rows lie. */
export interface GraphTables {
  readonly database: Database;
  readonly keyspace: string;
}

/** Walks every row of the graph once, in constant memory: a few pages of rows at a time. */
export async function scanGraph(
  tables: GraphTables,
  schema: GraphSchema,
  observer: RowObserver,
  options: ScanOptions = {},
): Promise<void> {
  const walkPart = (): PartWalk => {
    const walk = new RowWalk(schema, observer);
    return { cell: (key, column, value) => walk.cell(key, column, value), end: () => walk.end() };
  };
  await scanTable(tables, 'edgestore', walkPart, options);
}

export interface PartWalk {
  cell(key: Buffer, column: Buffer, value: Buffer): void;
  end?(): void;
}

/** Walks a whole table, some parts of the ring at once; each part has a walk of its own, which sees its cells in order. */
export async function scanTable(
  tables: GraphTables,
  table: 'edgestore' | 'graphindex',
  walkPart: () => PartWalk,
  options: ScanOptions = {},
): Promise<void> {
  let done = 0;
  await mapConcurrently(tokenParts(parts), atOnce, async (part) => {
    await rowsOfPart(tables, table, part, walkPart());
    options.signal?.throwIfAborted();
    options.onPart?.(++done, parts);
  });
}

/** Walks one part of the ring. */
export async function rowsOfPart(
  tables: GraphTables,
  table: 'edgestore' | 'graphindex',
  part: TokenRange,
  walk: PartWalk,
): Promise<void> {
  for await (const row of cellsOfPart(tables, table, part)) {
    walk.cell(row.key as Buffer, row.column1 as Buffer, row.value as Buffer);
  }
  walk.end?.();
}

/** The cells of one part of the ring (`key`, `column1`, `value`), in order; those only whose column is at least `from` and less than `to`, if given. */
export function cellsOfPart(
  { database, keyspace }: GraphTables,
  table: 'edgestore' | 'graphindex',
  part: TokenRange,
  range?: { readonly from: Buffer; readonly to: Buffer },
): ReturnType<Database['rows']> {
  const within = range === undefined ? '' : ' AND column1 >= ? AND column1 < ? ALLOW FILTERING';
  const params = range === undefined ? [part.start, part.end] : [part.start, part.end, range.from, range.to];
  const query = `SELECT key, column1, value FROM "${keyspace}".${table} WHERE token(key) > ? AND token(key) <= ?${within}`;
  return database.rows(query, params, { fetchSize: rowsPerPage });
}

/** Walks the cells of one vertex whose column is at least `from` and less than `to`; all of them without these. */
export async function walkVertex(
  { database, keyspace, schema }: GraphTables & { readonly schema: GraphSchema },
  vertex: Id,
  observer: RowObserver,
  range?: { readonly from: Buffer; readonly to: Buffer },
): Promise<void> {
  const key = schema.ids.toKey(vertex);
  const within = range === undefined ? '' : ' AND column1 >= ? AND column1 < ?';
  const params = range === undefined ? [key] : [key, range.from, range.to];
  const walk = new RowWalk(schema, observer);
  const query = `SELECT key, column1, value, ${cellTime} FROM "${keyspace}".edgestore WHERE key = ?${within}`;
  for await (const row of database.rows(query, params)) {
    walk.cell(row.key as Buffer, row.column1 as Buffer, row.value as Buffer, row.time as bigint);
  }
  walk.end();
}

/** When a cell was written, in a query for some cells: bigint, microseconds. */
export const cellTime = 'WRITETIME(value) AS time';

/** Everything of a vertex but its edges: existence, label and properties sort before them. */
export const belowEdges = { from: Buffer.of(0), to: Buffer.of(0x60) } as const;

/** Turns cells, sorted by column within each key, into what observers are told. */
export class RowWalk {
  readonly #schema: GraphSchema;
  readonly #observer: RowObserver;
  readonly #reader: RelationReader;
  #key: Buffer = Buffer.alloc(0);
  #vertex: VertexRow | undefined;

  constructor(schema: GraphSchema, observer: RowObserver) {
    this.#schema = schema;
    this.#observer = observer;
    this.#reader = new RelationReader(schema.types);
  }

  cell(key: Buffer, column: Buffer, value: Buffer, time?: bigint): void {
    if (!key.equals(this.#key)) this.#start(key, column);
    const vertex = this.#vertex;
    if (vertex === undefined) return;
    vertex.time = time;
    this.#observer.cell?.(vertex);
    let relation: Relation;
    try {
      relation = this.#reader.read(column, value);
    } catch (error) {
      this.#observer.damaged(vertex, { key: this.#key, column: Buffer.from(column) }, asDamage(error));
      return;
    }
    const type = relation.type.id;
    if (type === vertexExists) vertex.exists = true;
    else if (type === vertexLabelEdge) vertex.label = relation.other;
    else this.#observer.relation(vertex, relation);
  }

  end(): void {
    if (this.#vertex !== undefined) this.#observer.vertexEnd(this.#vertex);
    this.#vertex = undefined;
    this.#key = Buffer.alloc(0);
  }

  #start(key: Buffer, column: Buffer): void {
    this.end();
    // The driver hands out slices of whole network frames: a copy does not keep the frame alive.
    this.#key = Buffer.from(key);
    try {
      const id = this.#schema.ids.fromKey(key);
      const canonical = this.#schema.ids.canonical(id);
      const schemaVertex = vertexKind(id) === 'schema';
      this.#vertex = { id, canonical, schemaVertex, exists: canonical !== id, label: undefined, time: undefined };
    } catch (error) {
      this.#vertex = undefined;
      this.#observer.damaged(undefined, { key: this.#key, column: Buffer.from(column) }, asDamage(error));
    }
  }
}

/** Whatever else is thrown while bytes are read is a defect of the program, and no damage of the graph: it goes on with its trace. */
function asDamage(error: unknown): UndecodableRow {
  if (error instanceof UndecodableRow) return error;
  throw error;
}
