import { UndecodableRow, type ByteReader } from './byte-reader.ts';
import {
  readInteger,
  readLong,
  readOrderedDouble,
  readOrderedFloat,
  readSecondsAndNanos,
  readUuid,
  writeFloat,
  writeLong,
  writeSecondsAndNanos,
  writeUint,
  writeUuid,
} from './stored-scalar.ts';
import { gzipAbove, readOrderedString, readString, writeString } from './stored-text.ts';
import { readCount, writePositive, writeSigned } from './variable-long.ts';

/**
 * A property value with its Java type. `value` is a number for 8 to 32 bit integers, floats and doubles, a bigint for longs and dates
 * (milliseconds), text for text, characters, UUIDs, instants and durations (`seconds.nanos`), JSON and enumerations (their position),
 * an array for arrays, and bytes for what is carried but not interpreted (Geoshape, serialized Java objects, classes of the user's own).
 */
export interface Attribute {
  readonly type: string;
  readonly value: AttributeValue;
}
export type AttributeValue = number | bigint | string | boolean | Uint8Array | readonly AttributeValue[] | null;

interface Codec {
  readonly type: string;
  readonly read: (reader: ByteReader) => AttributeValue;
  /** The form whose bytes sort like the values, used in sort keys; absent where it is the same. */
  readonly readOrdered?: (reader: ByteReader) => AttributeValue;
  /** Only for what can stand in a composite index key. */
  readonly write?: (out: number[], value: AttributeValue) => void;
  /** Carries its own mark for "no value", so that none is written before it. */
  readonly nullable?: true;
}

/** Classes by the number under which JanusGraph registers them; the numbers are part of the format. */
const codecs: ReadonlyMap<number, Codec> = new Map([
  [1, { type: 'Object', read: readObjectMark }],
  [10, { type: 'Byte', read: (r) => r.byte() - 128, write: (out, v) => out.push(Number(v) + 128) }],
  [11, { type: 'Short', read: (r) => r.uint16() - 32_768, write: (out, v) => writeUint(out, Number(v) + 32_768, 2) }],
  [
    12,
    {
      type: 'Integer',
      read: readInteger,
      readOrdered: (r) => r.uint32() - 2 ** 31,
      write: (out, v) => writeSigned(out, Number(v)),
    },
  ],
  [13, { type: 'Long', read: readLong, write: (out, v) => writeLong(out, v as bigint) }],
  [
    14,
    {
      type: 'Character',
      read: (r) => String.fromCharCode(r.uint16()),
      write: (out, v) => writeUint(out, String(v).charCodeAt(0), 2),
    },
  ],
  [15, { type: 'Boolean', read: (r) => r.byte() === 1, write: (out, v) => out.push(v === true ? 1 : 0) }],
  [16, { type: 'Date', read: readLong, write: (out, v) => writeLong(out, v as bigint) }],
  [17, { type: 'Geoshape', read: (r) => r.take(readCount(r)) }],
  [
    18,
    {
      type: 'String',
      read: readString,
      readOrdered: readOrderedString,
      write: (out, v) => writeString(out, String(v)),
      nullable: true,
    },
  ],
  [
    19,
    {
      type: 'Float',
      read: (r) => r.float32(),
      readOrdered: readOrderedFloat,
      write: (out, v) => writeFloat(out, Number(v), 4),
    },
  ],
  [
    20,
    {
      type: 'Double',
      read: (r) => r.float64(),
      readOrdered: readOrderedDouble,
      write: (out, v) => writeFloat(out, Number(v), 8),
    },
  ],
  [21, { type: 'UUID', read: readUuid, write: (out, v) => writeUuid(out, String(v)) }],
  [
    22,
    {
      type: 'byte[]',
      read: (r) =>
        array(
          r,
          () => r.byte(),
          (bytes) => bytes.map((byte) => (Number(byte) << 24) >> 24),
        ),
      nullable: true,
    },
  ],
  [23, { type: 'short[]', read: (r) => array(r, () => (r.uint16() << 16) >> 16), nullable: true }],
  [24, { type: 'int[]', read: (r) => array(r, () => r.uint32() | 0), nullable: true }],
  [25, { type: 'long[]', read: (r) => array(r, () => BigInt.asIntN(64, r.uint64())), nullable: true }],
  [26, { type: 'float[]', read: (r) => array(r, () => r.float32()), nullable: true }],
  [27, { type: 'double[]', read: (r) => array(r, () => r.float64()), nullable: true }],
  [28, { type: 'char[]', read: (r) => array(r, () => String.fromCharCode(r.uint16())), nullable: true }],
  [29, { type: 'boolean[]', read: (r) => array(r, () => r.byte() === 1), nullable: true }],
  [30, { type: 'String[]', read: (r) => array(r, () => readString(r)), nullable: true }],
  ...enumerations(),
  [60, { type: 'Class', read: readClass, nullable: true }],
  [61, { type: 'Parameter', read: readParameter }],
  [62, { type: 'Parameter[]', read: (r) => array(r, () => readParameter(r)), nullable: true }],
  [63, { type: 'TypeDefinitionDescription', read: (r) => [readCount(r), readTagged(r)?.value ?? null] }],
  [64, { type: 'Duration', read: readSecondsAndNanos }],
  [65, { type: 'Instant', read: readSecondsAndNanos, write: (out, v) => writeSecondsAndNanos(out, String(v)) }],
  [67, { type: 'TraverserSet', read: readSerialized }],
  [68, { type: 'HashMap', read: readSerialized }],
  [70, { type: 'ObjectNode', read: readString, readOrdered: readOrderedString }],
  [71, { type: 'ArrayNode', read: readString, readOrdered: readOrderedString }],
] satisfies [number, Codec][]);

