import { z } from 'zod';
import { instantText } from '../../model/instant.ts';
import { formatInstant } from '../../model/instant.ts';
import type { Id } from '../codec/byte-reader.ts';
import { relationIdText, vertexKind } from '../codec/element-id.ts';
import type { GraphSchema } from '../schema.ts';
import type { EdgeChange, TransactionGroup } from './group.ts';
import { likelyLabels, type VertexShape } from './vertex-shapes.ts';
import { wholeness } from './wholeness.ts';

/** How many, by label or key, and the ids of the first few. */
const tally = z.object({
  count: z.number().int().nonnegative(),
  by: z.record(z.string(), z.number()),
  ids: z.array(z.string()),
});
export type Tally = z.infer<typeof tally>;

/** A group as `cardea transactions --json` prints it. Ids are those that Gremlin shows. */
export const groupReport = z.object({
  id: z.string(),
  at: instantText,
  part: z.number(),
  of: z.number(),
  vertices: z.object({ added: tally, removed: tally, touched: tally }),
  edges: z.object({ added: tally, removed: tally, written: tally }),
  properties: z.object({ added: tally, removed: tally, written: tally }),
  entries: z.object({ written: z.number(), removed: z.number() }),
  /** Cells by table. */
  tables: z.record(z.string(), z.number()),
  hosts: z.array(z.string()),
  schemaChange: z.boolean(),
  /** Both ends of every edge and the index entries that must be there are in the log. */
  whole: z.boolean(),
  findings: z.array(z.string()),
});
export type GroupReport = z.infer<typeof groupReport>;

const listedIds = 5;

/** `ids`: how many ids of each kind are listed. */
export function reportOf(
  schema: GraphSchema,
  group: TransactionGroup,
  shapes: readonly VertexShape[] = [],
  ids = listedIds,
): GroupReport {
  const likely = likelyLabels(group, shapes);
  const vertices = [...group.vertices].map(([id, { state, label }]) => ({
    state,
    id: String(id),
    name: vertexLabel(schema, id, state === 'removed' ? (label ?? likely.get(id)) : label, state),
  }));
  const edges = [...group.edges.values()].map((edge) => ({
    state: edge.state,
    id: edgeId(edge),
    name: schema.types.get(edge.type)?.name ?? `type ${edge.type}`,
  }));
  const properties = group.properties.map(({ state, vertex, key }) => ({
    state,
    id: String(vertex),
    name: schema.types.get(key)?.name ?? `type ${key}`,
  }));
  const tables: Record<string, number> = {};
  for (const { cell } of group.cells) tables[cell.table] = (tables[cell.table] ?? 0) + 1;
  const findings = [...wholeness(schema, group), ...group.odd];
  return {
    id: group.id,
    at: formatInstant(group.slot),
    part: group.part,
    of: group.of,
    vertices: {
      added: tallyOf(vertices, 'added', ids),
      removed: tallyOf(vertices, 'removed', ids),
      touched: tallyOf(vertices, 'touched', ids),
    },
    edges: {
      added: tallyOf(edges, 'added', ids),
      removed: tallyOf(edges, 'removed', ids),
      written: tallyOf(edges, 'written', ids),
    },
    properties: {
      added: tallyOf(properties, 'added', ids),
      removed: tallyOf(properties, 'removed', ids),
      written: tallyOf(properties, 'written', ids),
    },
    entries: group.entries,
    tables,
    hosts: [...group.hosts],
    schemaChange: group.schemaChange,
    whole: findings.length === 0,
    findings: findings.slice(0, 20),
  };
}

function vertexLabel(schema: GraphSchema, vertex: Id, label: Id | undefined, state: string): string {
  // A vertex without a label has JanusGraph's default label, and no cell says so; the log does not show the label of a removed vertex.
  if (vertexKind(vertex) === 'schema') return 'schema';
  if (label === undefined) return state === 'added' ? 'vertex' : 'unknown';
  return schema.labels.get(label)?.name ?? `label ${label}`;
}

/** As Gremlin shows it, where the log names all its parts; else what is known of it. */
function edgeId({ relation, type, out, in: into }: EdgeChange): string {
  if (relation !== undefined && out !== undefined && into !== undefined)
    return relationIdText(relation, out, type, into);
  return `${out ?? '?'}->${into ?? '?'}`;
}

function tallyOf(
  changes: ReadonlyArray<{ readonly state: string; readonly id: string; readonly name: string }>,
  state: string,
  ids: number,
): Tally {
  const by: Record<string, number> = {};
  const listed = new Set<string>();
  let count = 0;
  for (const change of changes) {
    if (change.state !== state) continue;
    count += 1;
    by[change.name] = (by[change.name] ?? 0) + 1;
    if (listed.size < ids) listed.add(change.id);
  }
  return { count, by, ids: [...listed] };
}
