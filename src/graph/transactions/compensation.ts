import { formatInstant, type Micros } from '../../model/instant.ts';
import type { ChosenGroups } from './chosen-groups.ts';
import type { SlotCell } from './slot-cells.ts';
import type { CellEffect } from './cell-effect.ts';

/** A cell that chosen groups touched: as they left it. */
export interface LeftCell {
  readonly name: string;
  readonly cell: SlotCell;
  readonly touch: CellEffect;
  /** Slot of the last chosen group that touched it. */
  readonly slot: Micros;
}

/** A cell as a database has it. */
export interface ReadCell {
  readonly value: Buffer;
  /** Write time, microseconds. */
  readonly at: number;
}

/** What is written to undo: the value that stood there before, or undefined where nothing did. */
export interface CompensatingWrite {
  readonly table: 'edgestore' | 'graphindex';
  readonly key: Buffer;
  readonly column: Buffer;
  readonly value: Buffer | undefined;
}

export interface Compensation {
  /** In the order they are to be written: see `writingOrder`. */
  readonly writes: readonly CompensatingWrite[];
  /** Cells that somebody changed since, by what they belong to: nothing is written while there is one. */
  readonly changed: readonly string[];
  /** Cells that are already as they were before. */
  readonly unchanged: number;
}

/**
 * Every cell that the groups touched, each as the last of them left it. `undecided`: removed entries of unique indexes in slots that are not
 * chosen whole; what stood in them before tells whose they are. `rows`: removals of whole rows, which cannot be undone cell by cell.
 */
export function leftCells({ groups, divided }: ChosenGroups): {
  readonly cells: readonly LeftCell[];
  readonly undecided: readonly LeftCell[];
  readonly rows: readonly string[];
} {
  const cells = new Map<string, LeftCell>();
  const undecided = new Map<string, LeftCell>();
  const rows: string[] = [];
  for (const group of groups) {
    const loose = divided.includes(group.slot) ? undecided : cells;
    for (const [into, found] of [
      [cells, group.cells],
      [loose, group.loose],
    ] as const) {
      for (const { name, cell, touch } of found) {
        if (cell.column === undefined)
          rows.push(`${group.id}: ${touch.kind === 'row' ? touch.why : 'an index row was removed at once'}`);
        else into.set(name, { name, cell, touch, slot: group.slot });
      }
    }
  }
  return { cells: [...cells.values()], undecided: [...undecided.values()], rows };
}

/**
 * The writes that bring every cell back to what it was before, from what the cell was then and what it is now. A cell that is neither as the
 * groups left it nor as it was before was changed since.
 */
export function compensate(
  cells: readonly LeftCell[],
  before: (cell: LeftCell) => Buffer | undefined,
  now: (cell: LeftCell) => ReadCell | undefined,
): Compensation {
  const writes: (CompensatingWrite & { readonly order: number })[] = [];
  const changed: string[] = [];
  let unchanged = 0;
  for (const left of cells) {
    const { table, key, column, value } = left.cell;
    if (column === undefined) continue;
    const was = before(left);
    const is = now(left);
    if (same(was, is?.value)) {
      unchanged += 1;
      continue;
    }
    if (!same(value, is?.value) || (is !== undefined && is.at > left.slot)) {
      changed.push(changedText(left, is));
      continue;
    }
    writes.push({ table, key, column, value: was, order: writingOrder(left.touch, was === undefined) });
  }
  writes.sort((a, b) => a.order - b.order);
  return { writes: writes.map(({ order: _order, ...write }) => write), changed, unchanged };
}

/**
 * Where the writes do not fit one batch, readers may see the first without the last. So what leads to an element comes after it when it comes
 * back (vertices, then edges, then index entries), and goes before it when it goes.
 */
function writingOrder(touch: CellEffect, removes: boolean): number {
  const rank = { entry: 3, edge: 2, property: 1, label: 1, row: 1, vertex: 0 }[touch.kind];
  return removes ? 4 + (3 - rank) : rank;
}

function same(one: Buffer | undefined, other: Buffer | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return one.equals(other);
}

function changedText({ cell, touch, slot }: LeftCell, is: ReadCell | undefined): string {
  const what = touch.vertex === undefined ? cell.key.toString('hex') : `vertex ${touch.vertex}`;
  const since = is === undefined ? 'was removed later' : `was written again at ${instantOrNumber(is.at)}`;
  return `${cell.table} of ${what} (${touch.kind}) ${since}, after ${formatInstant(slot)}`;
}

function instantOrNumber(at: number): string {
  return Number.isSafeInteger(at) ? formatInstant(at as Micros) : String(at);
}
