import type { Id } from '../codec/byte-reader.ts';
import type { TransactionGroup } from './group.ts';
import { cellName } from './slot-cells.ts';
import type { CellEffect } from './cell-effect.ts';

/** A later transaction that stands in the way of undoing the chosen ones, or that a person should know about. */
export interface Conflict {
  readonly group: string;
  /** `cell`: it wrote what the undo would write. `depends`: it builds on what the undo would take away, or took away what it builds on. */
  readonly kind: 'cell' | 'depends';
  readonly element: string;
  readonly why: string;
}

export interface ConflictReport {
  readonly conflicts: readonly Conflict[];
  readonly conflictCount: number;
  /** Later transactions that touched the same vertices in other ways: no obstacle. */
  readonly related: { readonly count: number; readonly groups: readonly string[] };
  /** Groups that were looked at: at least all that touched a row of the chosen ones. */
  readonly later: number;
}

/** What another group did to a cell before the first chosen one did: there the state to go back to is younger than the copy. */
export type LaterBases = ReadonlyMap<string, Buffer | undefined>;

const listed = 50;

/**
 * Compares the chosen groups with all others from the first of them on, which are added in order of time. Keeps nothing of those that do
 * not meet: constant memory, however long ago the chosen ones are.
 */
export class ConflictScan {
  readonly #chosen: ReadonlySet<string>;
  /** Time of the first chosen group that touched the cell. */
  readonly #cells = new Map<string, number>();
  readonly #rows = new Set<string>();
  readonly #added = new Map<Id, number>();
  readonly #touched = new Map<Id, number>();
  readonly #bases = new Map<string, Buffer | undefined>();
  readonly #conflicts: Conflict[] = [];
  readonly #related: string[] = [];
  #conflictCount = 0;
  #relatedCount = 0;
  #later = 0;

  constructor(chosen: readonly TransactionGroup[]) {
    this.#chosen = new Set(chosen.map((group) => group.id));
    for (const group of chosen) {
      for (const { name, cell } of [...group.cells, ...group.loose]) {
        if (!this.#cells.has(name)) this.#cells.set(name, group.slot);
        this.#rows.add(cellName(cell.table, cell.key, undefined));
      }
      for (const [vertex, { state }] of group.vertices) {
        const into = state === 'added' ? this.#added : this.#touched;
        if (!into.has(vertex)) into.set(vertex, group.slot);
      }
      for (const { out, in: to } of group.edges.values()) {
        for (const end of [out, to])
          if (end !== undefined && !this.#touched.has(end)) this.#touched.set(end, group.slot);
      }
    }
  }

  /** A group of the same slot as a chosen one counts too. */
  add(group: TransactionGroup): void {
    if (this.#chosen.has(group.id)) return;
    this.#later += 1;
    let met = false;
    for (const { name, cell, touch } of group.cells) {
      const since = this.#cells.get(name) ?? (cell.column === undefined && this.#rows.has(name) ? 0 : undefined);
      if (since === undefined) continue;
      if (group.slot < since) {
        this.#bases.set(name, cell.value);
        continue;
      }
      met = true;
      this.#conflict(group, 'cell', elementOf(touch), 'wrote or removed what the undo would restore');
    }
    for (const [vertex, { state }] of group.vertices) {
      const made = this.#added.get(vertex);
      if (made !== undefined && group.slot >= made) {
        met = true;
        this.#conflict(group, 'depends', `vertex ${vertex}`, 'depends on a vertex that the undo would remove');
      }
      const touched = this.#touched.get(vertex);
      if (touched === undefined || group.slot < touched || met) continue;
      if (state === 'removed') {
        met = true;
        this.#conflict(group, 'depends', `vertex ${vertex}`, 'removed a vertex that the undo would write to');
      }
    }
    if (met || ![...group.vertices.keys()].some((vertex) => this.#touched.has(vertex))) return;
    this.#relatedCount += 1;
    if (this.#related.length < listed) this.#related.push(group.id);
  }

  report(): ConflictReport {
    return {
      conflicts: this.#conflicts,
      conflictCount: this.#conflictCount,
      related: { count: this.#relatedCount, groups: this.#related },
      later: this.#later,
    };
  }

  bases(): LaterBases {
    return this.#bases;
  }

  #conflict(group: TransactionGroup, kind: Conflict['kind'], element: string, why: string): void {
    this.#conflictCount += 1;
    if (this.#conflicts.length >= listed) return;
    if (this.#conflicts.some((known) => known.group === group.id && known.element === element)) return;
    this.#conflicts.push({ group: group.id, kind, element, why });
  }
}

function elementOf(touch: CellEffect): string {
  switch (touch.kind) {
    case 'edge':
      return `edge between vertices ${touch.vertex} and ${touch.other ?? '?'}`;
    case 'entry':
      return touch.vertex === undefined
        ? `an entry of index "${touch.index?.name ?? touch.indexId}"`
        : `the entry of vertex ${touch.vertex} in index "${touch.index?.name ?? touch.indexId}"`;
    case 'property':
    case 'vertex':
    case 'label':
    case 'row':
      return `vertex ${touch.vertex ?? '?'}`;
  }
}
