import { intAt } from './big-endian.ts';
import { type CutRule, isKept } from './cut-rule.ts';
import { micros } from '../model/instant.ts';
import { boundKinds } from './stored-mutation.ts';
import { cellFlags, epochMicros, itemFlags, partitionFlags } from './mutation-reader.ts';
import type { Treatment } from './cut-decoded.ts';
import { type LaidColumn, standsAt, type TableIndex, type TableLayout } from './table-layout.ts';

export type Verdict =
  /** All of it comes back, byte for byte. */
  | 'whole'
  /** Nothing of it comes back: all was written later, or at excluded times. */
  | 'none'
  /** Its table is left out. */
  | 'omitted'
  /** Another node holds its key. */
  | 'foreign'
  /** The mutation must be decoded to decide about it, or to cut it. */
  | 'unsure';

interface KnownTable {
  readonly layout: TableLayout;
  readonly treatment: Treatment;
  /** Headers of the last update of it. */
  statics: ColumnHeader;
  regulars: ColumnHeader;
}

interface ColumnHeader {
  /** How many columns, and their names, as they are written. */
  readonly bytes: Uint8Array;
  readonly columns: readonly LaidColumn[];
}

const noHeader: ColumnHeader = { bytes: Uint8Array.of(0), columns: [] };

/**
 * Tells of most mutations what the cut would do with them, without taking them apart: it passes over every byte's meaning and looks at
 * every write time. The header of an update tells only its earliest time, which proves nothing: read repair merges transactions, and the
 * clocks that give the times differ. What looks odd in any way is `unsure`; the decoder then says what is wrong with it.
 */
export class FastCutScan {
  readonly #tables: TableIndex;
  readonly #rule: CutRule;
  readonly #treatmentOf: (layout: TableLayout) => Treatment;
  /** By the first four bytes of their ids, as they were met. */
  readonly #known = new Map<number, KnownTable>();
  readonly #firstExcluded: number;
  readonly #lastExcluded: number;

  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  /** Of the update at hand: its earliest time, and how far after it the last kept one lies. */
  #base = 0;
  #reach = 0;
  #excluding = false;
  #anyKept = false;
  #anyGone = false;
  #odd = false;
  /** Write times seen so far; a row or an update without any holds nothing. */
  #times = 0;

  constructor(tables: TableIndex, rule: CutRule, treatmentOf: (layout: TableLayout) => Treatment) {
    this.#tables = tables;
    this.#rule = rule;
    this.#treatmentOf = treatmentOf;
    this.#firstExcluded = Math.min(...rule.exclusions) - 1;
    this.#lastExcluded = Math.max(...rule.exclusions);
  }

