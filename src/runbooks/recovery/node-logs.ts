import { isSystemKeyspace } from '../../commitlog/system-tables.ts';
import { canonicalJson } from '../../model/canonical-json.ts';
import { type HeldRange, type Replication, commonShare, heldRanges } from '../../model/held-ranges.ts';
import { type LogPlan, plannedBytes } from '../../model/log-plan.ts';
import { type LogSchema, logSchemaDocument } from '../../model/log-schema.ts';
import type { RestorePoint } from '../../model/restore-point.ts';
import { snapshotOf } from '../catalog/snapshot-span.ts';
import { usualReplication } from './replica-groups.ts';
import { plannedSchemas } from './schemas-in-force.ts';
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
  plan: Pick<LogPlan, 'strands' | 'instant'>,
): Promise<(node: string) => NodeLogs> {
  const held = heldRanges(point.nodes, await storedReplications(platform, point, plan));
  const total = plannedBytes(plan);
  return (node) => {
    const source = point.nodes[platform.nodes.findIndex(({ name }) => name === node)]?.node ?? node;
    const ranges = held?.get(point.nodes.some((each) => each.node === node) ? node : source);
    if (ranges === undefined) return { ranges, bytes: total };
    return { ranges, bytes: partOf(point, held, streamsOf(plan), ranges) };
  };
}

/** What one node logged, plain bytes. */
export interface StreamBytes {
  readonly hostId: string;
  readonly bytes: number;
}

/** Bytes of the part of the node that gets most of these streams. `replications`: of every keyspace in them. Pure. */
export function largestPart(
  point: RestorePoint,
  replications: readonly Replication[],
  streams: readonly StreamBytes[],
): number {
  const held = heldRanges(point.nodes, replications);
  if (held === undefined) return sumOf(streams);
  return Math.max(0, ...[...held.values()].map((ranges) => partOf(point, held, streams, ranges)));
}

function partOf(
  point: RestorePoint,
  held: ReadonlyMap<string, readonly HeldRange[]> | undefined,
  streams: readonly StreamBytes[],
  ranges: readonly HeldRange[],
): number {
  const part = streams.reduce((sum, { hostId, bytes }) => {
    const shipper = point.nodes.find((each) => each.hostId === hostId)?.node;
    // A node that is not of the point's ring logged nobody knows which ranges.
    return sum + commonShare(held?.get(shipper ?? ''), ranges) * bytes;
  }, 0);
  return Math.min(sumOf(streams), Math.ceil(part * unevenness));
}

function streamsOf({ strands }: Pick<LogPlan, 'strands'>): readonly StreamBytes[] {
  return strands.flatMap(({ streams }) => streams).map(({ hostId, objects }) => ({ hostId, bytes: sumOf(objects) }));
}

function sumOf(parts: ReadonlyArray<{ readonly bytes: number }>): number {
  return parts.reduce((sum, { bytes }) => sum + bytes, 0);
}

async function storedReplications(
  { bucket }: Platform,
  point: RestorePoint,
  plan: Pick<LogPlan, 'strands' | 'instant'>,
): Promise<readonly Replication[]> {
  const schemas: LogSchema[] = [];
  for (const key of plannedSchemas(plan, snapshotOf(point).from)) {
    const stored = await bucket.get(key);
    if (stored !== undefined) schemas.push(logSchemaDocument.read(stored.body, key));
  }
  return replicationsIn(schemas, point);
}

/**
 * Of every keyspace in the logs: what a node gets is what it holds of any of them. To get more than it needs does no
 * harm. Pure.
 */
export function replicationsIn(
  schemas: ReadonlyArray<Pick<LogSchema, 'keyspaces'>>,
  point: RestorePoint,
): readonly Replication[] {
  const found = new Map<string, Replication>();
  let graph = false;
  for (const { keyspace, replication } of schemas.flatMap(({ keyspaces }) => keyspaces)) {
    if (isSystemKeyspace(keyspace)) continue;
    graph ||= keyspace === point.keyspace;
    found.set(canonicalJson(replication), replication);
  }
  return graph ? [...found.values()] : [...found.values(), usualReplication(point)];
}
