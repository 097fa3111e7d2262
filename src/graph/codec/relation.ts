import { canonicalText, isOpaque, readAttribute, type Attribute } from './attribute.ts';
import { ByteReader, TextVertexId, UndecodableRow, type Id } from './byte-reader.ts';
import { isUnique, type RelationType } from './relation-type.ts';
import { readPositive, readPositiveBackward, readWithPrefix, writeWithPrefix } from './variable-long.ts';

/** One cell of a vertex' row: a property of the vertex, or one end of an edge. */
export interface Relation {
  readonly type: RelationType;
  readonly direction: 'out' | 'in';
  /** Undefined where it stands behind a value of a class of the user's own, of which nobody knows where it ends. */
  readonly id: Id | undefined;
  /** The vertex at the other end; edges only. */
  readonly other: Id | undefined;
  /** Properties only. */
  readonly value: Attribute | undefined;
  /** Properties of the edge, or of the property, in the order they are stored. */
  readonly properties: readonly InlineProperty[];
}

export interface InlineProperty {
  readonly key: RelationType;
  readonly value: Attribute;
}

export type ColumnRelation = Pick<Relation, 'type' | 'direction' | 'other' | 'id'>;

/** A cell of a type that the schema does not have. */
export class UnknownType extends UndecodableRow {
  readonly typeId: Id;
  constructor(typeId: Id) {
    super(`its type has the id ${typeId}, which is not in the schema`);
    this.typeId = typeId;
  }
}

const prefixBits = 3;

/**
 * Reads cells. The column starts with the type and the direction; what follows depends on the type's multiplicity:
 * what makes the cell unique stands in the column, everything else in the value.
 */
export class RelationReader {
  readonly #types: ReadonlyMap<Id, RelationType>;
  readonly #column = new ByteReader(new Uint8Array(0));
  readonly #value = new ByteReader(new Uint8Array(0));

  constructor(types: ReadonlyMap<Id, RelationType>) {
    this.#types = types;
  }

  /** Throws UnknownType, or UndecodableRow when the bytes do not fit the type. */
  read(columnBytes: Uint8Array, valueBytes: Uint8Array): Relation {
    const column = this.#column.reset(columnBytes);
    const value = this.#value.reset(valueBytes);
    const { id: typeId, direction } = readRelationType(column);
    const type = this.#type(typeId);
    const properties: InlineProperty[] = [];
    let id: Id | undefined;
    let other: Id | undefined;
    let found: Attribute | undefined;
    if (type.category === 'edge') {
      if (type.multiplicity === 'multi') {
        id = readPositiveBackward(column);
        other = readPositiveBackward(column);
        this.#sortKey(type, column, properties);
      } else {
        other = isUnique(type.multiplicity, direction) ? readPositive(value) : readPositiveBackward(column);
        id = readPositive(value);
      }
      // A vertex id of text starts, or from behind ends, with a byte that otherwise reads as zero.
      if (other === 0) throw new TextVertexId('it leads to a vertex with a text id, which is not supported');
    } else {
      if (type.multiplicity === 'multi') {
        id = readPositiveBackward(column);
        found = readAttribute(value, type.dataType);
      } else {
        found = readAttribute(type.multiplicity === 'simple' ? column : value, type.dataType);
        const behind = found !== undefined && isOpaque(found.type) && type.multiplicity !== 'simple';
        id = behind ? undefined : readPositive(value);
      }
      if (found === undefined) throw new UndecodableRow(`a property "${type.name}" has no value`);
    }
    for (const key of type.signature) {
      // A class of the user's own took all the rest.
      if (value.remaining > 0) this.#inline(value, this.#type(key), false, properties);
      else if (!endsOpaque(found, properties)) throw new UndecodableRow(`it ends before its "${this.#type(key).name}"`);
    }
    while (value.remaining > 0) this.#inline(value, this.#type(readInlineType(value)), false, properties);
    return { type, direction, id, other, value: found, properties };
  }

  /**
   * What a column says by itself, as in the log's record of a removed cell, where the value is gone: a relation's id and the vertex at the
   * other end stand there only as far as the type's multiplicity puts them there. Throws UnknownType or UndecodableRow.
   */
  readColumn(columnBytes: Uint8Array): ColumnRelation {
    const column = this.#column.reset(columnBytes);
    const { id: typeId, direction } = readRelationType(column);
    const type = this.#type(typeId);
    let id: Id | undefined;
    let other: Id | undefined;
    if (type.multiplicity === 'multi') id = readPositiveBackward(column);
    if (type.category === 'edge' && (type.multiplicity === 'multi' || !isUnique(type.multiplicity, direction))) {
      other = readPositiveBackward(column);
    }
    return { type, direction, id, other };
  }

