import type { Obstacle } from '../../commitlog/window.ts';
import { type Micros, formatInstant, instantOf, micros } from '../../model/instant.ts';
import type { RestorePoint } from '../../model/restore-point.ts';
import type { Strand } from '../../model/timeline-path.ts';
import type { TimelineLog } from '../catalog/log-catalog.ts';
import type { GroupNode } from './replica-groups.ts';
import { snapshotOf } from '../catalog/snapshot-span.ts';

type PointNode = RestorePoint['nodes'][number];

/**
 * The base's ring on a timeline: the same nodes, with the host ids that they have there. A restore may give a node a
 * new host id; its name and its tokens stay the same.
 */
export function ringOn(
  timeline: string,
  base: RestorePoint,
  points: readonly RestorePoint[],
  log: TimelineLog | undefined,
): readonly GroupNode[] {
  if (timeline === base.timeline) return base.nodes;
  const observed = points.findLast((point) => point.timeline === timeline && point.proof !== 'failed');
  return base.nodes.map((node) => {
    const same = observed?.nodes.find((each) => each.node === node.node);
    const shipped = log?.streams.find((stream) => stream.hostId === node.hostId || stream.node === node.node);
    return { ...node, hostId: same?.hostId ?? shipped?.hostId ?? node.hostId };
  });
}

/** Where the ring differs from the base's ring: logs of one ring cannot be replayed over a base of another ring. */
export function ringObstacles(
  { base, ring }: { readonly base: RestorePoint; readonly ring: readonly GroupNode[] },
  points: readonly RestorePoint[],
  log: TimelineLog | undefined,
  strand: Strand | undefined,
): readonly Obstacle[] {
  if (strand === undefined) return [];
  const own = strand.timeline.id === base.timeline;
  const start = own ? snapshotOf(base).from : instantOf(strand.timeline.openedAt);
  const ended = (at: Micros) => strand.until !== undefined && at > strand.until;
  const strangers = (log?.streams ?? []).flatMap((stream) => {
    const at = stream.covered.find(({ to }) => to > start)?.from;
    if (at === undefined || ring.some(({ hostId }) => hostId === stream.hostId)) return [];
    return [
      obstacle(at > start ? at : start, `${stream.node} (${stream.hostId}) is not among the nodes of ${base.id}`),
    ];
  });
  const later = points
    .filter((point) => point.timeline === strand.timeline.id && snapshotOf(point).from > start)
    .toSorted((a, b) => snapshotOf(a).from - snapshotOf(b).from);
  const changed = later.findIndex((point) => !sameRing(base.nodes, point.nodes, own));
  const witness = later[changed];
  if (witness === undefined) return strangers.filter(({ at }) => !ended(at));
  // Nothing says when it changed: only up to the last point with the base's ring is it certain to be that ring.
  const sure = changed === 0 ? (own ? snapshotOf(base).to : start) : snapshotOf(later[changed - 1] ?? base).to;
  const reason = `${witness.id} and ${base.id} were taken from different rings`;
  return [...strangers, obstacle(micros(sure + 1), reason)].filter(({ at }) => !ended(at));
}

function obstacle(at: Micros, reason: string): Obstacle {
  const text = `the ring changed at or after ${formatInstant(at)}: ${reason}`;
  return { kind: 'topology', at, until: micros(Number.MAX_SAFE_INTEGER), reason: text };
}

function sameRing(one: readonly PointNode[], other: readonly PointNode[], byHostId: boolean): boolean {
  const text = (nodes: readonly PointNode[]) =>
    nodes
      .map(({ node, hostId, tokens }) => [byHostId ? hostId : node, ...tokens.toSorted()].join(' '))
      .toSorted()
      .join('\n');
  return text(one) === text(other);
}
