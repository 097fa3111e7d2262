import type { Micros } from '../../model/instant.ts';
import type { Id } from '../codec/byte-reader.ts';
import { vertexKind } from '../codec/element-id.ts';
import type { GraphSchema } from '../schema.ts';
import { splitSlot, type TouchedCell } from './components.ts';
import { groupId } from './group-id.ts';
import type { Slot } from './slot-cells.ts';
import type { EdgeEffect, CellEffectReader } from './cell-effect.ts';

/**
 * What one transaction did to elements that hang together. `written` are edges and properties that it wrote where the log does not tell
 * whether they were there before: JanusGraph replaces a cell by writing it again. An element at a vertex of the same group's making is `added`.
 */
export interface TransactionGroup {
  readonly id: string;
  readonly slot: Micros;
  readonly part: number;
  /** How many groups the slot has. */
  readonly of: number;
  readonly cells: readonly TouchedCell[];
  /** Removed entries of unique indexes that belong to the slot, to one of its groups or another. */
  readonly loose: readonly TouchedCell[];
  readonly vertices: ReadonlyMap<Id, VertexChange>;
  readonly edges: ReadonlyMap<string, EdgeChange>;
  readonly properties: readonly PropertyChange[];
  readonly entries: { readonly written: number; readonly removed: number };
  /** Of JanusGraph's own types: the schema was changed. */
  readonly schemaChange: boolean;
  /** Rows removed at once and cells that cannot be read: none of JanusGraph's making. */
  readonly odd: readonly string[];
  /** Host ids of the nodes whose logs have it. */
  readonly hosts: readonly string[];
}

export interface VertexChange {
  readonly state: 'added' | 'removed' | 'touched';
  /** Known when the label was written; a removal does not say it. */
  readonly label: Id | undefined;
}

export interface EdgeChange {
  readonly state: 'added' | 'removed' | 'written';
  readonly type: Id;
  readonly relation: Id | undefined;
  readonly out: Id | undefined;
  readonly in: Id | undefined;
}

export interface PropertyChange {
  readonly state: 'added' | 'removed' | 'written';
  readonly vertex: Id;
  readonly key: Id;
}

/** The groups of a slot, in the order of their numbers. `hosts` are those of the `SlotCells` that it came from. */
export function groupsOf(
  schema: GraphSchema,
  slot: Slot,
  hosts: readonly string[],
  reader?: CellEffectReader,
): readonly TransactionGroup[] {
  const { components, loose } = splitSlot(schema, slot, reader);
  return components.map(({ cells }, at) => {
    const part = at + 1;
    const of = components.length;
    const vertices = verticesOf(cells);
    const edges = edgesOf(schema, cells, vertices);
    const seenBy = cells.reduce((bits, { cell }) => bits | cell.seenBy, 0);
    return {
      id: groupId(slot.at, part, of),
      slot: slot.at,
      part,
      of,
      cells,
      loose,
      vertices,
      edges,
      properties: propertiesOf(cells, vertices),
      entries: {
        written: cells.filter(({ touch }) => touch.kind === 'entry' && !touch.removed).length,
        removed: cells.filter(({ touch }) => touch.kind === 'entry' && touch.removed).length,
      },
      schemaChange: [...vertices.keys()].some((vertex) => vertexKind(vertex) === 'schema'),
      odd: cells.flatMap(({ touch }) => (touch.kind === 'row' ? [touch.why] : [])),
      hosts: hosts.filter((_, bit) => (seenBy & (1 << Math.min(bit, 30))) !== 0).toSorted(),
    };
  });
}

function verticesOf(cells: readonly TouchedCell[]): Map<Id, VertexChange> {
  const vertices = new Map<Id, VertexChange>();
  for (const { touch } of cells) {
    if (touch.vertex === undefined || touch.kind === 'entry') continue;
    const known = vertices.get(touch.vertex) ?? { state: 'touched', label: undefined };
    if (touch.kind === 'vertex') {
      vertices.set(touch.vertex, { ...known, state: touch.removed ? 'removed' : 'added' });
    } else if (touch.kind === 'label') {
      vertices.set(touch.vertex, { ...known, label: touch.label });
    } else vertices.set(touch.vertex, known);
  }
  return vertices;
}

/** Both ends of an edge are one edge; a removed end that does not name the other vertex is the one that the other end names. */
function edgesOf(
  schema: GraphSchema,
  cells: readonly TouchedCell[],
  vertices: ReadonlyMap<Id, VertexChange>,
): Map<string, EdgeChange> {
  const edges = new Map<string, EdgeChange>();
  const oneSided: EdgeEffect[] = [];
  const named = new Map<string, Set<string>>();
  for (const { touch } of cells) {
    if (touch.kind !== 'edge' || touch.repeats) continue;
    if (touch.other === undefined) {
      oneSided.push(touch);
      continue;
    }
    const [from, to] = touch.direction === 'out' ? [touch.vertex, touch.other] : [touch.other, touch.vertex];
    // Several edges of one type may join the same two vertices only where the column tells their ids.
    const name = `${touch.type} ${from} ${to} ${touch.relation ?? ''}`;
    const made = vertices.get(from)?.state === 'added' || vertices.get(to)?.state === 'added';
    const state = touch.removed ? 'removed' : made ? 'added' : 'written';
    const known = edges.get(name);
    edges.set(name, {
      state: known?.state ?? state,
      type: touch.type,
      relation: touch.relation ?? known?.relation,
      out: from,
      in: to,
    });
    for (const end of [`out ${touch.type} ${from}`, `in ${touch.type} ${to}`]) {
      const names = named.get(end);
      if (names === undefined) named.set(end, new Set([name]));
      else names.add(name);
    }
  }
  for (const { type, direction, vertex, relation } of oneSided) {
    if (named.has(`${direction} ${type} ${vertex}`)) continue;
    // Where both ends are unique neither names the other; the end that leaves stands for the edge.
    if (direction === 'in' && schema.types.get(type)?.multiplicity === 'one-to-one') continue;
    const ends = direction === 'out' ? { out: vertex, in: undefined } : { out: undefined, in: vertex };
    edges.set(`${direction} ${type} ${vertex}`, { state: 'removed', type, relation, ...ends });
  }
  return edges;
}

function propertiesOf(cells: readonly TouchedCell[], vertices: ReadonlyMap<Id, VertexChange>): PropertyChange[] {
  return cells.flatMap(({ touch }) => {
    if (touch.kind !== 'property') return [];
    const made = vertices.get(touch.vertex)?.state === 'added';
    const state = touch.removed ? 'removed' : made ? 'added' : 'written';
    return [{ state, vertex: touch.vertex, key: touch.type } as const];
  });
}