  #type(id: Id): RelationType {
    const type = this.#types.get(id);
    if (type === undefined) throw new UnknownType(id);
    return type;
  }

  /** What lies between the type and the ids at the column's end; turned round bit by bit when it sorts downward. */
  #sortKey(type: RelationType, column: ByteReader, into: InlineProperty[]): void {
    if (type.sortKey.length === 0) return;
    const bytes = column.take(column.remaining);
    const reader = new ByteReader(type.descending ? bytes.map((byte) => byte ^ 0xff) : bytes);
    for (const key of type.sortKey) {
      // What a class of the user's own took ends at the ids, which were read from behind: all of it is carried.
      if (reader.remaining === 0 && endsOpaque(undefined, into)) break;
      this.#inline(reader, this.#type(key), true, into);
    }
  }

  #inline(reader: ByteReader, key: RelationType, ordered: boolean, into: InlineProperty[]): void {
    const value = readAttribute(reader, key.dataType, ordered);
    if (value !== undefined) into.push({ key, value });
  }
}

/** Whether what was read last is a class of the user's own, which takes all of the cell that is left. */
function endsOpaque(value: Attribute | undefined, properties: readonly InlineProperty[]): boolean {
  const last = properties.at(-1)?.value ?? value;
  return last !== undefined && isOpaque(last.type);
}

/** The type and direction at the start of a column. */
export function readRelationType(column: ByteReader): { readonly id: Id; readonly direction: 'out' | 'in' } {
  const { prefix, value } = readWithPrefix(column, prefixBits);
  const edge = (prefix & 1) === 1;
  const system = prefix >> 1 === 0;
  const count = Math.floor(value / 2);
  const low = edge ? (system ? 53 : 21) : system ? 37 : 5;
  return { id: count * 64 + low, direction: edge && value % 2 === 1 ? 'in' : 'out' };
}

/** The bytes that every column of this type and direction starts with. */
export function columnPrefix(type: RelationType, direction: 'out' | 'in'): Buffer {
  const visibility = type.system ? 0 : type.repeats === undefined ? 1 : 2;
  const out: number[] = [];
  const count = BigInt(type.id) >> 6n;
  const edge = type.category === 'edge' ? 1 : 0;
  writeWithPrefix(out, count * 2n + (direction === 'in' ? 1n : 0n), visibility * 2 + edge, prefixBits);
  return Buffer.from(out);
}

/** The first bytes that sort after everything with this prefix. */
export function afterPrefix(prefix: Buffer): Buffer {
  const next = Buffer.from(prefix);
  for (let at = next.length - 1; at >= 0; at--) {
    next[at] = ((next[at] as number) + 1) & 0xff;
    if (next[at] !== 0) return next.subarray(0, at + 1);
  }
  return next;
}

/** Inside a value, a property key is written without the four bits that every relation type has in common. */
function readInlineType(value: ByteReader): Id {
  const stripped = readPositive(value);
  return typeof stripped === 'number' && stripped < 2 ** 48 ? stripped * 16 + 5 : (BigInt(stripped) << 4n) | 5n;
}

// Between the parts of a canonical form stands a character that JanusGraph allows in no name.
const gap = '\u001e';

/** Canonical form of a vertex. */
export function vertexText(id: Id, label: string): string {
  return `v${gap}${id}${gap}${label}`;
}

/** Canonical form of a vertex' property, with its own properties by key. */
export function propertyText(vertex: Id, relation: Relation): string {
  const value = relation.value === undefined ? '' : canonicalText(relation.value);
  return `p${gap}${vertex}${gap}${relation.id}${gap}${relation.type.name}${gap}${value}${inlineText(relation.properties)}`;
}

/** Canonical form of an edge: the same from either end. */
export function edgeText(relation: Relation, outVertex: Id, inVertex: Id): string {
  return `e${gap}${relation.id}${gap}${relation.type.name}${gap}${outVertex}${gap}${inVertex}${inlineText(relation.properties)}`;
}

function inlineText(properties: readonly InlineProperty[]): string {
  if (properties.length === 0) return '';
  const parts = properties.map(({ key, value }) => `${key.name}=${canonicalText(value)}`);
  return gap + (parts.length > 1 ? parts.sort().join(gap) : parts[0]);
}
