/** What of a CQL type the log's format depends on. */
export interface ColumnType {
  /** Bytes of every value of the type; undefined where a length stands before each. */
  readonly fixedLength: number | undefined;
  /** Collections and user types that are not frozen: a cell for each element. */
  readonly multiCell: boolean;
}

/**
 * How a maker of Cassandra writes down the type of a user type's column that is dropped, and was not frozen: `tuple<…>`. The core of HCD (version 100
 * of the log) writes every other tuple as `frozen<tuple<…>>`, so that a bare one has a cell for each element; for Apache none has.
 */
export interface TypeDialect {
  readonly bareTuples: 'multi-cell' | 'one cell';
}

export const apacheTypes: TypeDialect = { bareTuples: 'one cell' };
export const coreTypes: TypeDialect = { bareTuples: 'multi-cell' };

/**
 * Of a type as system_schema gives it: `blob`, `frozen<map<text, int>>`, `vector<float, 3>`, `'org.apache.cassandra.db.marshal.DateType'`.
 * A bare name that is none of CQL's own is a user type, and not frozen. The lengths are those of Cassandra's `valueLengthIfFixed`: it
 * leaves `smallint`, `tinyint`, `date` and `time` out.
 */
export function columnType(cql: string, dialect = apacheTypes): ColumnType {
  const type = cql.trim();
  const [outer, inner] = split(type);
  switch (outer) {
    case 'frozen':
      return { ...columnType(inner, dialect), multiCell: false };
    case 'list':
    case 'set':
    case 'map':
      return { fixedLength: undefined, multiCell: true };
    case 'tuple':
      return { fixedLength: undefined, multiCell: dialect.bareTuples === 'multi-cell' };
    case 'vector':
      return { fixedLength: vectorLength(inner), multiCell: false };
    default:
      break;
  }
  if (type.startsWith("'")) return { fixedLength: custom[type.slice(type.lastIndexOf('.') + 1, -1)], multiCell: false };
  const fixedLength = fixed.get(type);
  return { fixedLength, multiCell: fixedLength === undefined && !variable.has(type) };
}

const fixed = new Map([
  ['boolean', 1],
  ['int', 4],
  ['float', 4],
  ['bigint', 8],
  ['double', 8],
  ['timestamp', 8],
  ['uuid', 16],
  ['timeuuid', 16],
  ['empty', 0],
]);

const variable = new Set([
  'ascii',
  'blob',
  'counter',
  'date',
  'decimal',
  'duration',
  'inet',
  'smallint',
  'text',
  'time',
  'tinyint',
  'varchar',
  'varint',
]);

/** Types that CQL has no name for. */
const custom: Readonly<Record<string, number>> = { DateType: 8, EmptyType: 0, LexicalUUIDType: 16 };

/** `map<text, int>` into `map` and `text, int`. */
function split(type: string): [string, string] {
  const open = type.indexOf('<');
  if (open < 0 || !type.endsWith('>') || type.startsWith('"') || type.startsWith("'")) return [type, ''];
  return [type.slice(0, open).trim(), type.slice(open + 1, -1)];
}

/** Of `float, 3`: the elements lie side by side when their type's length is fixed. */
function vectorLength(inner: string): number | undefined {
  const comma = inner.lastIndexOf(',');
  const element = columnType(inner.slice(0, comma)).fixedLength;
  return element === undefined ? undefined : element * Number(inner.slice(comma + 1));
}
