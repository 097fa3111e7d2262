import type { LoggedTable } from '../model/log-schema.ts';
import { intAt } from './big-endian.ts';
import { isOfCore } from './log-version.ts';
import { apacheTypes, columnType, coreTypes } from './column-type.ts';

/** A column as the log's format needs it. */
export interface LaidColumn {
  readonly name: string;
  /** UTF-8 of the name, as the log writes it. */
  readonly nameBytes: Uint8Array;
  readonly fixedLength: number | undefined;
  readonly multiCell: boolean;
}

/** A table as the log's format needs it. */
export class TableLayout {
  readonly table: LoggedTable;
  readonly id: Uint8Array;
  /** Fixed length of each clustering column's values, in order. */
  readonly clustering: ReadonlyArray<number | undefined>;
  readonly #columns = new Map<number, LaidColumn[]>();

  constructor(table: LoggedTable, dialect = apacheTypes) {
    this.table = table;
    this.id = Buffer.from(table.id.replaceAll('-', ''), 'hex');
    this.clustering = table.columns
      .filter(({ kind }) => kind === 'clustering')
      .sort((a, b) => a.position - b.position)
      .map(({ type }) => columnType(type, dialect).fixedLength);
    // A column that was dropped and made anew stands in both lists; the living one counts.
    for (const { name, type } of [...table.columns, ...table.dropped]) {
      const nameBytes = Buffer.from(name);
      if (this.column(nameBytes, 0, nameBytes.length) !== undefined) continue;
      const laid = { name, nameBytes, ...columnType(type, dialect) };
      const hash = hashOf(nameBytes, 0, nameBytes.length);
      this.#columns.set(hash, [...(this.#columns.get(hash) ?? []), laid]);
    }
  }

  /** The column whose name stands at `bytes[from..to)`. */
  column(bytes: Uint8Array, from: number, to: number): LaidColumn | undefined {
    const candidates = this.#columns.get(hashOf(bytes, from, to));
    if (candidates === undefined) return undefined;
    for (const column of candidates) {
      if (column.nameBytes.length === to - from && standsAt(column.nameBytes, bytes, from)) return column;
    }
    return undefined;
  }
}

/** Finds tables by the 16 bytes of an id. Made once for a schema. */
export class TableIndex {
  readonly #tables = new Map<number, TableLayout[]>();

  constructor(tables: Iterable<LoggedTable>, dialect = apacheTypes) {
    for (const table of tables) {
      const layout = new TableLayout(table, dialect);
      const key = intAt(layout.id, 0);
      this.#tables.set(key, [...(this.#tables.get(key) ?? []), layout]);
    }
  }

  find(bytes: Uint8Array, at: number): TableLayout | undefined {
    const candidates = this.#tables.get(intAt(bytes, at));
    if (candidates === undefined) return undefined;
    for (const layout of candidates) {
      if (standsAt(layout.id, bytes, at)) return layout;
    }
    return undefined;
  }
}

type KnownIndexes = WeakMap<ReadonlyMap<string, LoggedTable>, { index: TableIndex; size: number }>;

const apacheIndexes: KnownIndexes = new WeakMap();
const coreIndexes: KnownIndexes = new WeakMap();

/** The index of a schema for logs of a version, kept as long as the schema is; a schema only ever gains tables. */
export function tableIndexOf(schema: ReadonlyMap<string, LoggedTable>, version: number): TableIndex {
  const indexes = isOfCore(version) ? coreIndexes : apacheIndexes;
  const known = indexes.get(schema);
  if (known?.size === schema.size) return known.index;
  const index = new TableIndex(schema.values(), isOfCore(version) ? coreTypes : apacheTypes);
  indexes.set(schema, { index, size: schema.size });
  return index;
}

/** `5bc52802-de25-35ed-aeab-188eecebb090` of 16 bytes. */
export function formatTableId(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Whether `bytes` go on with `what` at `at`. */
export function standsAt(what: Uint8Array, bytes: Uint8Array, at: number): boolean {
  for (let step = 0; step < what.length; step += 1) {
    if (what[step] !== bytes[at + step]) return false;
  }
  return true;
}

function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = to - from;
  for (let at = from; at < to; at += 1) hash = (Math.imul(hash, 31) + (bytes[at] as number)) | 0;
  return hash;
}
