import type { Id } from '../codec/byte-reader.ts';
import type { TransactionGroup } from './group.ts';

/**
 * Property keys and ends of edges that vertices of a label were seen with. The log of a dropped vertex does not say its label, only which
 * cells it lost; where just one label has them all, the vertex was of that label as far as anybody can tell.
 */
export interface VertexShape {
  readonly label: Id;
  /** Ids of property keys; of edge labels with the direction: `out 1234`. */
  readonly parts: ReadonlySet<string>;
}

/** The shapes of the vertices that the rows passing by have; `add` per cell and `end` per vertex. */
export class ShapeSample {
  readonly #byLabel = new Map<Id, Set<string>>();

  add(label: Id, part: string): void {
    const parts = this.#byLabel.get(label);
    if (parts === undefined) this.#byLabel.set(label, new Set([part]));
    else parts.add(part);
  }

  /** Learns from vertices that a group made: there the log has label and cells. */
  learn(group: TransactionGroup): void {
    for (const [vertex, { label }] of group.vertices) {
      if (label === undefined) continue;
      for (const part of partsOf(group, vertex)) this.add(label, part);
    }
  }

  shapes(): readonly VertexShape[] {
    return [...this.#byLabel].map(([label, parts]) => ({ label, parts }));
  }
}

/** What a group did in the row of one vertex. */
function partsOf(group: TransactionGroup, vertex: Id): readonly string[] {
  const parts = new Set<string>();
  for (const { touch } of group.cells) {
    if (touch.vertex !== vertex) continue;
    if (touch.kind === 'property') parts.add(String(touch.type));
    else if (touch.kind === 'edge' && !touch.repeats) parts.add(`${touch.direction} ${touch.type}`);
  }
  return [...parts];
}

/** The only label that has everything that these vertices lost; undefined for a vertex where none or several do. */
export function likelyLabels(group: TransactionGroup, shapes: readonly VertexShape[]): ReadonlyMap<Id, Id> {
  const lost = new Map<Id, Set<string>>();
  for (const { touch } of group.cells) {
    if (touch.vertex === undefined || group.vertices.get(touch.vertex)?.state !== 'removed') continue;
    const part =
      touch.kind === 'property'
        ? String(touch.type)
        : touch.kind === 'edge' && !touch.repeats
          ? `${touch.direction} ${touch.type}`
          : undefined;
    if (part === undefined) continue;
    const parts = lost.get(touch.vertex);
    if (parts === undefined) lost.set(touch.vertex, new Set([part]));
    else parts.add(part);
  }
  const likely = new Map<Id, Id>();
  for (const [vertex, parts] of lost) {
    const fitting = shapes.filter((shape) => [...parts].every((part) => shape.parts.has(part)));
    const [only] = fitting;
    if (only !== undefined && fitting.length === 1) likely.set(vertex, only.label);
  }
  return likely;
}
