import { exactId, TextVertexId, type Id } from './byte-reader.ts';

/**
 * How JanusGraph lays out its ids: `[count | partition | kind]` for vertices of users, `[count | kind]` for schema vertices,
 * `[count | partition]` for relations. In the key of a row the partition comes first, so that a partition's rows lie together.
 */

export type VertexKind = 'normal' | 'partitioned' | 'unmodifiable' | 'invisible' | 'schema';

const kindBits = 3;

/** The kind of a vertex by the low bits of its id. */
export function vertexKind(id: Id): VertexKind {
  const low = typeof id === 'bigint' ? Number(id & 7n) : id % 8;
  switch (low) {
    case 0:
      return 'normal';
    case 2:
      return 'partitioned';
    case 4:
      return 'unmodifiable';
    case 1:
    case 5:
      return 'schema';
    default:
      return 'invisible';
  }
}

export class VertexIds {
  readonly partitionBits: number;
  readonly partitions: number;

  /** `partitions`: `cluster.max-partitions` of the graph, a power of two. */
  constructor(partitions: number) {
    this.partitionBits = Math.round(Math.log2(partitions));
    this.partitions = 2 ** this.partitionBits;
  }

  /** Vertex id from the key of its row. Throws TextVertexId for ids of text, which JanusGraph writes in other than 8 bytes. */
  fromKey(key: Uint8Array): Id {
    if (key.length !== 8) {
      throw new TextVertexId(`its key has ${key.length} bytes: vertex ids of text are not supported`);
    }
    const low = key[7] as number;
    if ((low & 3) === 1) return fold(key, 0xff);
    // The partition's bits stand at the top; without them the rest is the count and the kind.
    const partition =
      this.partitionBits === 0 ? 0 : (((key[0] as number) << 8) | (key[1] as number)) >> (16 - this.partitionBits);
    const topMask = this.partitionBits >= 8 ? 0 : 0xff >> this.partitionBits;
    const rest = fold(key, topMask, this.partitionBits > 8 ? 0xff >> (this.partitionBits - 8) : 0xff);
    if (typeof rest === 'number') {
      const kind = rest % 8;
      const count = (rest - kind) / 8;
      const id = (count * this.partitions + partition) * 8 + kind;
      if (Number.isSafeInteger(id)) return id;
    }
    const whole = BigInt(rest);
    return exactId((((whole >> 3n) * BigInt(this.partitions) + BigInt(partition)) << 3n) | (whole & 7n));
  }

  toKey(id: Id): Buffer {
    const key = Buffer.alloc(8);
    const whole = BigInt(id);
    if (vertexKind(id) === 'schema') {
      key.writeBigUInt64BE(whole);
      return key;
    }
    const kind = whole & 7n;
    const partition = (whole >> 3n) & BigInt(this.partitions - 1);
    const count = whole >> BigInt(kindBits + this.partitionBits);
    key.writeBigUInt64BE((partition << BigInt(64 - this.partitionBits)) | (count << 3n) | kind);
    return key;
  }

  /** Partition of a vertex; schema vertices are all in partition 0. */
  partitionOf(id: Id): number {
    if (vertexKind(id) === 'schema') return 0;
    return Number((BigInt(id) >> 3n) & BigInt(this.partitions - 1));
  }

  /** The running number JanusGraph counted up for this vertex within its partition and kind. */
  countOf(id: Id): Id {
    if (vertexKind(id) === 'schema') return exactId(BigInt(id) >> BigInt(schemaPadding(id)));
    if (typeof id === 'number') return Math.floor(id / (8 * this.partitions));
    return exactId(id >> BigInt(kindBits + this.partitionBits));
  }

  relationPartition(relationId: Id): number {
    return typeof relationId === 'bigint'
      ? Number(relationId & BigInt(this.partitions - 1))
      : relationId % this.partitions;
  }

  relationCount(relationId: Id): Id {
    if (typeof relationId === 'number') return Math.floor(relationId / this.partitions);
    return exactId(relationId >> BigInt(this.partitionBits));
  }

  /**
   * The one id that stands for all parts of a partitioned vertex, which has a row per partition; other ids unchanged.
   * Its partition is the exclusive or of the count's groups of partition bits.
   */
  canonical(id: Id): Id {
    if (vertexKind(id) !== 'partitioned' || this.partitionBits === 0) return id;
    const count = BigInt(this.countOf(id));
    const mask = BigInt(this.partitions - 1);
    let partition = 0n;
    for (let rest = count; rest > 0n; rest >>= BigInt(this.partitionBits)) partition ^= rest & mask;
    return exactId((((count << BigInt(this.partitionBits)) + partition) << 3n) | 2n);
  }
}

/** Bits below the count in a schema vertex' id: 6 for property keys and edge labels, 5 for vertex labels, 4 for all else. */
function schemaPadding(id: Id): number {
  const low = Number(BigInt(id) & 31n);
  if ((low & 15) === 5) return 6;
  return low === 13 ? 5 : 4;
}

/** Big-endian bytes as a number, the first two masked. */
function fold(key: Uint8Array, firstMask: number, secondMask = 0xff): Id {
  let high = (key[0] as number) & firstMask;
  high = high * 256 + ((key[1] as number) & secondMask);
  high = high * 256 + (key[2] as number);
  high = high * 256 + (key[3] as number);
  const low =
    (key[4] as number) * 2 ** 24 + (((key[5] as number) << 16) | ((key[6] as number) << 8) | (key[7] as number));
  return high < 2 ** 21 ? high * 2 ** 32 + low : (BigInt(high) << 32n) | BigInt(low);
}

/** An id as JanusGraph writes it in document names and relation ids: base 36. */
export function idText(id: Id): string {
  return id.toString(36);
}

/** The inverse of `idText`; undefined when the text is no such id. */
export function idFromText(text: string): Id | undefined {
  if (!/^[0-9a-z]+$/.test(text)) return undefined;
  let value = 0n;
  for (const digit of text) value = value * 36n + BigInt(Number.parseInt(digit, 36));
  return exactId(value);
}

/** The public id of an edge (with `inVertex`) or property, as Gremlin shows it. */
export function relationIdText(relation: Id, outVertex: Id, type: Id, inVertex?: Id): string {
  const parts = [relation, outVertex, type, ...(inVertex === undefined ? [] : [inVertex])];
  return parts.map(idText).join('-');
}
