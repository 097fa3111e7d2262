import type { Id } from './byte-reader.ts';

/** A property key or an edge label: all that is needed to read a cell of that type. */
export interface RelationType {
  readonly id: Id;
  readonly name: string;
  readonly category: 'property' | 'edge';
  /** `Object` when every value names its own type. */
  readonly dataType: string;
  readonly multiplicity: Multiplicity;
  /** Property keys whose values stand in the column, in this order. */
  readonly sortKey: readonly Id[];
  readonly descending: boolean;
  /** Property keys whose values come first in the value, without their key. */
  readonly signature: readonly Id[];
  /** Written at the out-vertex only. */
  readonly outOnly: boolean;
  /** The type whose relations this one repeats in another order (a vertex-centric index). */
  readonly repeats?: Id;
  /** JanusGraph's own. */
  readonly system: boolean;
}

/** How many relations of a type there may be: per pair of vertices (`simple`), per out-vertex, per in-vertex. */
export type Multiplicity = 'multi' | 'simple' | 'one-to-many' | 'many-to-one' | 'one-to-one';

/** By position in JanusGraph's enumeration. For property keys: `multi` is LIST, `simple` SET, `many-to-one` SINGLE. */
export const multiplicities: readonly Multiplicity[] = ['multi', 'simple', 'one-to-many', 'many-to-one', 'one-to-one'];

/** At most one such relation at a vertex in this direction. */
export function isUnique(multiplicity: Multiplicity, direction: 'out' | 'in'): boolean {
  if (multiplicity === 'one-to-one') return true;
  return direction === 'out' ? multiplicity === 'many-to-one' : multiplicity === 'one-to-many';
}

export interface VertexLabel {
  readonly id: Id;
  readonly name: string;
}

export type ElementCategory = 'vertex' | 'edge' | 'property';

export interface CompositeIndex {
  readonly kind: 'composite';
  readonly id: Id;
  readonly name: string;
  readonly element: ElementCategory;
  /** `single`: unique. `set`: one entry per element. `list`: one per combination of properties. */
  readonly cardinality: 'single' | 'list' | 'set';
  readonly keys: readonly RelationType[];
  /** Only elements of this label or key. */
  readonly onlyFor?: Id;
}

export interface MixedIndex {
  readonly kind: 'mixed';
  readonly id: Id;
  readonly name: string;
  readonly element: ElementCategory;
  /** Name of the backend in JanusGraph's settings, and of the store in it. */
  readonly backend: string;
  readonly store: string;
  readonly fields: readonly MixedField[];
  readonly onlyFor?: Id;
}

export interface MixedField {
  readonly key: RelationType;
  /** The field's name in the documents. */
  readonly field: string;
  readonly mapping: 'default' | 'text' | 'string' | 'text-string' | 'other';
}

// JanusGraph's own types have fixed ids: the count shifted by six, and the kind's bits below.
const systemKey = (count: number) => count * 64 + 37;
const systemLabel = (count: number) => count * 64 + 53;

export const vertexExists = systemKey(1);
export const schemaName = systemKey(32);
export const schemaDefinition = systemKey(33);
export const schemaCategory = systemKey(34);
export const schemaDescription = systemKey(35);
const schemaUpdateTime = systemKey(36);
export const vertexLabelEdge = systemLabel(2);
export const schemaEdge = systemLabel(36);

function ownKey(id: number, name: string, dataType: string, multiplicity: Multiplicity = 'many-to-one'): RelationType {
  return { ...plain, id, name, category: 'property', dataType, multiplicity };
}

function ownLabel(id: number, name: string, multiplicity: Multiplicity, outOnly: boolean): RelationType {
  return {
    ...plain,
    id,
    name,
    category: 'edge',
    dataType: 'Object',
    multiplicity,
    signature: [schemaDescription],
    outOnly,
  };
}

const plain = { sortKey: [], signature: [], descending: false, outOnly: false, system: true } as const;

export const systemTypes: readonly RelationType[] = [
  ownKey(vertexExists, 'VertexExists', 'Boolean'),
  ownKey(schemaName, 'SchemaName', 'String'),
  ownKey(schemaDefinition, 'SchemaDefinitionProperty', 'Object', 'multi'),
  ownKey(schemaCategory, 'SchemaCategory', 'JanusGraphSchemaCategory'),
  ownKey(schemaDescription, 'SchemaDefinitionDescription', 'TypeDefinitionDescription'),
  ownKey(schemaUpdateTime, 'SchemaUpdateTimestamp', 'Long'),
  ownLabel(vertexLabelEdge, 'vertexlabel', 'many-to-one', true),
  ownLabel(schemaEdge, 'SchemaRelated', 'multi', false),
];