const byType: ReadonlyMap<string, Codec> = new Map([...codecs.values()].map((codec) => [codec.type, codec]));

/** From this number on JanusGraph registers classes of the user's own (`attributes.custom.*`), whose bytes only their serializer can read. */
const firstOwn = 100;
const ownClass = 'class of the user, number ';

/** Name of the class with this registration number; one of the user's own goes by its number. Throws UndecodableRow for any other. */
export function typeNamed(registration: number): string {
  return registration >= firstOwn ? `${ownClass}${registration - firstOwn}` : codecOf(registration).type;
}

/**
 * A class of the user's own: nobody but its serializer knows where such a value ends. So it is carried as the bytes up to the end of the
 * cell, with whatever follows it there.
 */
export function isOpaque(type: string): boolean {
  return type.startsWith(ownClass);
}

/** One value of a declared type; `Object` means that the value names its own type. `undefined` when there is none. */
export function readAttribute(reader: ByteReader, type: string, ordered = false): Attribute | undefined {
  if (type === 'Object') return readTagged(reader);
  if (isOpaque(type)) return reader.remaining === 0 ? undefined : opaqueRest(reader, type);
  const codec = byType.get(type);
  if (codec === undefined) throw new UndecodableRow(`values of type ${type} are not supported`);
  if (codec.nullable !== true) {
    const flag = reader.byte();
    if (flag === 0xff) return undefined;
    if (flag !== 0) throw new UndecodableRow(`a value of type ${type} starts with ${flag}`);
  }
  const value = ordered && codec.readOrdered !== undefined ? codec.readOrdered(reader) : codec.read(reader);
  return value === null ? undefined : { type: codec.type, value };
}

/** A value known to be there, as in the key of a composite index: no mark before it. */
export function readPresent(reader: ByteReader, type: string): Attribute {
  const codec = byType.get(type);
  const found = type === 'Object' ? readTagged(reader) : { type, value: codec?.read(reader) ?? null };
  if (codec === undefined || found === undefined || found.value === null) {
    throw new UndecodableRow(`a value of type ${type} is missing`);
  }
  return found;
}

