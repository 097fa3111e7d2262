import { readingFrom, type StoredPiece, type VerifiedStream } from '../../commitlog/verified-stream.ts';
import { cutAfter } from '../../model/commit-slot.ts';
import { type Micros, formatInstant, micros } from '../../model/instant.ts';
import type { LogPlan } from '../../model/log-plan.ts';
import { RefusedProblem } from '../../model/problem.ts';
import type { RestorePoint } from '../../model/restore-point.ts';
import type { Strand } from '../../model/timeline-path.ts';
import type { BaseChoice } from './choose-base.ts';
import type { LogCatalog, TimelineLog } from '../catalog/log-catalog.ts';
import { arrivalWithin } from './arrival.ts';
import type { RecoveryFacts } from './recovery-facts.ts';
import { snapshotOf } from '../catalog/snapshot-span.ts';
import { withoutEmptied } from './truncated-rows.ts';
import { pathOf } from './window-path.ts';

/**
 * The logs that bring the base forward to the chosen instant. Pure.
 *
 * From where: whole pieces that reach beyond the beginning of the base's snapshot. What was acknowledged earlier is in the snapshot, and
 * replaying a part of it again changes nothing.
 *
 * To where: see `Extent`. The cut, not the choice of pieces, keeps out what is younger. Only the path's timelines count for the data; of
 * others the ids alone are replayed, which their `until` before all time says. Throws RefusedProblem `log-schema-damaged`.
 */
export function planLogs(facts: RecoveryFacts, choice: BaseChoice, extent: Extent = {}): Omit<LogPlan, 'run'> {
  const { point, instant, timeline } = choice;
  const { settled, idsKnown = false, since, lead = 0 } = extent;
  const { timelines, logs } = piecesOf(facts, point);
  const path = pathOf(facts, timeline);
  const first = path.findIndex((strand) => strand.timeline.id === point.timeline);
  const snapshot = snapshotOf(point);
  const onPath = new Set(path.map((strand) => strand.timeline.id));
  // Without its schema a log cannot be read, not even for ids: then these jump far ahead, as they do where no log is.
  const readable = ({ id }: { readonly id: string }) => damagedSchemaOf(logs.get(id), snapshot.from) === undefined;
  const aside = idsKnown || since !== undefined ? [] : timelines.filter(({ id }) => !onPath.has(id)).filter(readable);
  const strands = since === undefined ? path.slice(first) : path.slice(-1);
  /** A write that was acknowledged reached its replicas before; what may still come is as late as a commit may be. */
  const arrival = arrivalWithin(facts.limits.settleMargin) + facts.limits.clockLead;
  const plan = {
    instant: formatInstant(instant),
    strands: [
      // A base taken after the end of another timeline already has its ids: the restore that left that timeline
      // replayed them.
      ...aside
        .map(({ id }) => strandOf({ timeline: id, until: beforeAllTime, exclusions: [] }, logs.get(id), snapshot.from))
        .filter(({ streams }) => streams.length > 0),
      ...strands.map((strand, at) => {
        const { id } = strand.timeline;
        const exclusions = [...new Set([...strand.exclusions, ...choice.exclusions])].sort((a, b) => a - b);
        const end = endOf(strand, instant, lead);
        // A timeline that was left is settled up to its fork: what was not is among its exclusions.
        const until = strand.until === undefined && settled !== undefined && settled < end ? settled : end;
        const from = since ?? (at === 0 ? snapshot.from : beforeAllTime);
        const to = idsKnown && settled === undefined && since === undefined ? micros(end + arrival) : undefined;
        return strandOf({ timeline: id, until, exclusions }, logs.get(id), from, to);
      }),
    ],
    uncut: [`${point.keyspace}.janusgraph_ids`],
    omitted: lockTables(point.keyspace),
    incomplete: [],
    addedTables: choice.tablesToCreate.map(({ id, keyspace, table }) => ({ id, name: `${keyspace}.${table}` })),
  };
  for (const { timeline: id, streams } of plan.strands) {
    if (streams.length > 0) requireSchemas(logs.get(id), snapshot.from);
  }
  return plan;
}

