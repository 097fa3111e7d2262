import { type Service, type Services, nearestInstants, serviceAt, servicesOf } from '../../commitlog/window.ts';
import type { z } from 'zod';
import { formatSeconds } from '../../model/duration.ts';
import { timelineId } from '../../model/identifiers.ts';
import { type Micros, formatInstant, micros } from '../../model/instant.ts';
import type { LoggedTable } from '../../model/log-schema.ts';
import { RefusedProblem } from '../../model/problem.ts';
import { isBeingRemoved, type RestorePoint } from '../../model/restore-point.ts';
import { failedBefore } from './choose-point.ts';
import { provedInstant } from './proved-instant.ts';
import type { RecoveryFacts } from './recovery-facts.ts';
import { addedTables } from './schema-change.ts';
import { type WindowPath, pathOf, windowPath } from './window-path.ts';

export interface Wanted {
  readonly instant: Micros;
  readonly timeline: string;
  /** Commit slots to leave out besides those that the timeline leaves out already. */
  readonly exclusions?: readonly Micros[];
  /** Use only this base, if it serves the instant at all. */
  readonly base?: string;
  /** A run goes by what was decided when it began: that the clock of this machine was set back since does not make it the future. */
  readonly decided?: true;
}

/** How an instant is restored. */
export interface BaseChoice {
  readonly instant: Micros;
  readonly timeline: z.infer<typeof timelineId>;
  readonly exclusions: readonly Micros[];
  readonly point: RestorePoint;
  /**
   * If the instant is later than this, a transaction just before it may lack its last writes: list the tail, leave out
   * incomplete ones.
   */
  readonly settledUntil: Micros;
  /** To be created, with these ids, before the logs are replayed. */
  readonly tablesToCreate: readonly LoggedTable[];
  readonly warnings: readonly string[];
}

/**
 * The base that an instant is restored from: the latest that serves it, because that replays least. Pure. Throws RefusedProblem
 * `instant-unreachable` (with the nearest instants that would work), `in-the-future`, `clocks-apart`, `no-base`; and what `timelinePath` throws.
 */
export function chooseBase(facts: RecoveryFacts, wanted: Wanted): BaseChoice {
  const { instant, timeline, exclusions = [] } = wanted;
  const path = windowPath(facts, timeline, exclusions);
  // What was proved together with its log is that graph, whatever clocks have done since.
  const proved = isProved(path, wanted);
  const bases = proved ? path.bases.map((base) => ({ ...base, lead: 0 })) : path.bases;
  const all = servicesOf(bases, path.strands, path.lead);
  const services =
    wanted.base === undefined ? all : { ...all, serving: all.serving.filter(({ base }) => base.point === wanted.base) };
  if (wanted.decided !== true) requirePresent(facts, instant, services);
  const service = serviceAt(services, instant);
  if (service === undefined || !proved) requireClocks(facts, path, service);
  if (service === undefined) throw unreachable(facts, path, services, wanted);
  const point = path.points.get(service.base.point);
  if (point === undefined) throw new TypeError(`${service.base.point} is no point`);
  const strands = pathOf(facts, timeline);
  return {
    instant,
    timeline: timelineId.parse(timeline),
    exclusions,
    point,
    settledUntil: micros(service.to - facts.limits.settleMargin),
    tablesToCreate: addedTables(strands, path.logs, { ...service.base, schemaVersion: point.schemaVersion }, instant),
    warnings: warningsOf(facts, service, point, instant),
  };
}

/**
 * For an undo and for a restore to the end of the log, which must lose nothing. Throws RefusedProblem `end-unreachable` when something of the
 * timeline may have been written after the last instant that its bases and its log can be restored to.
 */
