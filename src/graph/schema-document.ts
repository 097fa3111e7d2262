import { z } from 'zod';
import { documentType } from '../model/document.ts';
import { instantText } from '../model/instant.ts';
import { exactId, type Id } from './codec/byte-reader.ts';
import { VertexIds } from './codec/element-id.ts';
import { systemTypes, type RelationType } from './codec/relation-type.ts';
import type { GraphSchema } from './schema.ts';
import type { VertexShape } from './transactions/vertex-shapes.ts';

/**
 * The graph's types as they were at a backup, at `schemas/<point>.json`: what names the type ids in the log when the database is gone.
 * Ids are decimal text, since they may go beyond the numbers that JSON readers keep exactly.
 */
const id = z.string().regex(/^\d{1,19}$/);
const ids = z.array(id);
const elementCategory = z.enum(['vertex', 'edge', 'property']);
const indexHead = { id, name: z.string(), element: elementCategory, onlyFor: id.optional() };

export const graphSchemaDocument = documentType(
  'graph-schema',
  1,
  {
    keyspace: z.string(),
    at: instantText,
    /** `cluster.max-partitions`. */
    partitions: z.number().int().positive(),
    customVertexIds: z.boolean(),
    types: z.array(
      z.object({
        id,
        name: z.string(),
        category: z.enum(['property', 'edge']),
        dataType: z.string(),
        multiplicity: z.enum(['multi', 'simple', 'one-to-many', 'many-to-one', 'one-to-one']),
        sortKey: ids,
        descending: z.boolean(),
        signature: ids,
        outOnly: z.boolean(),
        repeats: id.optional(),
      }),
    ),
    labels: z.array(z.object({ id, name: z.string() })),
    compositeIndexes: z.array(z.object({ ...indexHead, cardinality: z.enum(['single', 'list', 'set']), keys: ids })),
    mixedIndexes: z.array(
      z.object({
        ...indexHead,
        backend: z.string(),
        store: z.string(),
        fields: z.array(
          z.object({
            key: id,
            field: z.string(),
            mapping: z.enum(['default', 'text', 'string', 'text-string', 'other']),
          }),
        ),
      }),
    ),
    /** What vertices of each label were seen to have, in a sample: ids of property keys, and of edge labels as `out 1234`. */
    shapes: z.array(z.object({ label: id, parts: z.array(z.string()) })),
  },
  { sealed: true },
);
export type GraphSchemaDocument = z.infer<typeof graphSchemaDocument.body>;

export function graphSchemaKey(point: string): string {
  return `schemas/${point}.json`;
}

export const graphSchemaPrefix = 'schemas/';

export function toSchemaDocument(
  schema: GraphSchema,
  facts: { readonly keyspace: string; readonly at: string; readonly shapes: readonly VertexShape[] },
): GraphSchemaDocument {
  const constraint = (onlyFor: Id | undefined) => (onlyFor === undefined ? {} : { onlyFor: String(onlyFor) });
  return {
    keyspace: facts.keyspace,
    at: facts.at,
    partitions: schema.ids.partitions,
    customVertexIds: schema.customVertexIds,
    types: [...schema.types.values()]
      .filter((type) => !type.system)
      .map(({ id, sortKey, signature, repeats, name, category, dataType, multiplicity, descending, outOnly }) => ({
        id: String(id),
        name,
        category,
        dataType,
        multiplicity,
        sortKey: sortKey.map(String),
        descending,
        signature: signature.map(String),
        outOnly,
        ...(repeats === undefined ? {} : { repeats: String(repeats) }),
      })),
    labels: [...schema.labels.values()].map(({ id, name }) => ({ id: String(id), name })),
    compositeIndexes: schema.compositeIndexes.map(({ id, name, element, cardinality, keys, onlyFor }) => ({
      id: String(id),
      name,
      element,
      cardinality,
      keys: keys.map((key) => String(key.id)),
      ...constraint(onlyFor),
    })),
    mixedIndexes: schema.mixedIndexes.map(({ id, name, element, backend, store, fields, onlyFor }) => ({
      id: String(id),
      name,
      element,
      backend,
      store,
      fields: fields.map(({ key, field, mapping }) => ({ key: String(key.id), field, mapping })),
      ...constraint(onlyFor),
    })),
    shapes: facts.shapes.map(({ label, parts }) => ({ label: String(label), parts: [...parts].sort() })),
  };
}

export function fromSchemaDocument(document: GraphSchemaDocument): {
  readonly schema: GraphSchema;
  readonly shapes: readonly VertexShape[];
} {
  const types = new Map<Id, RelationType>(systemTypes.map((type) => [type.id, type]));
  for (const { repeats, ...type } of document.types) {
    const read: RelationType = {
      ...type,
      id: idOf(type.id),
      sortKey: type.sortKey.map(idOf),
      signature: type.signature.map(idOf),
      system: false,
      ...(repeats === undefined ? {} : { repeats: idOf(repeats) }),
    };
    types.set(read.id, read);
  }
  const constraint = (onlyFor: string | undefined) => (onlyFor === undefined ? {} : { onlyFor: idOf(onlyFor) });
  const keyOf = (key: string): RelationType[] => {
    const found = types.get(idOf(key));
    return found === undefined ? [] : [found];
  };
  return {
    schema: {
      ids: new VertexIds(document.partitions),
      types,
      labels: new Map(document.labels.map(({ id, name }) => [idOf(id), { id: idOf(id), name }])),
      compositeIndexes: document.compositeIndexes.map(({ onlyFor, keys, ...index }) => ({
        ...index,
        kind: 'composite',
        id: idOf(index.id),
        keys: keys.flatMap(keyOf),
        ...constraint(onlyFor),
      })),
      mixedIndexes: document.mixedIndexes.map(({ onlyFor, fields, ...index }) => ({
        ...index,
        kind: 'mixed',
        id: idOf(index.id),
        fields: fields.flatMap(({ key, field, mapping }) =>
          keyOf(key).map((found) => ({ key: found, field, mapping })),
        ),
        ...constraint(onlyFor),
      })),
      customVertexIds: document.customVertexIds,
      // One that allows them is refused before its schema is stored.
      textVertexIds: false,
    },
    shapes: document.shapes.map(({ label, parts }) => ({ label: idOf(label), parts: new Set(parts) })),
  };
}

/** JanusGraph's own types alone: with them the log still tells vertices, and ids stand for names. */
export function bareSchema(): GraphSchema {
  return {
    ids: new VertexIds(32),
    types: new Map(systemTypes.map((type) => [type.id, type])),
    labels: new Map(),
    compositeIndexes: [],
    mixedIndexes: [],
    customVertexIds: false,
    textVertexIds: false,
  };
}

function idOf(text: string): Id {
  return exactId(BigInt(text));
}
