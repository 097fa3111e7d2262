import type { Id } from '../codec/byte-reader.ts';
import { vertexKind } from '../codec/element-id.ts';
import type { GraphSchema } from '../schema.ts';
import type { Slot, SlotCell } from './slot-cells.ts';
import { CellEffectReader, type CellEffect } from './cell-effect.ts';

export interface TouchedCell {
  readonly name: string;
  readonly cell: SlotCell;
  readonly touch: CellEffect;
}

/** Cells of one slot that hang together: vertices joined by edges, index entries joined to what they lead to. */
export interface Component {
  readonly cells: readonly TouchedCell[];
}

export interface SplitSlot {
  readonly components: readonly Component[];
  /**
   * Removed entries of unique indexes that more than one component could have removed: the log says which value is free again, not whose it
   * was. They belong to the slot as a whole.
   */
  readonly loose: readonly TouchedCell[];
}

/**
 * Splits a slot into connected components. Their order is that of the smallest vertex id in each, so it is the same however the log was
 * read. Two transactions of one slot that touch the same vertex are one component: nothing in the log tells them apart.
 */
export function splitSlot(schema: GraphSchema, slot: Slot, reader = new CellEffectReader(schema)): SplitSlot {
  const cells = [...slot.cells]
    .map(([name, cell]) => ({ name, cell, touch: reader.read(cell) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const sets = new DisjointSets();
  const unnamed: TouchedCell[] = [];
  for (const { name, touch } of cells) {
    const nodes = nodesOf(touch).map((node) => (isSchemaNode(node) ? 'schema' : node));
    for (const node of nodes) sets.join(node, nodes[0] ?? node);
    if (nodes.length > 0) sets.join(`c${name}`, nodes[0] ?? '');
  }
  const named = new Map<string, TouchedCell[]>();
  for (const cell of cells) {
    if (!sets.has(`c${cell.name}`)) {
      unnamed.push(cell);
      continue;
    }
    const root = sets.rootOf(`c${cell.name}`);
    const members = named.get(root);
    if (members === undefined) named.set(root, [cell]);
    else members.push(cell);
  }
  const components = [...named.values()].sort((a, b) => compareIds(leastVertex(a), leastVertex(b)));
  const loose: TouchedCell[] = [];
  const changedKeys = unnamed.length === 0 ? [] : components.map((members) => propertyKeysOf(members));
  for (const cell of unnamed) {
    const owners = components.filter((_, at) => components.length === 1 || couldOwn(changedKeys[at], cell.touch));
    const [owner] = owners;
    if (owner !== undefined && owners.length === 1) owner.push(cell);
    else loose.push(cell);
  }
  if (components.length === 0 && loose.length > 0) return { components: [{ cells: loose }], loose: [] };
  return { components: components.map((members) => ({ cells: members })), loose };
}

/** A change of the schema is one whole: its types need not lead to each other. */
function isSchemaNode(node: string): boolean {
  return node.startsWith('v') && vertexKind(BigInt(node.slice(1))) === 'schema';
}

/** The elements that a touch names, as nodes of the graph of what hangs together. */
function nodesOf(touch: CellEffect): string[] {
  switch (touch.kind) {
    case 'vertex':
    case 'label':
      return [`v${touch.vertex}`];
    case 'property':
      return [`v${touch.vertex}`, ...(touch.relation === undefined ? [] : [`r${touch.relation}`])];
    case 'edge':
      return [
        `v${touch.vertex}`,
        ...(touch.other === undefined ? [] : [`v${touch.other}`]),
        ...(touch.relation === undefined ? [] : [`r${touch.relation}`]),
      ];
    case 'entry':
      return [
        ...(touch.vertex === undefined ? [] : [`v${touch.vertex}`]),
        ...(touch.relation === undefined ? [] : [`r${touch.relation}`]),
        ...(touch.entry?.element.inVertex === undefined ? [] : [`v${touch.entry.element.inVertex}`]),
      ];
    case 'row':
      return touch.vertex === undefined ? [] : [`v${touch.vertex}`];
  }
}

function propertyKeysOf(members: readonly TouchedCell[]): ReadonlySet<Id> {
  return new Set(members.flatMap(({ touch }) => (touch.kind === 'property' ? [touch.type] : [])));
}

/** Whether a component that changed properties of these keys may be the one that freed this entry. */
function couldOwn(changed: ReadonlySet<Id> | undefined, touch: CellEffect): boolean {
  if (touch.kind !== 'entry' || touch.index === undefined || touch.index.element !== 'vertex') return false;
  return touch.index.keys.some((key) => changed?.has(key.id) === true);
}

function leastVertex(members: readonly TouchedCell[]): Id {
  let least: Id | undefined;
  for (const { touch } of members) {
    const vertex = touch.vertex;
    if (vertex !== undefined && (least === undefined || vertex < least)) least = vertex;
  }
  return least ?? Number.POSITIVE_INFINITY;
}

function compareIds(a: Id, b: Id): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

class DisjointSets {
  readonly #parents = new Map<string, string>();

  has(node: string): boolean {
    return this.#parents.has(node);
  }

  rootOf(node: string): string {
    let at = node;
    for (let parent = this.#parents.get(at); parent !== undefined && parent !== at; parent = this.#parents.get(at)) {
      const above = this.#parents.get(parent) ?? parent;
      this.#parents.set(at, above);
      at = above;
    }
    return at;
  }

  join(one: string, other: string): void {
    for (const node of [one, other]) if (!this.#parents.has(node)) this.#parents.set(node, node);
    this.#parents.set(this.rootOf(one), this.rootOf(other));
  }
}