export function requireReachableEnd(facts: RecoveryFacts, { instant, timeline, exclusions }: BaseChoice): void {
  const path = windowPath(facts, timeline, exclusions);
  const { serving } = servicesOf(path.bases, path.strands, path.lead);
  const last = serving.reduce<Service | undefined>(
    (best, each) => (best === undefined || each.to >= best.to ? each : best),
    undefined,
  );
  if (last === undefined) return;
  const { environment } = facts;
  const end = formatInstant(last.to);
  const atEnd = serving.some(({ to, stop }) => to === last.to && stop.kind === 'end');
  // An undo takes away nothing but what was named; a restore to the end is told of it, and goes on.
  const alone = exclusions.length === 0 ? [] : streamsBeyond(facts, timeline, last.to);
  if (atEnd && alone.length === 0) return;
  const reason = atEnd ? `only some nodes shipped it (${alone.join(', ')}), which is not all of it` : last.stop.reason;
  const other =
    exclusions.length > 0
      ? 'Undo it by a compensating transaction instead (--way compensate).'
      : `If the graph can still be read, take a backup (cardea backup ${environment}) and restore that. To give up what came after that instant, name the instant: --to ${formatInstant(instant)}.`;
  throw new RefusedProblem({
    code: 'end-unreachable',
    happened: `What was written on ${timeline} after ${end} would be lost: ${reason}.`,
    state: nothingChanged,
    next: `${other} To see the window: cardea window ${environment}.`,
  });
}

/**
 * Nodes whose log goes on alone beyond the end, with up to where: what it says of later instants is not everything that
 * was acknowledged. Nodes never ship to the same instant, so a little does not count.
 */
export function streamsBeyond({ catalog, limits }: RecoveryFacts, timeline: string, end: Micros): readonly string[] {
  const after = micros(end + 2 * limits.settleMargin);
  return (catalog.logs.get(timeline)?.streams ?? []).flatMap(({ node, covered }) => {
    const to = covered.at(-1)?.to;
    return to === undefined || to <= after ? [] : [`${node} up to ${formatInstant(to)}`];
  });
}

function warningsOf(facts: RecoveryFacts, service: Service, point: RestorePoint, instant: Micros) {
  const { environment, limits } = facts;
  const warnings = [...damagedBases(facts), ...damagedTimelines(facts)];
  if (point.proof === 'failed') warnings.push(failedBefore(point));
  else if (point.proof !== 'proven') {
    warnings.push(
      `${point.id} is ${point.proof}, not proven: it was never restored and opened. To prove it: cardea rehearse ${environment} ${point.id}`,
    );
  }
  if (instant > service.to - limits.settleMargin) {
    warnings.push(
      `The instant is less than ${formatSeconds(limits.settleMargin / 1_000_000)} before the end of the shipped log: transactions of the last moments may be incomplete, and incomplete ones are left out`,
    );
  }
  return warnings;
}

/** Points that are no base because their documents are damaged. */
export function damagedBases({ damaged = [] }: Pick<RecoveryFacts, 'damaged'>): readonly string[] {
  return damaged.map(({ id, failure }) => `${id} is not used as a base: ${failure}`);
}

/** Timelines whose records cannot be read or are lost, a sentence each. */
export function damagedTimelines({ catalog }: Pick<RecoveryFacts, 'catalog'>): readonly string[] {
  return catalog.timelines.flatMap(({ damaged }) =>
    damaged === undefined ? [] : [`${damaged} Nothing before its own restore points can be restored on it.`],
  );
}

function requirePresent({ now }: RecoveryFacts, instant: Micros, services: Services): void {
  if (instant <= now) return;
  throw new RefusedProblem({
    code: 'in-the-future',
    happened: `${formatInstant(instant)} is in the future; the time now is ${formatInstant(now)}.`,
    state: nothingChanged,
    next: nearestText(services, now),
  });
}

function isProved({ points }: WindowPath, { base, instant, timeline, exclusions = [] }: Wanted): boolean {
  const point = base === undefined ? undefined : points.get(base);
  const proved = point === undefined ? undefined : provedInstant(point);
  if (proved?.instant !== instant || proved.timeline !== timeline) return false;
  const left = new Set(proved.exclusions);
  return left.size === new Set(exclusions).size && exclusions.every((slot) => left.has(slot));
}

