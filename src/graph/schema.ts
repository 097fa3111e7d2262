import type { CqlRow, Database } from '../ports/database.ts';
import type { AttributeValue } from './codec/attribute.ts';
import { ByteReader, UndecodableRow, type Id } from './codec/byte-reader.ts';
import { idText, VertexIds } from './codec/element-id.ts';
import { readGlobalSettings } from './global-settings.ts';
import { RelationReader, UnknownType, type Relation } from './codec/relation.ts';
import {
  multiplicities,
  schemaCategory,
  schemaDefinition,
  schemaEdge,
  schemaName,
  systemTypes,
  type CompositeIndex,
  type ElementCategory,
  type MixedField,
  type MixedIndex,
  type RelationType,
  type VertexLabel,
} from './codec/relation-type.ts';
import { readPositive, writePositive } from './codec/variable-long.ts';

/** Everything in the database that says how the rest is to be read. */
export interface GraphSchema {
  readonly ids: VertexIds;
  readonly types: ReadonlyMap<Id, RelationType>;
  readonly labels: ReadonlyMap<Id, VertexLabel>;
  /** Enabled ones only, JanusGraph's own included. */
  readonly compositeIndexes: readonly CompositeIndex[];
  readonly mixedIndexes: readonly MixedIndex[];
  /** The graph lets clients choose vertex ids, so that these say nothing about issued blocks. */
  readonly customVertexIds: boolean;
  /** Vertices may have ids of text: such a graph is not supported (`requireSupportedForm`). */
  readonly textVertexIds: boolean;
}

/**
 * Reads the schema from the rows themselves. A cell of it that cannot be read is left out, and so is a type whose definition has such a cell:
 * the scan of all rows finds it, and the cells of that type. Throws RetryableProblem `database-unreachable`, RefusedProblem `graph-missing`.
 */
export async function readSchema(database: Database, keyspace: string): Promise<GraphSchema> {
  const settings = await readGlobalSettings(database, keyspace);
  const ids = new VertexIds(settings.partitions);
  const found: SchemaVertex[] = [];
  const listed = (await Promise.all(categories.map((category) => listVertices(database, keyspace, category)))).flat();
  // Few enough at once that a small cluster answers each in time.
  for (let at = 0; at < listed.length; at += 32) {
    const batch = listed.slice(at, at + 32);
    const read = await Promise.all(batch.map((id) => readVertex(database, keyspace, ids, id)));
    found.push(...read.filter((vertex) => vertex !== undefined));
  }
  const types = new Map<Id, RelationType>(systemTypes.map((type) => [type.id, type]));
  for (const vertex of found) {
    if (vertex.category === 'property' || vertex.category === 'edge') types.set(vertex.id, relationTypeOf(vertex));
  }
  const labels = found.filter((vertex) => vertex.category === 'label').map(({ id, name }) => ({ id, name }));
  const indexes = found.filter((vertex) => vertex.category === 'index' && vertex.defined.get(status) === enabled);
  return {
    ids,
    types,
    labels: new Map(labels.map((label) => [label.id, label])),
    compositeIndexes: [
      ...ownIndexes(types),
      ...indexes.filter((vertex) => vertex.defined.get(internal) === true).map((vertex) => compositeOf(vertex, types)),
    ],
    mixedIndexes: indexes
      .filter((vertex) => vertex.defined.get(internal) === false)
      .map((vertex) => mixedOf(vertex, types)),
    customVertexIds: settings.customVertexIds,
    textVertexIds: settings.textVertexIds,
  };
}

type SchemaCategory = 'edge' | 'property' | 'label' | 'index' | 'modifier';
/** By position in JanusGraph's enumeration of schema categories. */
const categories: readonly SchemaCategory[] = ['edge', 'property', 'label', 'index', 'modifier'];

