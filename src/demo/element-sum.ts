import { createHash } from 'node:crypto';
import type { ElementTexts } from '../sample/oracle.ts';
import { edgeLabels } from '../sample/schema.ts';

/** A whole graph in few words, the same for two graphs exactly when every element of them is the same, value for value. */
export interface ElementSum {
  readonly vertices: number;
  readonly edges: number;
  readonly vertexLabels: Readonly<Record<string, number>>;
  readonly edgeLabels: Readonly<Record<string, number>>;
  /** SHA-256 over the elements in the order of their names, each a line of its name and its canonical text. */
  readonly sha256: string;
}

/** Pure. */
export function elementSum(elements: ElementTexts): ElementSum {
  const hash = createHash('sha256');
  const counts = { vertexLabels: new Map<string, number>(), edgeLabels: new Map<string, number>() };
  for (const name of [...elements.keys()].sort()) {
    const text = elements.get(name) ?? '';
    hash.update(`${name} ${text}\n`);
    const label = text.slice(0, text.indexOf(' '));
    const kind = counts[label in edgeLabels ? 'edgeLabels' : 'vertexLabels'];
    kind.set(label, (kind.get(label) ?? 0) + 1);
  }
  return {
    vertices: total(counts.vertexLabels),
    edges: total(counts.edgeLabels),
    vertexLabels: Object.fromEntries(counts.vertexLabels),
    edgeLabels: Object.fromEntries(counts.edgeLabels),
    sha256: hash.digest('hex'),
  };
}

function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}
