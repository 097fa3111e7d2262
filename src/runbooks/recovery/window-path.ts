import { type VerifiedStream, openingTime, reachFrom } from '../../commitlog/verified-stream.ts';
import type { Obstacle, WindowBase, WindowStrand, WindowStream } from '../../commitlog/window.ts';
import type { Replication } from '../../model/held-ranges.ts';
import { type Micros, formatInstant, instantOf, micros } from '../../model/instant.ts';
import { leadsOf } from '../../model/log-piece.ts';
import { isBeingRemoved, type RestorePoint } from '../../model/restore-point.ts';
import { type Strand, timelinePath } from '../../model/timeline-path.ts';
import { timelineDocument } from '../../model/timeline.ts';
import type { StoredSchema, TimelineLog } from '../catalog/log-catalog.ts';
import type { RecoveryFacts } from './recovery-facts.ts';
import { replicaGroups, usualReplication } from './replica-groups.ts';
import { schemaObstacles } from './schema-change.ts';
import { ringObstacles, ringOn } from './ring-change.ts';
import { snapshotOf } from '../catalog/snapshot-span.ts';

/** A timeline's history in the terms of the window: its strands, and the bases that lie on them. */
export interface WindowPath {
  readonly timeline: string;
  readonly strands: readonly WindowStrand[];
  readonly logs: ReadonlyArray<TimelineLog | undefined>;
  readonly bases: readonly WindowBase[];
  /** Of the bases, by id. */
  readonly points: ReadonlyMap<string, RestorePoint>;
  /** How far writers' clocks have ever run ahead of the nodes', microseconds; never more than the limit. */
  readonly lead: number;
  /** As it was measured since the newest base was taken, also above the limit; since ever without a base. */
  readonly seenLead: number;
  /** The same for each base. */
  readonly leads: ReadonlyMap<string, number>;
}

/** `exclusions` are left out besides those that the timeline leaves out already. Throws what `timelinePath` throws. */
export function windowPath(facts: RecoveryFacts, timeline: string, exclusions: readonly Micros[] = []): WindowPath {
  const path = pathOf(facts, timeline);
  const logs = path.map((strand) => facts.catalog.logs.get(strand.timeline.id));
  const schemas = schemaObstacles(path, logs);
  const strands = path.map((strand, at) =>
    windowStrand(strand, { exclusions, log: logs[at], schemas: schemas[at] ?? [], points: facts.points }),
  );
  const points = facts.points.filter(
    (point) =>
      (point.proof === 'checked' || point.proof === 'proven' || isAsked(point, facts.asked)) &&
      path.some((strand) => strand.timeline.id === point.timeline),
  );
  const bases = points.map((point) => windowBase(point, facts, path, logs));
  const leads = new Map(bases.map((base) => [base.point, leadSince(logs.slice(base.strand), base.from)]));
  const newest = bases.reduce<WindowBase | undefined>(
    (best, each) => (best === undefined || each.from > best.from ? each : best),
    undefined,
  );
  return {
    timeline,
    strands,
    logs,
    bases: bases.map((base) => ({
      ...base,
      // Nothing was written while a quiet point was taken: all that it holds is older.
      lead: isQuiet(points, base) ? 0 : Math.min(leads.get(base.point) ?? 0, facts.limits.clockLead),
    })),
    points: new Map(points.map((point) => [point.id, point])),
    lead: Math.min(leadSince(logs, micros(0)), facts.limits.clockLead),
    seenLead: newest === undefined ? leadSince(logs, micros(0)) : (leads.get(newest.point) ?? 0),
    leads,
  };
}

function isAsked(point: RestorePoint, asked: string | undefined): boolean {
  return point.id === asked && point.proof === 'failed' && !isBeingRemoved(point);
}

function isQuiet(points: readonly RestorePoint[], { point }: WindowBase): boolean {
  return points.some(({ id, cut }) => id === point && cut === 'quiesced');
}

/** How far writers' clocks were seen ahead, microseconds, so late that it may concern a base whose snapshots began then, or its log. */
function leadSince(logs: ReadonlyArray<TimelineLog | undefined>, from: Micros): number {
  const seen = logs.flatMap((log) => log?.streams.flatMap(({ watermark }) => watermark ?? []) ?? []).flatMap(leadsOf);
  const concern = seen.filter(({ until, seconds }) => instantOf(until) + seconds * 1_000_000 >= from);
  return Math.ceil(Math.max(0, ...concern.map(({ seconds }) => seconds * 1_000_000)));
}

/**
 * Before anything is shipped, the first timeline has no record, but backups already belong to it. Throws what
 * `timelinePath` throws.
 */