// Positions in JanusGraph's enumeration of definitions.
const sortKey = 1;
const sortOrder = 2;
const signature = 3;
const multiplicity = 4;
const dataType = 5;
const unidirectional = 6;
const status = 7;
const elementCategory = 8;
const indexCardinality = 9;
const internal = 10;
const backingIndex = 11;
const indexStore = 12;
const relationIndex = 17;
const indexField = 19;
const indexConstraint = 20;

const enabled = 2;
const disabled = 3;
const bothDirections = 2;

interface SchemaVertex {
  readonly id: Id;
  readonly category: SchemaCategory;
  readonly name: string;
  readonly defined: ReadonlyMap<number, AttributeValue>;
  readonly edges: readonly {
    readonly direction: 'out' | 'in';
    readonly what: number;
    readonly other: Id;
    readonly modifier: AttributeValue;
  }[];
}

/** Schema vertices of a category, from JanusGraph's own index over them. */
async function listVertices(database: Database, keyspace: string, category: SchemaCategory): Promise<Id[]> {
  const key: number[] = [];
  writePositive(key, schemaCategory);
  writePositive(key, categories.indexOf(category));
  const found: Id[] = [];
  for await (const row of database.rows(`SELECT value FROM "${keyspace}".graphindex WHERE key = ?`, [
    Buffer.from(key),
  ])) {
    try {
      found.push(readPositive(new ByteReader(row.value as Buffer)));
    } catch (error) {
      // A row of this index that cannot be read is found where all index rows are.
      if (!(error instanceof UndecodableRow)) throw error;
    }
  }
  return found;
}

const ownReader = new RelationReader(new Map(systemTypes.map((type) => [type.id, type])));

/** Undefined for one of which a cell cannot be read: half a definition would read the values of its type wrongly. */
async function readVertex(
  database: Database,
  keyspace: string,
  ids: VertexIds,
  id: Id,
): Promise<SchemaVertex | undefined> {
  const rows = database.rows(`SELECT column1, value FROM "${keyspace}".edgestore WHERE key = ?`, [ids.toKey(id)]);
  let name = '';
  let category: SchemaCategory = 'modifier';
  const defined = new Map<number, AttributeValue>();
  const edges: SchemaVertex['edges'][number][] = [];
  for await (const row of rows) {
    const relation = decode(row);
    if (relation === 'unknown') continue;
    if (relation === 'damaged') return undefined;
    const value = relation.value?.value ?? null;
    const description = relation.properties[0]?.value.value;
    const [what, modifier = null] = Array.isArray(description) ? (description as AttributeValue[]) : [-1];
    if (relation.type.id === schemaName) name = nameFrom(String(value));
    else if (relation.type.id === schemaCategory) category = categories[Number(value)] ?? 'modifier';
    else if (relation.type.id === schemaDefinition) defined.set(Number(what), value);
    else if (relation.type.id === schemaEdge && relation.other !== undefined) {
      edges.push({ direction: relation.direction, what: Number(what), other: relation.other, modifier });
    }
  }
  return { id, category, name, defined, edges };
}

/** `unknown`: of a type that a later JanusGraph keeps there, which is nothing that is read here. */
function decode(row: CqlRow): Relation | 'unknown' | 'damaged' {
  try {
    return ownReader.read(row.column1 as Buffer, row.value as Buffer);
  } catch (error) {
    if (error instanceof UnknownType) return 'unknown';
    if (error instanceof UndecodableRow) return 'damaged';
    throw error;
  }
}

/** Names are stored behind a two-letter kind and a separator. */
function nameFrom(stored: string): string {
  return stored.slice(stored.indexOf('\u001e') + 1);
}

function idList(value: AttributeValue | undefined): Id[] {
  if (!Array.isArray(value)) return [];
  return value.map((id) => Number(id));
}

