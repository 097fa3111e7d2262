import type { Micros } from '../../model/instant.ts';
import type { Id } from '../codec/byte-reader.ts';
import {
  entriesOfVertex,
  entryAddress,
  entryOfRelation,
  type IndexEntry,
  type KeyedValue,
} from '../codec/index-entry.ts';
import type { Relation } from '../codec/relation.ts';
import { isUnique, type CompositeIndex } from '../codec/relation-type.ts';
import type { GraphSchema } from '../schema.ts';
import type { TransactionGroup } from './group.ts';
import { cellName } from './slot-cells.ts';
import type { EdgeEffect, EntryEffect, PropertyEffect } from './cell-effect.ts';

/**
 * What of a group is not in the log that was read, a line each; none when it is whole. Sees what the cells that are there call for: the other
 * end of every edge, the index entry of every property, the existence of every labelled vertex. A row of which nothing is there at all, and
 * which nothing else calls for, it cannot see.
 */
export function wholeness(schema: GraphSchema, group: TransactionGroup): readonly string[] {
  return [...missingEnds(schema, group), ...missingEntries(schema, group), ...missingRows(group)];
}

export function isWhole(schema: GraphSchema, group: TransactionGroup): boolean {
  return wholeness(schema, group).length === 0;
}

/** Slots of which some group is not whole: a restore into the unsettled end of the log leaves each of them out, with all its groups. */
export function incompleteSlots(schema: GraphSchema, groups: Iterable<TransactionGroup>): ReadonlySet<Micros> {
  const slots = new Set<Micros>();
  for (const group of groups) if (!isWhole(schema, group)) slots.add(group.slot);
  return slots;
}

function missingEnds(schema: GraphSchema, group: TransactionGroup): string[] {
  const ends = group.cells.flatMap(({ touch }) => (touch.kind === 'edge' && !touch.repeats ? [touch] : []));
  const there = new Set(ends.flatMap((end) => endNames(end)));
  const lacking: string[] = [];
  for (const end of ends) {
    const type = schema.types.get(end.type);
    if (type === undefined || type.outOnly) continue;
    const opposite = end.direction === 'out' ? 'in' : 'out';
    if (end.other === undefined) {
      if (there.has(`${opposite} ${end.type} to ${end.vertex}`) || type.multiplicity === 'one-to-one') continue;
      lacking.push(`The other end of the edge "${type.name}" that vertex ${end.vertex} lost is not in the log.`);
      continue;
    }
    // A removed end of which there can be one only does not name the other vertex; it may as well have been replaced.
    const anyAt = isUnique(type.multiplicity, opposite) && end.removed;
    const wanted = anyAt
      ? `${opposite} ${end.type} at ${end.other}`
      : `${opposite} ${end.type} ${end.other} ${end.vertex} ${end.relation ?? ''} ${end.removed ? '-' : '+'}`;
    if (there.has(wanted)) continue;
    const what = end.removed ? 'removed' : 'written';
    lacking.push(
      `The edge "${type.name}" between vertices ${end.vertex} and ${end.other} is ${what} only at the first vertex; its end at the second is not in the log.`,
    );
  }
  return lacking;
}

function endNames({ direction, type, vertex, other, relation, removed }: EdgeEffect): string[] {
  const at = `${direction} ${type} at ${vertex}`;
  if (other === undefined) return [at];
  return [
    at,
    `${direction} ${type} to ${other}`,
    `${direction} ${type} ${vertex} ${other} ${relation ?? ''} ${removed ? '-' : '+'}`,
  ];
}