/** The bytes of `readPresent`; undefined for values whose bytes are not fully determined by the value (long compressed text, opaque types). */
export function writePresent(out: number[], type: string, attribute: Attribute): boolean {
  if (type === 'Object') {
    for (const [registration, codec] of codecs) {
      if (codec.type === attribute.type) writePositive(out, registration);
    }
  }
  const codec = byType.get(attribute.type);
  if (codec?.write === undefined || (typeof attribute.value === 'string' && attribute.value.length > gzipAbove))
    return false;
  codec.write(out, attribute.value);
  return true;
}

/** A value that names its own type first; undefined when there is none. */
export function readTagged(reader: ByteReader): Attribute | undefined {
  const registration = readCount(reader);
  if (registration === 0) return undefined;
  if (registration >= firstOwn) return opaqueRest(reader, typeNamed(registration));
  const codec = codecOf(registration);
  const value = codec.read(reader);
  return value === null ? undefined : { type: codec.type, value };
}

/**
 * One text per value, the same wherever it was read: the type, a colon, and the value. Floats and doubles in the shortest digits that
 * read back exactly, text after its length so that nothing in it can be taken for structure.
 */
export function canonicalText(attribute: Attribute): string {
  return `${attribute.type}:${canonicalValue(attribute.value)}`;
}

function canonicalValue(value: AttributeValue): string {
  switch (typeof value) {
    case 'string':
      return `${value.length}'${value}'`;
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'bigint':
    case 'boolean':
      return value.toString();
    case 'object':
      if (value === null) return 'null';
      if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.length).toString('hex');
      return `[${value.map(canonicalValue).join(',')}]`;
  }
}

/** A value for people, shortened. */
export function shownValue(attribute: Attribute): string {
  const value = attribute.value;
  const text = typeof value === 'string' ? JSON.stringify(value) : canonicalValue(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function codecOf(registration: number): Codec {
  const codec = codecs.get(registration);
  if (codec !== undefined) return codec;
  throw new UndecodableRow(`a value has an unsupported type: class number ${registration}`);
}

function opaqueRest(reader: ByteReader, type: string): Attribute {
  // Copied: the reader's bytes may be a slice of a whole network frame, and used again.
  return { type, value: Uint8Array.from(reader.take(reader.remaining)) };
}

/** JanusGraph's own enumerations, by position. */
function enumerations(): [number, Codec][] {
  const names: Readonly<Record<number, string>> = {
    41: 'TypeDefinitionCategory',
    42: 'JanusGraphSchemaCategory',
    43: 'ParameterType',
    44: 'RelationCategory',
    45: 'Order',
    46: 'Multiplicity',
    47: 'Cardinality',
    48: 'Direction',
    49: 'ElementCategory',
    50: 'ConsistencyModifier',
    51: 'SchemaStatus',
    52: 'LogTxStatus',
    53: 'MgmtLogType',
    54: 'TimestampProviders',
    55: 'TimeUnit',
    56: 'Mapping',
    57: 'ConflictAvoidanceMode',
    69: 'GraphCacheEvictionAction',
  };
  return Object.entries(names).map(([number, type]) => [
    Number(number),
    {
      type,
      read: readCount,
      readOrdered: (r) => r.uint32() - 2 ** 31,
      write: (out, v) => writePositive(out, Number(v)),
    },
  ]);
}

function readObjectMark(reader: ByteReader): AttributeValue {
  if (reader.byte() !== 1) throw new UndecodableRow('an empty object is not marked as one');
  return '';
}

function array(
  reader: ByteReader,
  one: () => AttributeValue,
  then: (values: AttributeValue[]) => AttributeValue = (values) => values,
): AttributeValue {
  const length = readCount(reader) - 1;
  if (length < 0) return null;
  if (length > reader.remaining) throw new UndecodableRow('an array is longer than its row');
  return then(Array.from({ length }, one));
}

function readClass(reader: ByteReader): AttributeValue {
  const registration = readCount(reader);
  return registration === 0 ? null : typeNamed(registration);
}

function readParameter(reader: ByteReader): AttributeValue {
  return [readString(reader), readTagged(reader)?.value ?? null];
}

function readSerialized(reader: ByteReader): AttributeValue {
  const length = readCount(reader) - 1;
  return length < 0 ? null : reader.take(length);
}
