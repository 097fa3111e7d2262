import { z } from 'zod';
import type { CellTimes } from './cell-times.ts';

/**
 * Something that must hold in every sound graph and does not, named by id. `detail` is for people; all else is for programs: two findings of
 * the same kind, element, relation and cell times are the same damage, whenever and wherever they were seen.
 */
export const finding = z.object({
  kind: z.enum([
    'one-sided-edge',
    'edge-ends-differ',
    'ghost-index-entry',
    'missing-index-entry',
    'wrong-index-value',
    'stale-document',
    'missing-document',
    'document-differs',
    'unknown-type',
    'damaged-row',
    'ghost-vertex',
    'text-vertex-id',
    'dead-instance',
    'id-above-mark',
  ]),
  /** `vertex 4344`, `edge 6175`, `property 3100`, `instance x`: the id as Gremlin shows it; of edges and properties its first part in decimal. */
  element: z.string(),
  /** What of the element it is about: an edge label, an index, a column, a pool of ids. */
  relation: z.string().optional(),
  /** When the cells that show it were written: microseconds, in order; of more than a few the first and the last, and a hash of all. */
  times: z.array(z.string()).optional(),
  detail: z.string(),
});
export type Finding = z.infer<typeof finding>;
export type FindingKind = Finding['kind'];

/** What is the same for the same damage, and for nothing else. */
export function identityOf({ kind, element, relation, times }: Omit<Finding, 'detail'>): string {
  return JSON.stringify([kind, element, relation ?? '', times ?? []]);
}

/** A finding that stood a second look. */
export interface Found {
  readonly finding: Finding;
  /** When the cells that show it were written. */
  readonly times: CellTimes;
  /** Why there is no fault in it: what JanusGraph itself passes over. */
  readonly passedOver?: string;
}

/** What looked wrong in passing. `again` looks once more, by key, and returns the finding only if it still stands. */
export interface Suspicion {
  readonly finding: Finding;
  again(): Promise<Found | undefined>;
}
