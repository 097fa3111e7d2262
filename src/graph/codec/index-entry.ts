import { canonicalText, isOpaque, readPresent, shownValue, writePresent, type Attribute } from './attribute.ts';
import { ByteReader, UndecodableRow, type Id } from './byte-reader.ts';
import type { Relation } from './relation.ts';
import type { CompositeIndex } from './relation-type.ts';
import { readPositive, writePositive } from './variable-long.ts';

/** An element as a composite index names it: a vertex, or an edge or property with its vertices. */
export interface IndexedElement {
  readonly vertex: Id;
  readonly relation?: Id;
  readonly type?: Id;
  readonly inVertex?: Id;
}

/** One entry of a composite index, as it is stored or as it ought to be. */
export interface IndexEntry {
  readonly index: CompositeIndex;
  readonly values: readonly Attribute[];
  readonly element: IndexedElement;
  /** Ids of the properties that gave the values; kept for indexes of cardinality `list` only. */
  readonly relations: readonly Id[];
}

/** A value with the id of the property that has it. */
export interface KeyedValue {
  readonly relation: Id;
  readonly value: Attribute;
}

/** The entries that a vertex must have in an index: one for every combination of values of its keys. */
export function entriesOfVertex(
  index: CompositeIndex,
  vertex: Id,
  valuesOf: (key: Id) => readonly KeyedValue[] | undefined,
): IndexEntry[] {
  let combined: KeyedValue[][] = [[]];
  for (const key of index.keys) {
    const values = valuesOf(key.id);
    if (values === undefined) return [];
    combined = combined.flatMap((chosen) => values.map((value) => [...chosen, value]));
  }
  return combined.map((chosen) =>
    entry(
      index,
      chosen.map((one) => one.value),
      { vertex },
      chosen.map((one) => one.relation),
    ),
  );
}

/** The entry that an edge or property must have in an index; undefined when it lacks one of the keys. */
export function entryOfRelation(index: CompositeIndex, outVertex: Id, relation: Relation): IndexEntry | undefined {
  const { id } = relation;
  // Of an element whose id stands behind a value of a class of the user's own neither the id nor any key is known.
  if (id === undefined) return undefined;
  const values: Attribute[] = [];
  for (const key of index.keys) {
    const found = relation.properties.find((property) => property.key.id === key.id);
    if (found === undefined) return undefined;
    values.push(found.value);
  }
  const ends = relation.other === undefined ? {} : { inVertex: relation.other };
  const element = { vertex: outVertex, relation: id, type: relation.type.id, ...ends };
  return entry(
    index,
    values,
    element,
    index.keys.map(() => id),
  );
}

function entry(index: CompositeIndex, values: Attribute[], element: IndexedElement, relations: Id[]): IndexEntry {
  return { index, values, element, relations: index.cardinality === 'list' ? relations : [] };
}

/** Holds a value of a class of the user's own: no one can say where it ends in the key, so that such entries are not compared. */
export function isOpaqueEntry({ values }: IndexEntry): boolean {
  return values.some(({ type }) => isOpaque(type));
}

/** Whether the values of an index can be told apart in its keys. */
export function isComparable(index: CompositeIndex): boolean {
  return !index.keys.some((key) => isOpaque(key.dataType));
}

/** One text per entry, the same for the stored and the expected one. */
export function entryText({ index, values, element, relations }: IndexEntry): string {
  const ends = [element.vertex, element.relation, element.type, element.inVertex].join('.');
  return `${index.id}|${ends}|${relations.join('.')}|${values.map(canonicalText).join('|')}`;
}

/**
 * Reads a stored entry. The key is the index' id and the values, the column tells apart the entries with equal values,
 * the value names the element. Undefined for entries of indexes that are not in use. Throws UndecodableRow.
 */
export function readEntry(
  indexes: ReadonlyMap<Id, CompositeIndex>,
  key: Uint8Array,
  column: Uint8Array,
  value: Uint8Array,
): IndexEntry | undefined {
  const keyReader = new ByteReader(key);
  const index = indexes.get(readPositive(keyReader));
  if (index === undefined) return undefined;
  const values = index.keys.map((field) => readPresent(keyReader, field.dataType));
  if (keyReader.remaining > 0) throw new UndecodableRow(`an entry of index "${index.name}" has more bytes than values`);
  const element = readElement(index, new ByteReader(value));
  return { index, values, element, relations: readRelations(index, new ByteReader(column)) };
}

function readElement(index: CompositeIndex, reader: ByteReader): IndexedElement {
  // For vertices copies of inlined properties may follow the id; they are not compared.
  if (index.element === 'vertex') return { vertex: readPositive(reader) };
  const relation = readPositive(reader);
  const vertex = readPositive(reader);
  const type = readPositive(reader);
  return { vertex, relation, type, ...(reader.remaining > 0 ? { inVertex: readPositive(reader) } : {}) };
}

function readRelations(index: CompositeIndex, reader: ByteReader): Id[] {
  if (index.cardinality !== 'list') return [];
  reader.byte();
  readPositive(reader);
  return index.keys.map(() => readPositive(reader));
}

/** Where an entry is stored; undefined for values whose bytes cannot be told from the value. */
export function entryAddress({
  index,
  values,
  element,
  relations,
}: IndexEntry): { key: Buffer; column: Buffer } | undefined {
  const key: number[] = [];
  writePositive(key, index.id);
  for (const [at, value] of values.entries()) {
    if (!writePresent(key, index.keys[at]?.dataType ?? '', value)) return undefined;
  }
  const column = [0];
  if (index.cardinality !== 'single') writePositive(column, element.relation ?? element.vertex);
  for (const relation of relations) writePositive(column, relation);
  return { key: Buffer.from(key), column: Buffer.from(column) };
}

/** `vertex 12`, `edge 34`, `property 56`. */
export function elementName(index: CompositeIndex, element: IndexedElement): string {
  return `${index.element} ${element.relation ?? element.vertex}`;
}

export function shownValues(values: readonly Attribute[]): string {
  return values.map(shownValue).join(', ');
}
