import { z } from 'zod';

/** Something that must hold in every sound graph and does not, named by id. `detail` is for people; `kind` and `element` are for programs. */
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
    'dead-instance',
    'id-above-mark',
  ]),
  /** `vertex 4344`, `edge 6175`, `property 3100`, `instance x`: the id as Gremlin shows it; of edges and properties its first part in decimal. */
  element: z.string(),
  detail: z.string(),
});
export type Finding = z.infer<typeof finding>;

/** What looked wrong in passing. `again` looks once more, by key, and returns the finding only if it still stands. */
export interface Suspicion {
  readonly finding: Finding;
  again(): Promise<Finding | undefined>;
}