function relationTypeOf(vertex: SchemaVertex): RelationType {
  const { defined } = vertex;
  const base = vertex.edges.find((edge) => edge.direction === 'in' && edge.what === relationIndex);
  return {
    id: vertex.id,
    name: vertex.name,
    category: vertex.category === 'property' ? 'property' : 'edge',
    dataType: String(defined.get(dataType) ?? 'Object'),
    multiplicity: multiplicities[Number(defined.get(multiplicity) ?? 0)] ?? 'multi',
    sortKey: idList(defined.get(sortKey)),
    descending: defined.get(sortOrder) === 1,
    signature: idList(defined.get(signature)),
    outOnly: vertex.category === 'edge' && defined.get(unidirectional) !== bothDirections,
    ...(base === undefined ? {} : { repeats: base.other }),
    system: false,
  };
}

const elements: readonly ElementCategory[] = ['vertex', 'edge', 'property'];
const cardinalities = ['single', 'list', 'set'] as const;

function constraintOf(vertex: SchemaVertex): { onlyFor?: Id } {
  const edge = vertex.edges.find((one) => one.direction === 'out' && one.what === indexConstraint);
  return edge === undefined ? {} : { onlyFor: edge.other };
}

/** Parameters of an index field: pairs of name and value. */
function parameter(modifier: AttributeValue, name: string): AttributeValue | undefined {
  if (!Array.isArray(modifier)) return undefined;
  const pairs = modifier as AttributeValue[][];
  return pairs.find((pair) => String(pair[0]).toLowerCase() === name)?.[1];
}

function fieldsOf(vertex: SchemaVertex, types: ReadonlyMap<Id, RelationType>) {
  return vertex.edges
    .filter((edge) => edge.direction === 'out' && edge.what === indexField)
    .flatMap(({ other, modifier }) => {
      const key = types.get(other);
      return key === undefined ? [] : [{ key, modifier }];
    });
}

function compositeOf(vertex: SchemaVertex, types: ReadonlyMap<Id, RelationType>): CompositeIndex {
  const fields = fieldsOf(vertex, types).sort(
    (a, b) => Number(parameter(a.modifier, 'index-pos')) - Number(parameter(b.modifier, 'index-pos')),
  );
  return {
    kind: 'composite',
    id: vertex.id,
    name: vertex.name,
    element: elements[Number(vertex.defined.get(elementCategory) ?? 0)] ?? 'vertex',
    cardinality: cardinalities[Number(vertex.defined.get(indexCardinality) ?? 1)] ?? 'list',
    keys: fields.map((field) => field.key),
    ...constraintOf(vertex),
  };
}

const mappings: readonly MixedField['mapping'][] = ['default', 'text', 'string', 'text-string'];

function mixedOf(vertex: SchemaVertex, types: ReadonlyMap<Id, RelationType>): MixedIndex {
  return {
    kind: 'mixed',
    id: vertex.id,
    name: vertex.name,
    element: elements[Number(vertex.defined.get(elementCategory) ?? 0)] ?? 'vertex',
    backend: String(vertex.defined.get(backingIndex)),
    store: String(vertex.defined.get(indexStore)),
    fields: fieldsOf(vertex, types)
      .filter((field) => parameter(field.modifier, 'status') !== disabled)
      .map(({ key, modifier }) => ({
        key,
        field: String(parameter(modifier, 'mapped-name') ?? idText(key.id)),
        mapping: mappings[Number(parameter(modifier, 'mapping') ?? 0)] ?? 'other',
      })),
    ...constraintOf(vertex),
  };
}

/** The indexes over the schema itself, by name (unique) and by category, whose ids are those of their keys. */
function ownIndexes(types: ReadonlyMap<Id, RelationType>): CompositeIndex[] {
  const own = [
    { id: schemaName, cardinality: 'single' },
    { id: schemaCategory, cardinality: 'list' },
  ] as const;
  return own.flatMap(({ id, cardinality }) => {
    const key = types.get(id);
    if (key === undefined) return [];
    return [{ kind: 'composite', id, name: key.name, element: 'vertex', cardinality, keys: [key] } as const];
  });
}
