import { isSystemKeyspace } from '../../commitlog/system-tables.ts';
import { type HeldRange, commonShare, heldRanges } from '../../model/held-ranges.ts';
import { type LogPlan, plannedBytes } from '../../model/log-plan.ts';
import { logSchemaDocument } from '../../model/log-schema.ts';
import type { RestorePoint } from '../../model/restore-point.ts';
import type { Platform } from '../../ports/platform.ts';

/** What one node gets of a plan's logs. */
export interface NodeLogs {
  /** The token ranges that it holds; undefined when it holds everything. */
  readonly ranges: readonly HeldRange[] | undefined;
  /** Bytes that its part takes, estimated from the ranges. */
  readonly bytes: number;
}

/** Keys are not spread quite evenly over the ring. */
const unevenness = 1.2;

/**
 * By name of a node of `platform`, whose nodes replay: those of the environment, or of its copy, in the order of the point's nodes.
 */
export async function logsOfNodes(
  platform: Platform,
  point: RestorePoint,
  plan: Pick<LogPlan, 'strands'>,
): Promise<(node: string) => NodeLogs> {
  const held = heldRanges(point.nodes, Math.max(point.replicationFactor, await mostReplicas(platform, plan)));
  const total = plannedBytes(plan);
  return (node) => {
    const source = point.nodes[platform.nodes.findIndex(({ name }) => name === node)]?.node ?? node;
    const ranges = held?.get(point.nodes.some((each) => each.node === node) ? node : source);
    if (ranges === undefined) return { ranges, bytes: total };
    const streams = plan.strands.flatMap((strand) => strand.streams);
    const bytes = streams.reduce((sum, { hostId, objects }) => {
      const shipper = point.nodes.find((each) => each.hostId === hostId)?.node;
      // A node that is not of the point's ring logged nobody knows which ranges.
      const share = commonShare(held?.get(shipper ?? ''), ranges);
      return sum + share * objects.reduce((size, each) => size + each.bytes, 0);
    }, 0);
    return { ranges, bytes: Math.min(total, Math.ceil(bytes * unevenness)) };
  };
}

/**
 * For every keyspace in the logs the same ranges of a node are used; if a node gets more than it needs, that does no
 * harm.
 */
async function mostReplicas({ bucket }: Platform, { strands }: Pick<LogPlan, 'strands'>): Promise<number> {
  const counts: number[] = [];
  for (const key of strands.flatMap(({ schemas }) => schemas.slice(-1))) {
    const stored = await bucket.get(key);
    if (stored === undefined) continue;
    for (const { keyspace, replication } of logSchemaDocument.read(stored.body, key).keyspaces) {
      if (isSystemKeyspace(keyspace)) continue;
      counts.push(...Object.values(replication).flatMap((value) => (/^\d{1,3}$/.test(value) ? [Number(value)] : [])));
    }
  }
  return Math.max(0, ...counts);
}
