import { z } from 'zod';
import { formatInstant } from '../../model/instant.ts';
import type { Id } from '../codec/byte-reader.ts';
import type { GraphSchema } from '../schema.ts';
import { slotId } from './group-id.ts';
import type { TransactionGroup } from './group.ts';
import { groupReport, reportOf } from './group-report.ts';
import type { VertexShape } from './vertex-shapes.ts';

/** Everything of one commit time, and its groups one by one where it has several. */
export const slotReport = groupReport.omit({ part: true }).extend({
  /** Its groups by id; none listed where there is only the one. At most `listedGroups`; `of` is how many there are. */
  groups: z.array(groupReport),
});
export type SlotReport = z.infer<typeof slotReport>;

export const listedGroups = 100;

/** `groups` are all groups of one slot, at least one. */
export function reportSlot(
  schema: GraphSchema,
  groups: readonly [TransactionGroup, ...TransactionGroup[]],
  shapes: readonly VertexShape[],
  ids?: number,
): SlotReport {
  const [first] = groups;
  const whole = groups.length === 1 ? first : together(groups);
  const { part: _part, ...report } = reportOf(schema, whole, shapes, ids);
  return {
    ...report,
    id: slotId(first.slot, first.of),
    at: formatInstant(first.slot),
    of: groups.length,
    groups:
      groups.length === 1 ? [] : groups.slice(0, listedGroups).map((group) => reportOf(schema, group, shapes, ids)),
  };
}

/** How much a slot took away: elements first, then the values of those that stayed. */
export function removalOf({ vertices, edges, properties }: SlotReport): number {
  return vertices.removed.count + edges.removed.count + (vertices.removed.count === 0 ? properties.removed.count : 0);
}

/** Whether a group touched this vertex, or the edge with this relation id. */
export function touches(group: TransactionGroup, element: { readonly vertex?: Id; readonly relation?: Id }): boolean {
  if (element.vertex !== undefined && group.vertices.has(element.vertex)) return true;
  return [...group.edges.values()].some(
    (edge) =>
      (element.relation !== undefined && edge.relation === element.relation) ||
      (element.vertex !== undefined && (edge.out === element.vertex || edge.in === element.vertex)),
  );
}

function together(groups: readonly [TransactionGroup, ...TransactionGroup[]]): TransactionGroup {
  const [first] = groups;
  const cells = [...groups.flatMap((group) => group.cells), ...first.loose];
  return {
    ...first,
    cells,
    loose: [],
    vertices: new Map(groups.flatMap((group) => [...group.vertices])),
    edges: new Map(groups.flatMap((group) => [...group.edges])),
    properties: groups.flatMap((group) => group.properties),
    entries: {
      written: groups.reduce((sum, { entries }) => sum + entries.written, 0),
      removed: groups.reduce((sum, { entries }) => sum + entries.removed, first.loose.length),
    },
    schemaChange: groups.some((group) => group.schemaChange),
    odd: groups.flatMap((group) => group.odd),
    hosts: [...new Set(groups.flatMap((group) => group.hosts))].sort(),
  };
}
