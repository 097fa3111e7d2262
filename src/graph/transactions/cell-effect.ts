import { ByteReader, UndecodableRow, type Id } from '../codec/byte-reader.ts';
import { vertexKind } from '../codec/element-id.ts';
import { readEntry, type IndexEntry } from '../codec/index-entry.ts';
import { readRelationType, RelationReader, UnknownType, type Relation } from '../codec/relation.ts';
import { vertexExists, vertexLabelEdge, type CompositeIndex } from '../codec/relation-type.ts';
import type { GraphSchema } from '../schema.ts';
import { readPositive, readPositiveBackward } from '../codec/variable-long.ts';
import type { SlotCell } from './slot-cells.ts';

/** What a change of one cell means for the graph. `written`: whether the element was there before, the log alone does not say. */
export type CellEffect =
  | { readonly kind: 'vertex'; readonly vertex: Id; readonly removed: boolean }
  | { readonly kind: 'label'; readonly vertex: Id; readonly label: Id | undefined; readonly removed: boolean }
  | PropertyEffect
  | EdgeEffect
  | EntryEffect
  /** A whole row removed at once, or bytes that cannot be read. */
  | { readonly kind: 'row'; readonly vertex: Id | undefined; readonly removed: boolean; readonly why: string };

export interface PropertyEffect {
  readonly kind: 'property';
  readonly vertex: Id;
  readonly type: Id;
  /** Of a removed property of cardinality LIST, and of every written one. */
  readonly relation: Id | undefined;
  readonly written: Relation | undefined;
  readonly removed: boolean;
}

/** One end of an edge: of most edges a transaction touches both. */
export interface EdgeEffect {
  readonly kind: 'edge';
  /** The vertex in whose row the cell is. */
  readonly vertex: Id;
  readonly direction: 'out' | 'in';
  readonly type: Id;
  /** Unknown for a removed end of which there can be only one. */
  readonly other: Id | undefined;
  readonly relation: Id | undefined;
  readonly written: Relation | undefined;
  /** A vertex-centric index' copy of the edge: not counted. */
  readonly repeats: boolean;
  readonly removed: boolean;
}

export interface EntryEffect {
  readonly kind: 'entry';
  readonly index: CompositeIndex | undefined;
  readonly indexId: Id;
  /** The vertex that the entry leads to, or the out-vertex of the edge or property; unknown for a removed entry of a unique index. */
  readonly vertex: Id | undefined;
  readonly relation: Id | undefined;
  /** What was written. */
  readonly entry: IndexEntry | undefined;
  readonly removed: boolean;
}

/** Reads cells of the log by a schema; what the schema lacks is read as far as the bytes say it themselves. */
export class CellEffectReader {
  readonly #schema: GraphSchema;
  readonly #relations: RelationReader;
  readonly #indexes: ReadonlyMap<Id, CompositeIndex>;

  constructor(schema: GraphSchema) {
    this.#schema = schema;
    this.#relations = new RelationReader(schema.types);
    this.#indexes = new Map(schema.compositeIndexes.map((index) => [index.id, index]));
  }

  read(cell: SlotCell): CellEffect {
    const removed = cell.value === undefined;
    try {
      return cell.table === 'edgestore' ? this.#relation(cell) : this.#entry(cell);
    } catch (error) {
      if (!(error instanceof UndecodableRow)) throw error;
      return { kind: 'row', vertex: this.#vertexOf(cell), removed, why: error.happened };
    }
  }

  #vertexOf({ table, key }: SlotCell): Id | undefined {
    return table === 'edgestore' && key.length === 8
      ? this.#schema.ids.canonical(this.#schema.ids.fromKey(key))
      : undefined;
  }

