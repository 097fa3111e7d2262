import { systemClock } from '../../../src/adapters/system/clock.ts';
import type { Attribute } from '../../../src/graph/codec/attribute.ts';
import type { Id } from '../../../src/graph/codec/byte-reader.ts';
import { compositeEntries } from '../../../src/graph/invariants/composite-entries.ts';
import { edgeEnds } from '../../../src/graph/invariants/edge-ends.ts';
import { isOfUsers, isVertexOfUsers, labelName } from '../../../src/graph/fingerprint.ts';
import { idMarks } from '../../../src/graph/invariants/id-marks.ts';
import { rowObserver, type GraphObserver } from '../../../src/graph/invariants/invariant.ts';
import type { InlineProperty, Relation } from '../../../src/graph/codec/relation.ts';
import { rowSoundness } from '../../../src/graph/invariants/row-soundness.ts';
import { scanGraph } from '../../../src/graph/scan.ts';
import { type GraphSchema, readSchema } from '../../../src/graph/schema.ts';
import type { Database } from '../../../src/ports/database.ts';
import type { GraphService } from '../../../src/ports/graph-service.ts';
import { canonicalEdge, canonicalVertex, type TypedValue } from '../../../src/sample/canonical.ts';
import type { ObservedState } from '../../../src/sample/oracle.ts';

/** The sample graph as it stands in the database, in the oracle's words, and what is unsound in its rows. */
export interface StoredGraph extends ObservedState {
  /** One-sided edges, ghosts, index entries too many or too few, ids that would be given out again: one line each. */
  readonly unsound: readonly string[];
}

/**
 * Reads the graph from its rows: what `observedState` asks of a JanusGraph server, without a server, for a database that nothing writes to.
 * Both ends of every edge and every entry of the composite indexes are compared in the same pass.
 */
export async function readStoredGraph(database: Database, keyspace: string): Promise<StoredGraph> {
  const schema = await readSchema(database, keyspace);
  const context = { database, keyspace, schema, graph: noGraph, clock: systemClock, scan: {} };
  const invariants = [rowSoundness(context), edgeEnds(context), compositeEntries(context), idMarks(context)];
  const collected = new CollectedElements(schema);
  const observers = [collected.observer, ...invariants.map(({ observer }) => observer)];
  await scanGraph(context, schema, rowObserver(schema, observers));
  const second: GraphObserver[] = [];
  for (const invariant of invariants) {
    const observer = await invariant.compare?.();
    if (observer !== undefined) second.push(observer);
  }
  if (second.length > 0) await scanGraph(context, schema, rowObserver(schema, second));
  const suspicions = (await Promise.all(invariants.map((invariant) => invariant.suspicions()))).flat();
  return {
    ...collected.state(),
    unsound: suspicions.map(({ finding }) => `${finding.kind}: ${finding.detail}`).sort(),
  };
}

interface EdgeSeen {
  readonly id: Id;
  readonly label: string;
  readonly from: Id;
  readonly to: Id;
  readonly values: readonly TypedValue[];
}

class CollectedElements {
  readonly #schema: GraphSchema;
  readonly #values = new Map<Id, TypedValue[]>();
  readonly #labels = new Map<Id, string>();
  readonly #edges: EdgeSeen[] = [];

  constructor(schema: GraphSchema) {
    this.#schema = schema;
  }

  get observer(): GraphObserver {
    return {
      property: (vertex, relation) => {
        if (!isOfUsers(vertex, relation) || relation.value === undefined) return;
        const value = { ...typedValue(relation.type.name, relation.value), meta: inline(relation.properties) };
        const values = this.#values.get(vertex.canonical);
        if (values === undefined) this.#values.set(vertex.canonical, [value]);
        else values.push(value);
      },
      edge: (vertex, relation) => {
        if (relation.direction === 'out' && isOfUsers(vertex, relation))
          this.#edges.push(this.#edge(vertex.canonical, relation));
      },
      vertexEnd: (vertex) => {
        if (isVertexOfUsers(vertex)) this.#labels.set(vertex.id, labelName(this.#schema, vertex.label));
      },
    };
  }

  state(): ObservedState {
    const elements = new Map<string, string>();
    const transactions = new Set<string>();
    const names = new Map<Id, string>();
    // Two elements of one business key are a finding too: the second gets a name that no expectation has.
    const add = (name: string, id: Id, text: string) =>
      elements.set(elements.has(name) ? `${name} again (${id})` : name, text);
    for (const [id, label] of this.#labels) {
      const values = this.#values.get(id) ?? [];
      const name = nameOf(values, label, id);
      names.set(id, name);
      add(name, id, canonicalVertex(label, withoutName(values)));
      for (const { name: key, text } of values) {
        if (key === 'sequence') transactions.add(`${name.split('-')[1]}/${text}`);
      }
    }
    const end = (id: Id): string => names.get(id) ?? `vertex#${id}, which is not there`;
    for (const { id, label, from, to, values } of this.#edges) {
      add(nameOf(values, label, id), id, canonicalEdge(label, end(from), end(to), withoutName(values)));
    }
    return { elements, transactions };
  }

  #edge(from: Id, relation: Relation): EdgeSeen {
    const to = this.#schema.ids.canonical(relation.other ?? 0);
    return { id: relation.id ?? 0, label: relation.type.name, from, to, values: inline(relation.properties) };
  }
}

function inline(properties: readonly InlineProperty[]): TypedValue[] {
  return properties.map(({ key, value }) => ({ ...typedValue(key.name, value), meta: [] }));
}

function typedValue(name: string, { type, value }: Attribute): Omit<TypedValue, 'meta'> {
  return { name, type, text: String(value) };
}

function nameOf(values: readonly TypedValue[], label: string, id: Id): string {
  return values.find(({ name }) => name === 'businessKey')?.text ?? `${label}#${id}`;
}

function withoutName(values: readonly TypedValue[]): TypedValue[] {
  return values.filter(({ name }) => name !== 'businessKey');
}

/** No invariant of rows asks the graph server. */
const noGraph: GraphService = {
  url: 'none',
  submit: () => Promise.reject(new TypeError('no graph server belongs to this database')),
  close: () => Promise.resolve(),
};