function piecesOf({ pieces }: RecoveryFacts, base: RestorePoint): LogCatalog {
  if (pieces === undefined || pieces.since > snapshotOf(base).from)
    throw new TypeError('a plan without the pieces of the log');
  return pieces.catalog;
}

/**
 * Every piece is decoded, also what is younger than the instant: a table that no schema tells of would be met only when the data has been moved.
 * Throws RefusedProblem `log-schema-damaged`, which names the object.
 */
function requireSchemas(log: TimelineLog | undefined, from: Micros): void {
  const missed = damagedSchemaOf(log, from);
  if (missed === undefined) return;
  throw new RefusedProblem({
    code: 'log-schema-damaged',
    happened: `${missed.key} cannot be read, and without it nobody can tell what the log from ${formatInstant(missed.at)} on means.`,
    state: 'Nothing was changed.',
    next: 'Bring the object back from a copy of the bucket, or restore to a restore point, which needs no log: `cardea points ENV` lists them.',
  });
}

function damagedSchemaOf({ schemas = [], damagedSchemas = [] }: Partial<TimelineLog> = {}, from: Micros) {
  return damagedSchemas.find(({ at }) => (schemas.find((each) => each.at > at)?.at ?? Infinity) > from);
}

/** To where a plan reads the streams. */
export interface Extent {
  /**
   * The ids that the graph has given out are known from elsewhere. Then each stream is read to the instant and a little further, else to
   * its present end, on every timeline: an id must not be given out twice.
   */
  readonly idsKnown?: boolean;
  /**
   * A plan to the log's end, while the log still grows: what is later than this is left to the extension, because it may not be whole yet.
   * Each stream is read to its present end, so that no damage in it is found later.
   */
  readonly settled?: Micros;
  /** The extension: only what reached the nodes after this, on the timeline restored to. */
  readonly since?: Micros;
  /**
   * The instant is the end of the log, by the clocks of the nodes, and nothing more is written: so much later are write
   * times of writers whose clocks run ahead.
   */
  readonly lead?: number;
}

const beforeAllTime = micros(0);

function endOf({ until, kept }: Strand, instant: Micros, lead: number): Micros {
  if (until === undefined || kept === undefined) return micros(instant + lead);
  return until > instant ? instant : kept;
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
  to?: Micros,
): LogPlan['strands'][number] {
  return {
    timeline,
    until: formatInstant(until),
    // The cut keeps the whole slot of its last microsecond.
    exclusions: exclusions.filter((slot) => slot <= cutAfter(until)).map(formatInstant),
    streams: (log?.streams ?? []).flatMap((stream) => streamOf(stream, from, to)),
    schemas: (log?.schemas ?? []).map(({ key }) => key),
  };
}

function streamOf(stream: VerifiedStream, from: Micros, to: Micros | undefined): LogPlan['strands'][number]['streams'] {
  const { hostId, node } = stream;
  const { pieces, crossing } = withoutEmptied(stream, from);
  const safe = readingFrom(
    stream.pieces.map(({ coveredTo }) => coveredTo),
    from,
  );
  const objects = [...crossing, ...pieces]
    .filter(({ coveredTo }) => coveredTo > from || coveredTo >= safe)
    .filter(({ coveredFrom }) => to === undefined || coveredFrom <= to)
    .map(objectOf);
  return objects.length === 0 ? [] : [{ hostId, node, objects }];
}

function objectOf({ key, sha256, from, to }: StoredPiece) {
  return { key, sha256, bytes: to - from };
}

/** JanusGraph's locks belong to transactions that are over. */
function lockTables(keyspace: string): string[] {
  return ['edgestore', 'graphindex', 'system_properties'].map((table) => `${keyspace}.${table}_lock_`);
}