export function pathOf({ catalog, environment }: RecoveryFacts, timeline: string): readonly Strand[] {
  if (catalog.timelines.length > 0 || timeline !== firstTimeline) return timelinePath(catalog.timelines, timeline);
  const body = { id: firstTimeline, environment, openedAt: formatInstant(micros(0)), why: 'nothing was shipped on it' };
  return timelinePath([timelineDocument.body.parse(body)], timeline);
}

export const firstTimeline = 't0001';

/** What is known of a strand besides. */
interface StrandFacts {
  readonly log: TimelineLog | undefined;
  /** What changes of the schema stand in the way. */
  readonly schemas: readonly Obstacle[];
  /** Slots that are left out besides those that the timeline leaves out. */
  readonly exclusions: readonly Micros[];
  readonly points: readonly RestorePoint[];
}

function windowStrand(
  { timeline, until, exclusions }: Strand,
  { log, schemas, exclusions: more, points }: StrandFacts,
): WindowStrand {
  const opened = timeline.parent === undefined ? undefined : instantOf(timeline.openedAt);
  const counts = (obstacle: Obstacle) => until === undefined || obstacle.at <= until;
  return {
    timeline: timeline.id,
    opened,
    until,
    exclusions: [...new Set([...exclusions, ...more])].sort((a, b) => a - b),
    streams: new Map([
      ...points.flatMap(({ nodes }) => nodes.map(({ hostId, node }) => [hostId, silentStream(node)] as const)),
      ...(log?.streams ?? []).map((stream) => [stream.hostId, windowStream(stream, opened)] as const),
    ]),
    obstacles: [...(log?.streams.flatMap(markObstacles) ?? []), ...schemas].filter(counts),
  };
}

function windowStream(stream: VerifiedStream, opened: Micros | undefined): WindowStream {
  const [first] = stream.covered;
  const whole =
    opened !== undefined &&
    first !== undefined &&
    first.from >= opened &&
    first.from <= opened + openingTime &&
    stream.first === 1;
  return {
    name: stream.node,
    reach: (start) => reachFrom(stream, whole && start >= opened && start < first.from ? first.from : start),
    gaps: stream.marks.filter(({ what }) => what === 'gap').map(obstacleOf),
    absent: (start) => absence(stream, start),
  };
}

/** A node that is known but ships no log on this timeline. */
function silentStream(name: string): WindowStream {
  return { name, reach: () => undefined, gaps: [], absent: () => 'its log is not shipped' };
}

function absence(stream: VerifiedStream, start: Micros): string {
  const next = stream.covered.find(({ from }) => from > start);
  const before = stream.covered.findLast(({ to }) => to < start);
  if (before?.ends !== undefined) return before.ends;
  if (next !== undefined) {
    const { first } = stream;
    const gone = first > 1 ? ` (pieces 1–${first - 1} are missing)` : '';
    return `its log begins at ${formatInstant(next.from)}${gone}`;
  }
  if (before !== undefined) return `its log ends at ${formatInstant(before.to)}`;
  return stream.faults[0]?.reason ?? 'its log is not shipped';
}

function markObstacles(stream: VerifiedStream): readonly Obstacle[] {
  return stream.marks
    .filter(({ what }) => what !== 'gap')
    .map(obstacleOf)
    .map((obstacle) => ({ ...obstacle, reason: `${stream.node}: ${obstacle.reason}` }));
}

function obstacleOf({ what, at, until, reason }: VerifiedStream['marks'][number]): Obstacle {
  return { kind: what, at: instantOf(at), until: instantOf(until), reason };
}

function windowBase(
  point: RestorePoint,
  { points }: RecoveryFacts,
  path: readonly Strand[],
  logs: ReadonlyArray<TimelineLog | undefined>,
): WindowBase {
  const strand = path.findIndex(({ timeline }) => timeline.id === point.timeline);
  const { from, to } = snapshotOf(point);
  const rings = path.slice(strand).map(({ timeline }, at) => ringOn(timeline.id, point, points, logs[strand + at]));
  return {
    point: point.id,
    strand,
    from,
    to,
    groups: rings.map((ring, at) => replicaGroups(ring, replicationOf(point, logs[strand + at]?.schemas ?? [], from))),
    obstacles: rings.flatMap((ring, at) =>
      ringObstacles({ base: point, ring }, points, logs[strand + at], path[strand + at]).map((each) => ({
        ...each,
        strand: strand + at,
      })),
    ),
  };
}

/** From the schema of that time, else what JanusGraph makes. */
export function replicationOf(point: RestorePoint, schemas: readonly StoredSchema[], at: Micros): Replication {
  const inForce = schemas.findLast((each) => each.at <= at) ?? schemas[0];
  const found = inForce?.schema.keyspaces.find(({ keyspace }) => keyspace === point.keyspace);
  return found?.replication ?? usualReplication(point);
}