function missingEntries(schema: GraphSchema, group: TransactionGroup): string[] {
  const written = new Map<Id, Map<Id, KeyedValue[]>>();
  const properties: PropertyEffect[] = [];
  const entries: EntryEffect[] = [];
  const lacking: string[] = [];
  const there = new Set(group.cells.map(({ name }) => name));
  const need = (entry: IndexEntry, what: string): void => {
    const address = entryAddress(entry);
    if (address === undefined || there.has(cellName('graphindex', address.key, address.column))) return;
    lacking.push(`Index "${entry.index.name}" has no entry for ${what} in the log.`);
  };
  const needOfRelation = (element: 'edge' | 'property', vertex: Id, relation: Relation): void => {
    for (const index of schema.compositeIndexes) {
      if (index.element !== element || (index.onlyFor !== undefined && index.onlyFor !== relation.type.id)) continue;
      const entry = entryOfRelation(index, vertex, relation);
      if (entry !== undefined) need(entry, `${element} ${relation.id}`);
    }
  };
  for (const { touch } of group.cells) {
    if (touch.kind === 'property') {
      properties.push(touch);
      keep(written, touch);
      if (touch.written !== undefined) needOfRelation('property', touch.vertex, touch.written);
    } else if (touch.kind === 'entry') entries.push(touch);
    else if (touch.kind === 'edge' && touch.direction === 'out' && touch.written !== undefined && !touch.repeats) {
      needOfRelation('edge', touch.vertex, touch.written);
    }
  }
  for (const index of schema.compositeIndexes) {
    if (index.element !== 'vertex') continue;
    for (const [vertex, values] of written) {
      const change = group.vertices.get(vertex);
      // Of a vertex that was there before, neither the label nor the properties that were not written are known.
      const known = change?.state === 'added' || (index.keys.length === 1 && index.onlyFor === undefined);
      if (!known || (index.onlyFor !== undefined && index.onlyFor !== change?.label)) continue;
      for (const entry of entriesOfVertex(index, vertex, (key) => values.get(key))) need(entry, `vertex ${vertex}`);
    }
    lacking.push(...unremovedEntries(index, properties, entries, group));
  }
  for (const entry of entries) {
    if (entry.index === undefined || entry.vertex === undefined || entry.index.element !== 'vertex') continue;
    const keys = new Set(entry.index.keys.map((key) => key.id));
    if (properties.some(({ vertex, type }) => vertex === entry.vertex && keys.has(type))) continue;
    lacking.push(
      `Index "${entry.index.name}" changed for vertex ${entry.vertex}, but the change of its properties is not in the log.`,
    );
  }
  return lacking;
}

function keep(written: Map<Id, Map<Id, KeyedValue[]>>, touch: PropertyEffect): void {
  if (touch.written?.value === undefined || touch.written.id === undefined) return;
  const values = written.get(touch.vertex) ?? new Map<Id, KeyedValue[]>();
  written.set(touch.vertex, values);
  const value = { relation: touch.written.id, value: touch.written.value };
  const ofKey = values.get(touch.type);
  if (ofKey === undefined) values.set(touch.type, [value]);
  else ofKey.push(value);
}

/** A removed property of an index with this key alone frees its entry. */
function unremovedEntries(
  index: CompositeIndex,
  properties: readonly PropertyEffect[],
  entries: readonly EntryEffect[],
  group: TransactionGroup,
): string[] {
  const [key, ...more] = index.keys;
  if (key === undefined || more.length > 0 || index.onlyFor !== undefined) return [];
  const removed = properties.filter((property) => property.removed && property.type === key.id);
  if (removed.length === 0) return [];
  const freed = entries.filter((entry) => entry.indexId === index.id);
  // A unique index' entry does not say whose it was: as many must have gone as there are properties.
  if (index.cardinality === 'single') {
    const loose = group.loose.filter(({ touch }) => touch.kind === 'entry' && touch.indexId === index.id);
    const gone = freed.filter((entry) => entry.removed).length + loose.length;
    return gone >= removed.length
      ? []
      : [`In the log, index "${index.name}" lost ${gone} entries, but ${removed.length} properties were removed.`];
  }
  const ofVertices = new Set(freed.map((entry) => entry.vertex));
  return removed
    .filter(({ vertex }) => !ofVertices.has(vertex))
    .map(
      ({ vertex }) =>
        `Vertex ${vertex} lost a property, but the removal of its entry in index "${index.name}" is not in the log.`,
    );
}

/** A label is written and removed with the vertex' existence, never alone. */
function missingRows(group: TransactionGroup): string[] {
  const existing = new Set<Id>();
  for (const { touch } of group.cells) if (touch.kind === 'vertex') existing.add(touch.vertex);
  return group.cells.flatMap(({ touch }) =>
    touch.kind === 'label' && !existing.has(touch.vertex)
      ? [`The label of vertex ${touch.vertex} is in the log, but its existence property is not.`]
      : [],
  );
}
