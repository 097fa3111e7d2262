import { commitSlot } from '../model/commit-slot.ts';
import { type Micros, formatInstant, micros } from '../model/instant.ts';

/**
 * To which instants a timeline can be restored, decided from values alone. A base serves every instant from the end of its snapshot on up
 * to its first obstruction: because nothing heals a hole between the two, what one base serves is always one unbroken stretch.
 */

/** Replicas of one token range; a write that was acknowledged is in the log of at least one of any `enough` of them. */
export interface ReplicaGroup {
  /** Host ids of their streams. */
  readonly streams: readonly string[];
  readonly enough: number;
}

/** Everything acknowledged after `start` is proved up to `to`; `ends` says why not further, and is absent where the shipped log ends. */
export interface Reach {
  readonly to: Micros;
  readonly ends?: string;
}

/** A stream as the window sees it. */
export interface WindowStream {
  readonly name: string;
  /** Undefined when not even `start` is covered. */
  reach(start: Micros): Reach | undefined;
  /** What this stream does not hold: it proves nothing from `at` on for a base of before `until`. */
  readonly gaps: readonly Obstacle[];
  /** Why it does not cover `start`, for people. */
  absent(start: Micros): string;
}

/** Instants at or after `at` need a base whose snapshot began at or after `until`. */
export interface Obstacle {
  readonly kind: 'gap' | 'truncate' | 'bypass' | 'schema' | 'topology';
  readonly at: Micros;
  readonly until: Micros;
  readonly reason: string;
}

export interface WindowStrand {
  readonly timeline: string;
  /** When writes could begin on it; undefined for the first, on which they always could. */
  readonly opened: Micros | undefined;
  /** The last instant of it that counts; undefined when it goes on. */
  readonly until: Micros | undefined;
  /** Commit slots left out. */
  readonly exclusions: readonly Micros[];
  /** By host id. */
  readonly streams: ReadonlyMap<string, WindowStream>;
  readonly obstacles: readonly Obstacle[];
}

export interface WindowBase {
  readonly point: string;
  /** Index of the strand whose timeline it was taken on. */
  readonly strand: number;
  /** The cut of its snapshot lies between these. */
  readonly from: Micros;
  readonly to: Micros;
  /** Replicas of each token range, for its own strand and each later one. */
  readonly groups: ReadonlyArray<readonly ReplicaGroup[]>;
  /** How far clocks of writers ran ahead about the time of its snapshot, where that is known for the base alone. */
  readonly lead?: number;
  /** What ends its use apart from the strands' own obstacles: the ring that it was taken of is another one later. */
  readonly obstacles?: ReadonlyArray<Obstacle & { readonly strand: number }>;
}

/** What one base serves: every instant from `from` to `to`. */
export interface Service {
  readonly base: WindowBase;
  readonly from: Micros;
  readonly to: Micros;
  /** What stands after `to`. */
  readonly stop: Stop;
}

export interface Stop {
  readonly kind: Obstacle['kind'] | 'coverage' | 'end' | 'fork' | 'exclusion';
  readonly reason: string;
}

/** A base that serves no instant, and why. */
export interface Useless {
  readonly base: WindowBase;
  readonly stop: Stop;
}

/**
 * What the base serves of the path. `lead` is how far, in microseconds, clocks of writers may run ahead of the nodes': a snapshot may hold
 * write times that are so much younger than itself.
 */
export function serviceOf(base: WindowBase, path: readonly WindowStrand[], lead: number): Service | Useless {
  const first = micros(base.to + (base.lead ?? lead));
  const own = path[base.strand];
  if (own === undefined || (own.until !== undefined && first > own.until)) {
    return useless(base, 'fork', `it was taken after the end of the timeline`);
  }
  const held = own.exclusions.find((slot) => slot <= commitSlot(first));
  if (held !== undefined)
    return useless(base, 'exclusion', `it may hold the undone transaction of ${formatInstant(held)}`);

  let to = first;
  for (const [index, strand] of path.entries()) {
    if (index < base.strand) continue;
    const isOwn = index === base.strand;
    const start = isOwn ? base.from : strand.opened;
    if (start === undefined) return useless(base, 'coverage', `the beginning of ${strand.timeline} is not known`);
    // A timeline that was left again before it was opened adds nothing.
    if (strand.until !== undefined && start > strand.until) {
      to = isOwn ? to : greater(to, strand.until);
      continue;
    }
    const { limit, stop } = strandLimit(base, strand, index, start);
    if (strand.until !== undefined && limit >= strand.until) {
      to = greater(to, strand.until);
      continue;
    }
    // Before a later strand was opened nothing was written: those instants equal the fork, and need nothing of its logs.
    const last = isOwn ? limit : greater(limit, micros(start - 1));
    const why = strand.until === undefined ? stop : beforeItsEnd(stop, strand.timeline, strand.until);
    if (isOwn && last < first) return { base, stop: why };
    return { base, from: first, to: greater(to, last), stop: why };
  }
  return { base, from: first, to, stop: { kind: 'fork', reason: 'the timeline ends there' } };
}

/** The log of a timeline that was left is as long as it will ever be: what comes after it, on the next one, is out of reach. */
function beforeItsEnd(stop: Stop, timeline: string, until: Micros): Stop {
  if (stop.kind !== 'end') return stop;
  const reason = `the log of ${timeline} was not shipped up to ${formatInstant(until)}, where the next timeline begins`;
  return { kind: 'coverage', reason };
}