  /** Of the mutation at `bytes[from..to)`. */
  judge(bytes: Uint8Array, from: number, to: number): Verdict {
    this.#bytes = bytes;
    this.#at = from;
    this.#end = to;
    this.#anyKept = false;
    this.#anyGone = false;
    this.#odd = false;
    const updates = this.#vint();
    for (let update = 0; update < updates && !this.#odd; update += 1) {
      const early = this.#update(updates === 1);
      if (early !== undefined) return early;
    }
    if (this.#odd || this.#at !== to) return 'unsure';
    if (!this.#anyGone) return this.#anyKept ? 'whole' : 'unsure';
    return this.#anyKept ? 'unsure' : 'none';
  }

  /** A verdict when the rest need not be looked at. */
  #update(alone: boolean): Verdict | undefined {
    const table = this.#table();
    if (table === undefined) return 'unsure';
    this.#at += 16;
    const { treatment } = table;
    if (treatment === 'omitted') return alone ? 'omitted' : 'unsure';
    const keyLength = this.#vint();
    const key = this.#at;
    this.#at += keyLength;
    if (this.#at >= this.#end) return 'unsure';
    const { ownsToken } = this.#rule;
    if (ownsToken !== undefined && !ownsToken(this.#bytes.subarray(key, this.#at))) return 'foreign';
    const flags = this.#byte();
    if ((flags & (partitionFlags.empty | partitionFlags.reversed)) !== 0) return 'unsure';
    const base = this.#vint();
    this.#base = epochMicros + base;
    this.#reach = treatment === 'uncut' ? Number.MAX_SAFE_INTEGER : this.#rule.lastKept - this.#base;
    this.#excluding = treatment === 'cut' && this.#rule.exclusions.size > 0;
    if (this.#base > Number.MAX_SAFE_INTEGER) return 'unsure';
    const before = this.#times;
    this.#body(table, flags);
    if (this.#times === before) this.#odd = true;
    return undefined;
  }

  #table(): KnownTable | undefined {
    const at = this.#at;
    if (this.#end - at <= 16) return undefined;
    const key = intAt(this.#bytes, at);
    const known = this.#known.get(key);
    if (known !== undefined && standsAt(known.layout.id, this.#bytes, at)) return known;
    const layout = this.#tables.find(this.#bytes, at);
    if (layout === undefined) return undefined;
    const met = { layout, treatment: this.#treatmentOf(layout), statics: noHeader, regulars: noHeader };
    this.#known.set(key, met);
    return met;
  }

  #body(table: KnownTable, flags: number): void {
    const { layout } = table;
    this.#skipVint();
    this.#skipVint();
    const hasStatic = (flags & partitionFlags.staticRow) !== 0;
    if (hasStatic) table.statics = this.#header(layout, table.statics);
    table.regulars = this.#header(layout, table.regulars);
    const { columns } = table.regulars;
    if ((flags & partitionFlags.deletion) !== 0) this.#deletion();
    if (hasStatic) {
      const row = this.#byte();
      if ((row & itemFlags.extended) === 0) this.#odd = true;
      this.#at += 1;
      this.#row(row, table.statics.columns);
    }
    if ((flags & partitionFlags.rowEstimate) !== 0) this.#skipVint();
    while (!this.#odd && this.#at < this.#end) {
      const item = this.#byte();
      if ((item & itemFlags.end) !== 0) return;
      if ((item & itemFlags.extended) !== 0) this.#at += 1;
      if ((item & itemFlags.marker) !== 0) this.#marker(layout);
      else {
        this.#clustering(layout, layout.clustering.length);
        this.#row(item, columns);
      }
    }
    this.#odd = true;
  }

  /** A table's updates mostly name the same columns as the one before: then they need not be looked up. */
  #header(layout: TableLayout, before: ColumnHeader): ColumnHeader {
    const at = this.#at;
    if (standsAt(before.bytes, this.#bytes, at)) {
      this.#at += before.bytes.length;
      return before;
    }
    const columns: LaidColumn[] = [];
    for (let left = this.#vint(); left > 0 && !this.#odd; left -= 1) {
      const length = this.#vint();
      const column = layout.column(this.#bytes, this.#at, Math.min(this.#at + length, this.#end));
      this.#at += length;
      if (column === undefined) this.#odd = true;
      else columns.push(column);
    }
    if (this.#odd || this.#at > this.#end) return before;
    return { columns, bytes: this.#bytes.slice(at, this.#at) };
  }

  #row(flags: number, columns: readonly LaidColumn[]): void {
    const before = this.#times;
    if ((flags & itemFlags.liveness) !== 0) {
      this.#time();
      if ((flags & itemFlags.ttl) !== 0) {
        this.#skipVint();
        this.#skipVint();
      }
    }
    if ((flags & itemFlags.deletion) !== 0) this.#deletion();
    let missing = (flags & itemFlags.allColumns) === 0 ? this.#vint() : 0;
    // Bits are told apart by plain arithmetic up to here; wider rows go to the decoder.
    if (missing > 0 && columns.length > 31) this.#odd = true;
    const withDeletion = (flags & itemFlags.complexDeletion) !== 0;
    for (const column of columns) {
      const isMissing = (missing & 1) === 1;
      missing >>>= 1;
      if (isMissing || this.#odd) continue;
      let cells = 1;
      if (column.multiCell) {
        if (withDeletion) this.#deletion();
        cells = this.#vint();
        if (cells === 0) this.#odd = true;
      }
      for (; cells > 0 && this.#at < this.#end; cells -= 1) this.#cell(column);
    }
    if (this.#times === before) this.#odd = true;
  }

  #cell(column: LaidColumn): void {
    const flags = this.#byte();
    if ((flags & cellFlags.rowTime) === 0) this.#time();
    if ((flags & cellFlags.rowExpiry) === 0) {
      if ((flags & (cellFlags.deleted | cellFlags.expiring)) !== 0) this.#skipVint();
      if ((flags & cellFlags.expiring) !== 0) this.#skipVint();
    }
    if (column.multiCell) this.#skipSized();
    if ((flags & cellFlags.empty) === 0) this.#skipValue(column.fixedLength);
  }

  #marker(layout: TableLayout): void {
    const kind = this.#byte();
    const count = this.#byte() * 256 + this.#byte();
    this.#clustering(layout, count);
    this.#deletion();
    if (kind === boundKinds.exclusiveEndInclusiveStart || kind === boundKinds.inclusiveEndExclusiveStart) {
      this.#deletion();
    }
  }

  #clustering({ clustering }: TableLayout, count: number): void {
    if (count === 0) return;
    let header = this.#vint();
    // Two bits for each value; more values than these go to the decoder.
    if (count > 15 || count > clustering.length) this.#odd = true;
    for (let place = 0; place < count && !this.#odd; place += 1) {
      if ((header & 3) === 0) this.#skipValue(clustering[place]);
      header >>>= 2;
    }
  }

  #deletion(): void {
    this.#time();
    this.#skipVint();
  }

  /** The heart of it. */
  #time(): void {
    this.#times += 1;
    const distance = this.#vint();
    if (distance > this.#reach) {
      // A distance this large wraps around or is no deletion at all: the decoder knows.
      if (distance > Number.MAX_SAFE_INTEGER - this.#base) this.#odd = true;
      else this.#anyGone = true;
    } else if (this.#excluding && this.#isExcluded(this.#base + distance)) this.#anyGone = true;
    else this.#anyKept = true;
  }

  #isExcluded(at: number): boolean {
    return at >= this.#firstExcluded && at <= this.#lastExcluded && !isKept(micros(at), this.#rule);
  }

  #skipValue(fixedLength: number | undefined): void {
    if (fixedLength === undefined) this.#skipSized();
    else this.#at += fixedLength;
  }

  #skipSized(): void {
    const length = this.#vint();
    this.#at += length;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at] as number;
    this.#at += 1;
    return byte;
  }

  /** Past the end it is NaN or nonsense, and then the end does not fit. Above the safe integers it is not exact, and then something is odd. */
  #vint(): number {
    const first = this.#bytes[this.#at] as number;
    this.#at += 1;
    if (first < 0x80) return first;
    const more = Math.clz32(~(first << 24));
    let value = first & (0xff >> more);
    for (let step = 0; step < more; step += 1) {
      value = value * 256 + (this.#bytes[this.#at] as number);
      this.#at += 1;
    }
    return value;
  }

  #skipVint(): void {
    const first = this.#bytes[this.#at] as number;
    this.#at += first < 0x80 ? 1 : 1 + Math.clz32(~(first << 24));
  }
}