  #relation(cell: SlotCell): CellEffect {
    const vertex = this.#schema.ids.canonical(this.#schema.ids.fromKey(cell.key));
    const removed = cell.value === undefined;
    if (cell.column === undefined) return { kind: 'row', vertex, removed, why: 'The whole row was removed at once.' };
    const found = this.#relationAt(cell.column, cell.value);
    if (found.type === vertexExists) return { kind: 'vertex', vertex, removed };
    if (found.type === vertexLabelEdge) return { kind: 'label', vertex, label: found.other, removed };
    const { type, direction, relation } = found;
    if (!found.edge) return { kind: 'property', vertex, type, relation, written: found.written, removed };
    const other = found.other === undefined ? undefined : this.#schema.ids.canonical(found.other);
    return {
      kind: 'edge',
      vertex,
      direction,
      type,
      other,
      relation,
      written: found.written,
      repeats: found.repeats,
      removed,
    };
  }

  #relationAt(column: Buffer, value: Buffer | undefined): FoundRelation {
    try {
      if (value !== undefined) {
        const written = this.#relations.read(column, value);
        return { ...factsOf(written), relation: written.id, written };
      }
      const known = this.#relations.readColumn(column);
      return { ...factsOf(known), relation: known.id, written: undefined };
    } catch (error) {
      if (!(error instanceof UnknownType)) throw error;
      return guessed(column);
    }
  }

  #entry(cell: SlotCell): CellEffect {
    const removed = cell.value === undefined;
    const indexId = readPositive(new ByteReader(cell.key));
    const index = this.#indexes.get(indexId);
    if (cell.value !== undefined && cell.column !== undefined) {
      const entry = readEntry(this.#indexes, cell.key, cell.column, cell.value);
      const vertex = entry?.element.vertex ?? (index === undefined ? firstNumber(cell.value, 0) : undefined);
      return {
        kind: 'entry',
        index,
        indexId,
        vertex: this.#canonical(vertex),
        relation: entry?.element.relation,
        entry,
        removed,
      };
    }
    // Behind a zero byte stands the element's id, but for a unique index, which has one entry for its values whatever they lead to.
    const named = cell.column === undefined ? undefined : firstNumber(cell.column, 1);
    const ofVertex = index === undefined || index.element === 'vertex';
    return {
      kind: 'entry',
      index,
      indexId,
      vertex: ofVertex ? this.#canonical(named) : undefined,
      relation: ofVertex ? undefined : named,
      entry: undefined,
      removed,
    };
  }

  #canonical(vertex: Id | undefined): Id | undefined {
    return vertex === undefined ? undefined : this.#schema.ids.canonical(vertex);
  }
}

interface FoundRelation {
  readonly type: Id;
  readonly edge: boolean;
  readonly direction: 'out' | 'in';
  readonly other: Id | undefined;
  readonly relation: Id | undefined;
  readonly repeats: boolean;
  readonly written: Relation | undefined;
}

function factsOf({ type, direction, other }: Pick<Relation, 'type' | 'direction' | 'other'>) {
  return { type: type.id, edge: type.category === 'edge', direction, other, repeats: type.repeats !== undefined };
}

/** Of a type that the schema lacks: an edge of multiplicity MULTI ends in two ids, one that is unique per pair of vertices in one. */
function guessed(column: Buffer): FoundRelation {
  const reader = new ByteReader(column);
  const { id: type, direction } = readRelationType(reader);
  const ids: Id[] = [];
  while (reader.remaining > 0 && ids.length < 2) {
    try {
      ids.push(readPositiveBackward(reader));
    } catch {
      break;
    }
  }
  // The low bits of an id tell edge labels (21) from property keys (5).
  const edge = Number(BigInt(type) & 31n) === 21;
  const [last, before] = ids;
  const both = before !== undefined && vertexKind(before) !== 'schema';
  if (!edge)
    return { type, edge, direction, other: undefined, relation: undefined, repeats: false, written: undefined };
  return {
    type,
    edge,
    direction,
    other: both ? before : last,
    relation: both ? last : undefined,
    repeats: false,
    written: undefined,
  };
}

function firstNumber(bytes: Buffer, from: number): Id | undefined {
  if (bytes.length <= from) return undefined;
  try {
    return readPositive(new ByteReader(bytes, from));
  } catch {
    return undefined;
  }
}