/** The last instant of the strand that the base can go to, and what stands after it. */
function strandLimit(
  base: WindowBase,
  strand: WindowStrand,
  index: number,
  start: Micros,
): { limit: Micros; stop: Stop } {
  let limit = micros(Number.MAX_SAFE_INTEGER);
  let stop: Stop = { kind: 'end', reason: 'nothing later is shipped yet' };
  const lower = (to: Micros, why: Stop) => {
    if (to >= limit) return;
    limit = to;
    stop = why;
  };
  for (const group of base.groups[index - base.strand] ?? []) {
    const { to, stop: why } = groupReach(group, strand.streams, start);
    lower(to, why);
  }
  const own = index === base.strand;
  const obstacles = [...strand.obstacles, ...(base.obstacles ?? []).filter((each) => each.strand === index)];
  for (const { at, until, kind, reason } of obstacles) {
    if (own && base.from >= until) continue;
    lower(micros(at - 1), { kind, reason });
  }
  return { limit, stop };
}

/** Up to where enough replicas of the range are proved without a break from `start` on. */
function groupReach(
  { streams, enough }: ReplicaGroup,
  all: ReadonlyMap<string, WindowStream>,
  start: Micros,
): { to: Micros; stop: Stop } {
  const reaches = streams.map((hostId) => {
    const stream = all.get(hostId);
    if (stream === undefined) return { name: hostId, to: nowhere, why: 'ships no log', end: false };
    return streamReach(stream, start);
  });
  // The `enough`-th furthest: that many streams go so far.
  const sorted = reaches.toSorted((a, b) => b.to - a.to);
  const decisive = sorted[enough - 1];
  if (decisive === undefined) {
    return {
      to: nowhere,
      stop: { kind: 'coverage', reason: `a token range has ${streams.length} replicas, but ${enough} are needed` },
    };
  }
  const short = sorted.slice(enough - 1);
  if (decisive.end) return { to: decisive.to, stop: { kind: 'end', reason: 'nothing later is shipped yet' } };
  return {
    to: decisive.to,
    stop: { kind: 'coverage', reason: short.map(({ name, why }) => `${name}: ${why}`).join('; ') },
  };
}

function streamReach(stream: WindowStream, start: Micros): { name: string; to: Micros; why: string; end: boolean } {
  const { name } = stream;
  const reach = stream.reach(start);
  if (reach === undefined) return { name, to: nowhere, why: stream.absent(start), end: false };
  let { to } = reach;
  let why = reach.ends;
  for (const { at, until, reason } of stream.gaps) {
    // A base of after the gap does not need what it lacks.
    if (start >= until || at > to) continue;
    to = micros(at - 1);
    why = reason;
  }
  return { name, to: to < start ? nowhere : to, why: why ?? 'nothing later is shipped', end: why === undefined };
}

/** Before every instant. */
const nowhere = micros(Number.MIN_SAFE_INTEGER);

function useless(base: WindowBase, kind: Stop['kind'], reason: string): Useless {
  return { base, stop: { kind, reason } };
}

function greater(a: Micros, b: Micros): Micros {
  return a > b ? a : b;
}

/** Every base of the path that serves anything, by the first instant it serves; and those that serve nothing. */
export interface Services {
  readonly serving: readonly Service[];
  readonly useless: readonly Useless[];
}

export function servicesOf(bases: readonly WindowBase[], path: readonly WindowStrand[], lead: number): Services {
  const all = bases.map((base) => serviceOf(base, path, lead));
  const serving = all.filter((each): each is Service => 'to' in each).toSorted((a, b) => a.from - b.from);
  return { serving, useless: all.filter((each): each is Useless => !('to' in each)) };
}

/** Stretches of instants, each with the base it would use: the latest one that serves it, because that replays least. */
export function stretchesOf({ serving }: Services): ReadonlyArray<{ from: Micros; to: Micros; service: Service }> {
  const cuts = [...new Set(serving.flatMap(({ from, to }) => [from, to + 1]))].sort((a, b) => a - b);
  const stretches: Array<{ from: Micros; to: Micros; service: Service }> = [];
  for (const [at, cut] of cuts.entries()) {
    const next = cuts[at + 1];
    const from = micros(cut);
    const service = serviceAt({ serving }, from);
    if (next === undefined || service === undefined) continue;
    const before = stretches.at(-1);
    if (before?.service === service && before.to + 1 === from) before.to = micros(next - 1);
    else stretches.push({ from, to: micros(next - 1), service });
  }
  return stretches;
}

/** The service that the instant would use. */
export function serviceAt({ serving }: Pick<Services, 'serving'>, instant: Micros): Service | undefined {
  return serving.findLast(({ from, to }) => from <= instant && instant <= to);
}

/** What lies between two stretches and cannot be restored to: after `from`, up to `to`. */
export function gapsOf(services: Services): ReadonlyArray<{ from: Micros; to: Micros; stop: Stop; next: WindowBase }> {
  const gaps: Array<{ from: Micros; to: Micros; stop: Stop; next: WindowBase }> = [];
  let reached: Service | undefined;
  for (const service of services.serving) {
    if (reached !== undefined && service.from > reached.to + 1) {
      gaps.push({ from: reached.to, to: micros(service.from - 1), stop: reached.stop, next: service.base });
    }
    if (reached === undefined || service.to > reached.to) reached = service;
  }
  return gaps;
}

/** The nearest instants that would work, before and after. */
export function nearestInstants(services: Services, instant: Micros): { before?: Micros; after?: Micros } {
  const before = Math.max(
    ...services.serving.filter(({ from }) => from <= instant).map(({ to }) => Math.min(to, instant)),
  );
  const after = Math.min(
    ...services.serving.filter(({ to }) => to >= instant).map(({ from }) => Math.max(from, instant)),
  );
  return {
    ...(Number.isFinite(before) ? { before: micros(before) } : {}),
    ...(Number.isFinite(after) ? { after: micros(after) } : {}),
  };
}
