import type { VerifiedStream, StoredPiece } from '../../commitlog/verified-stream.ts';
import { type Micros, formatInstant, micros } from '../../model/instant.ts';
import type { LogPlan } from '../../model/log-plan.ts';
import type { Strand } from '../../model/timeline-path.ts';
import type { BaseChoice } from './choose-base.ts';
import type { TimelineLog } from '../catalog/log-catalog.ts';
import type { RecoveryFacts } from './recovery-facts.ts';
import { snapshotOf } from '../catalog/snapshot-span.ts';
import { pathOf } from './window-path.ts';

/**
 * The logs that bring the base forward to the chosen instant. Pure.
 *
 * From where: whole pieces that reach beyond the beginning of the base's snapshot. What was acknowledged earlier is in the snapshot, and
 * replaying a part of it again changes nothing.
 *
 * To where: each stream's end, on every timeline, not the instant. A write of a transaction before the instant may reach a node long after
 * it (commits wait for locks and ids, coordinators retry, hints and read repair carry it to a replica that was down), and the ids that the
 * graph gave out later must not be given out again. The cut, not the choice of pieces, keeps out what is younger. Only the path's
 * timelines count for the data; of others the ids alone are replayed, which their `until` before all time says.
 */
export function planLogs(facts: RecoveryFacts, choice: BaseChoice): Omit<LogPlan, 'run'> {
  const { point, instant, timeline } = choice;
  const { timelines, logs } = facts.catalog;
  const path = pathOf(facts, timeline);
  const first = path.findIndex((strand) => strand.timeline.id === point.timeline);
  const snapshot = snapshotOf(point);
  const onPath = new Set(path.map((strand) => strand.timeline.id));
  const aside = timelines.filter(({ id }) => !onPath.has(id));
  return {
    instant: formatInstant(instant),
    strands: [
      // A base taken after the end of another timeline already has its ids: the restore that left that timeline
      // replayed them.
      ...aside
        .map(({ id }) => strandOf({ timeline: id, until: beforeAllTime, exclusions: [] }, logs.get(id), snapshot.from))
        .filter(({ streams }) => streams.length > 0),
      ...path.slice(first).map((strand, at) => {
        const { id } = strand.timeline;
        const exclusions = [...new Set([...strand.exclusions, ...choice.exclusions])].sort((a, b) => a - b);
        const until = endOf(strand, instant);
        return strandOf({ timeline: id, until, exclusions }, logs.get(id), at === 0 ? snapshot.from : beforeAllTime);
      }),
    ],
    uncut: [`${point.keyspace}.janusgraph_ids`],
    omitted: lockTables(point.keyspace),
    incomplete: [],
    addedTables: choice.tablesToCreate.map(({ id, keyspace, table }) => ({ id, name: `${keyspace}.${table}` })),
  };
}

const beforeAllTime = micros(0);

function endOf({ until }: Strand, instant: Micros): Micros {
  return until === undefined || until > instant ? instant : until;
}

/** What is replayed of a timeline: up to `until`, without the exclusions. */
interface StrandEnd {
  readonly timeline: LogPlan['strands'][number]['timeline'];
  readonly until: Micros;
  readonly exclusions: readonly Micros[];
}

function strandOf(
  { timeline, until, exclusions }: StrandEnd,
  log: TimelineLog | undefined,
  from: Micros,
): LogPlan['strands'][number] {
  return {
    timeline,
    until: formatInstant(until),
    exclusions: exclusions.filter((slot) => slot <= until).map(formatInstant),
    streams: (log?.streams ?? []).flatMap((stream) => streamOf(stream, from)),
    schemas: (log?.schemas ?? []).map(({ key }) => key),
  };
}

function streamOf({ hostId, node, pieces }: VerifiedStream, from: Micros): LogPlan['strands'][number]['streams'] {
  const objects = pieces.filter(({ coveredTo }) => coveredTo > from).map(objectOf);
  return objects.length === 0 ? [] : [{ hostId, node, objects }];
}

function objectOf({ key, sha256, from, to }: StoredPiece) {
  return { key, sha256, bytes: to - from };
}

/** JanusGraph's locks belong to transactions that are over. */
function lockTables(keyspace: string): string[] {
  return ['edgestore', 'graphindex', 'system_properties'].map((table) => `${keyspace}.${table}_lock_`);
}
