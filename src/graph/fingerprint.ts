import { hash } from 'node:crypto';
import type { Fingerprint } from '../model/restore-point.ts';
import type { Database } from '../ports/database.ts';
import type { Id } from './codec/byte-reader.ts';
import { edgeText, propertyText, vertexText, type Relation } from './codec/relation.ts';
import { requireSupportedForm } from './global-settings.ts';
import { scanGraph, type RowObserver, type ScanOptions, type VertexRow } from './scan.ts';
import { readSchema, type GraphSchema } from './schema.ts';

/**
 * Counts per label and the sum modulo 2^256 of SHA-256 over the canonical form of every vertex, edge and property. A sum does not depend on
 * the order of rows, so it is the same on every node, before and after compaction, and for a copy under other tokens; write times do not
 * enter it. Edges count once, from their out-vertex. Cells of JanusGraph's own types, repeats of edges for vertex-centric indexes, and rows
 * without the mark of existence do not count: no query sees them. A cell with a time to live counts until it expires, so the fingerprint of
 * a graph that uses such cells changes by itself.
 */
export class FingerprintSum {
  readonly #schema: GraphSchema;
  readonly #sum = new Sum256();
  readonly #vertexLabels = new Map<string, number>();
  readonly #edgeLabels = new Map<string, number>();
  readonly #propertyKeys = new Map<string, number>();
  #vertices = 0;
  #edges = 0;
  #properties = 0;

  constructor(schema: GraphSchema) {
    this.#schema = schema;
  }

  /** Vertices, edges and properties so far. */
  get elements(): number {
    return this.#vertices + this.#edges + this.#properties;
  }

  property(vertex: VertexRow, relation: Relation): void {
    this.#properties++;
    count(this.#propertyKeys, relation.type.name);
    this.#sum.add(propertyText(vertex.canonical, relation));
  }

  /** `text`: the edge's canonical form. */
  edge(relation: Relation, text: string): void {
    this.#edges++;
    count(this.#edgeLabels, relation.type.name);
    this.#sum.add(text);
  }

  vertex(vertex: VertexRow): void {
    const label = labelName(this.#schema, vertex.label);
    this.#vertices++;
    count(this.#vertexLabels, label);
    this.#sum.add(vertexText(vertex.id, label));
  }

  result(): Fingerprint {
    return {
      vertices: this.#vertices,
      edges: this.#edges,
      properties: this.#properties,
      vertexLabels: sorted(this.#vertexLabels),
      edgeLabels: sorted(this.#edgeLabels),
      propertyKeys: sorted(this.#propertyKeys),
      hash: this.#sum.hex(),
    };
  }
}

/** Name of a vertex' label; a vertex without one is of JanusGraph's default label. */
export function labelName(schema: GraphSchema, label: Id | undefined): string {
  if (label === undefined) return 'vertex';
  return schema.labels.get(label)?.name ?? `unknown label ${label}`;
}

/** Fingerprint of a whole graph. Throws RetryableProblem `database-unreachable`, FailedProblem `graph-row-undecodable` at the first damaged row. */
export async function fingerprintGraph(
  database: Database,
  keyspace: string,
  options: ScanOptions = {},
): Promise<Fingerprint> {
  const schema = await readSchema(database, keyspace);
  requireSupportedForm(schema);
  const sum = new FingerprintSum(schema);
  const observer: RowObserver = {
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
  };
  await scanGraph({ database, keyspace }, schema, observer, options);
  return sum.result();
}

export function isVertexOfUsers(vertex: VertexRow): boolean {
  return vertex.exists && !vertex.schemaVertex && vertex.id === vertex.canonical;
}

/** False for what no query sees: the schema's own relations, repeats for vertex-centric indexes, rows without existence. */
export function isOfUsers(vertex: VertexRow, relation: Relation): boolean {
  return vertex.exists && !vertex.schemaVertex && !relation.type.system && relation.type.repeats === undefined;
}

export function edgeTextSeenFrom(schema: GraphSchema, vertex: VertexRow, relation: Relation): string {
  const other = schema.ids.canonical(relation.other ?? 0);
  return relation.direction === 'out'
    ? edgeText(relation, vertex.canonical, other)
    : edgeText(relation, other, vertex.canonical);
}

const lanes = 8;
/** Lanes are doubles: this many 32-bit numbers can be added before one could lose its lowest bit. */
const addsBeforeCarry = 2 ** 20;

class Sum256 {
  readonly #lanes = new Float64Array(lanes);
  #adds = 0;

  add(text: string): void {
    const digest = hash('sha256', text, 'buffer');
    for (let lane = 0; lane < lanes; lane++) {
      this.#lanes[lane] = (this.#lanes[lane] as number) + digest.readUInt32BE(lane * 4);
    }
    if (++this.#adds === addsBeforeCarry) this.#carry();
  }

  hex(): string {
    this.#carry();
    return [...this.#lanes].map((lane) => lane.toString(16).padStart(8, '0')).join('');
  }

  #carry(): void {
    let carry = 0;
    for (let lane = lanes - 1; lane >= 0; lane--) {
      const value = (this.#lanes[lane] as number) + carry;
      carry = Math.floor(value / 2 ** 32);
      this.#lanes[lane] = value - carry * 2 ** 32;
    }
    this.#adds = 0;
  }
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function sorted(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}
