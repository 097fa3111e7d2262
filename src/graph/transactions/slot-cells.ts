import type { Micros } from '../../model/instant.ts';
import { isGraphTable, slotOf, type StoredChange } from './stored-change.ts';

/** What one slot did to one cell, merged from the logs of all replicas. */
export interface SlotCell {
  readonly table: 'edgestore' | 'graphindex';
  readonly key: Buffer;
  /** Undefined for the removal of a whole partition. */
  readonly column: Buffer | undefined;
  /** Removed at the even microsecond. A cell that is removed and written in one slot counts as written. */
  removed: boolean;
  value: Buffer | undefined;
  /** One bit for each host of `SlotCells.hosts`. */
  seenBy: number;
}

/** The cells of one slot. */
export interface Slot {
  readonly at: Micros;
  readonly cells: ReadonlyMap<string, SlotCell>;
}

/**
 * Gathers changes by the slot of the transaction that made them. The same change comes from the log of every replica, and again from read
 * repair with its old write time, perhaps together with those of other transactions: each cell is kept once, in its own slot. What is gathered
 * stays in memory until it is taken, so whoever reads a long log takes what is settled as the reading goes on.
 */
export class SlotCells {
  readonly #slots = new Map<Micros, Map<string, SlotCell>>();
  readonly #hosts: string[] = [];
  /** Changes of other tables within the range, by table. */
  readonly elsewhere = new Map<string, number>();
  #cells = 0;

  /** Host ids in the order of the bits of `seenBy`. */
  get hosts(): readonly string[] {
    return this.#hosts;
  }

  /** Cells that are held at the moment. */
  get size(): number {
    return this.#cells;
  }

  add(change: StoredChange): void {
    if (!isGraphTable(change.table)) {
      this.elsewhere.set(change.table, (this.elsewhere.get(change.table) ?? 0) + 1);
      return;
    }
    const at = slotOf(change);
    let cells = this.#slots.get(at);
    if (cells === undefined) {
      cells = new Map();
      this.#slots.set(at, cells);
    }
    const name = cellName(change.table, change.key, change.column);
    const bit = this.#bitOf(change.host);
    const known = cells.get(name);
    if (known !== undefined) {
      known.seenBy |= bit;
      if (change.value === undefined) known.removed = true;
      else known.value = greater(known.value, change.value);
      return;
    }
    this.#cells += 1;
    cells.set(name, {
      table: change.table,
      key: Buffer.from(change.key),
      column: change.column === undefined ? undefined : Buffer.from(change.column),
      removed: change.value === undefined,
      value: change.value === undefined ? undefined : Buffer.from(change.value),
      seenBy: bit,
    });
  }

  /** Takes out, in order of time, every slot before `end`; all of them without it. */
  *take(end?: Micros): Generator<Slot> {
    const settled = [...this.#slots.keys()].filter((at) => end === undefined || at < end).sort((a, b) => a - b);
    for (const at of settled) {
      const cells = this.#slots.get(at) ?? new Map<string, SlotCell>();
      this.#slots.delete(at);
      this.#cells -= cells.size;
      yield { at, cells };
    }
  }

  #bitOf(host: string): number {
    let index = this.#hosts.indexOf(host);
    if (index < 0) index = this.#hosts.push(host) - 1;
    // More hosts than bits share the last one: a name less in a list is no harm.
    return 1 << Math.min(index, 30);
  }
}

/** One text per cell, the same wherever the change was read. */
export function cellName(table: string, key: Uint8Array, column: Uint8Array | undefined): string {
  const mark = table === 'edgestore' ? 'e' : 'i';
  return `${mark}${text(key)}${column === undefined ? '' : `\u0100${text(column)}`}`;
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

/** Of two values written at one time Cassandra keeps the greater one. */
function greater(known: Buffer | undefined, other: Uint8Array): Buffer {
  return known !== undefined && Buffer.compare(known, other) >= 0 ? known : Buffer.from(other);
}