function requireClocks({ limits, environment }: RecoveryFacts, path: WindowPath, service: Service | undefined): void {
  const { points } = path;
  const seenLead = service === undefined ? path.seenLead : (path.leads.get(service.base.point) ?? 0);
  if (seenLead <= limits.clockLead) return;
  const [newest] = points.keys();
  throw new RefusedProblem({
    code: 'clocks-apart',
    happened: `Writers' clocks run up to ${formatSeconds(seenLead / 1_000_000)} ahead of the nodes' clocks. The limit for a restore to an instant is ${formatSeconds(limits.clockLead / 1_000_000)}.`,
    state: nothingChanged,
    next: `Synchronise the clocks (NTP on every graph server and node) and take a backup: instants after its end can be restored. ${newest === undefined ? '' : `This restore does not depend on clocks: cardea restore ${environment} --to ${newest}.`}`.trim(),
  });
}

function unreachable(facts: RecoveryFacts, path: WindowPath, services: Services, wanted: Wanted): RefusedProblem {
  const { environment } = facts;
  const asked = `${formatInstant(wanted.instant)} on ${wanted.timeline}`;
  const details = [
    ...damagedBases(facts),
    ...damagedTimelines(facts),
    ...services.useless.map(({ base, stop }) => `${base.point} serves no instant: ${stop.reason}`),
  ];
  if (path.bases.length === 0 || services.serving.length === 0) {
    return new RefusedProblem({
      code: 'no-base',
      happened: `${asked} cannot be restored: ${whyNone(path, wanted)}.`,
      state: nothingChanged,
      next: `Take a backup (cardea backup ${environment}); instants after its end can be restored. For points that can be restored as they were taken, see cardea points ${environment}.`,
      details: [...details, ...failedPoints(facts)],
    });
  }
  return new RefusedProblem({
    code: 'instant-unreachable',
    happened: `${asked} cannot be restored: ${whyNot(services, wanted.instant)}.`,
    state: nothingChanged,
    next: `${nearestText(services, wanted.instant)} To see the whole window: cardea window ${environment} --timeline ${wanted.timeline}.`,
    details,
  });
}

/** Points that would be bases again if they were found whole. */
function failedPoints({ environment, points }: RecoveryFacts): readonly string[] {
  return points
    .filter((point) => point.proof === 'failed' && !isBeingRemoved(point))
    .slice(0, 5)
    .map(({ id }) => `${id} failed its last check; to have it checked anew: cardea rehearse ${environment} ${id}`);
}

function whyNone({ bases, timeline }: WindowPath, { base, exclusions = [] }: Wanted): string {
  if (bases.length === 0) return `there is no checked or proven restore point on ${timeline} or its parent timelines`;
  if (base !== undefined) return `${base} cannot serve as a base for any instant of this timeline`;
  return exclusions.length === 0
    ? 'no restore point can serve as a base for any instant'
    : 'no restore point can serve as a base for any instant without those transactions';
}

function whyNot({ serving }: Services, instant: Micros): string {
  const before = serving.filter(({ from }) => from <= instant);
  const [first] = serving;
  if (before.length === 0) {
    return `every base was taken after it; the first, ${first?.base.point ?? ''}, can restore instants from ${formatInstant(first?.from ?? instant)} on`;
  }
  const furthest = before.reduce((best, each) => (each.to > best.to ? each : best));
  return `${furthest.base.point} and its log reach only to ${formatInstant(furthest.to)}: ${furthest.stop.reason}`;
}

/** The nearest instants that would work, as a sentence. */
function nearestText(services: Services, instant: Micros): string {
  const { before, after } = nearestInstants(services, instant);
  const words = [
    ...(before === undefined ? [] : [`${formatInstant(before)} (before it)`]),
    ...(after === undefined ? [] : [`${formatInstant(after)} (after it)`]),
  ];
  return words.length === 0
    ? 'No instant can be restored yet.'
    : `The nearest instant that can be restored: ${words.join(' or ')}.`;
}

const nothingChanged = 'Nothing was changed.';
