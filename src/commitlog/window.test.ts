import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Micros, micros } from '../model/instant.ts';
import {
  type Obstacle,
  type ReplicaGroup,
  type WindowBase,
  type WindowStrand,
  gapsOf,
  nearestInstants,
  serviceAt,
  servicesOf,
  stretchesOf,
} from './window.ts';

/** A history of a few strands on a clock of forty ticks, and bases on it. */
interface Sketch {
  readonly strands: readonly StrandSketch[];
  readonly bases: ReadonlyArray<{ readonly strand: number; readonly from: number; readonly length: number }>;
  readonly groups: readonly ReplicaGroup[];
  readonly lead: number;
}

interface StrandSketch {
  readonly opened: number | undefined;
  readonly until: number | undefined;
  readonly exclusions: readonly number[];
  readonly spans: ReadonlyArray<ReadonlyArray<{ readonly from: number; readonly to: number }>>;
  readonly gaps: ReadonlyArray<ReadonlyArray<{ readonly at: number; readonly until: number }>>;
  readonly obstacles: ReadonlyArray<{ readonly at: number; readonly until: number }>;
}

const ticks = 40;
const tick = fc.integer({ min: 0, max: ticks });
const hosts = ['a', 'b', 'c', 'd'] as const;
const pair = fc.tuple(tick, tick).map(([one, other]) => ({ from: Math.min(one, other), to: Math.max(one, other) }));
const mark = pair.map(({ from, to }) => ({ at: from, until: to }));

/** Ascending and never overlapping; some touch, as they do where a chain is broken. */
const spans = fc.array(tick, { maxLength: 4 }).map((cuts) => {
  const sorted = [...cuts].sort((a, b) => a - b);
  return sorted.flatMap((from, at) => {
    const to = sorted[at + 1];
    return to === undefined || to === from || (at % 3 === 2 && at > 0) ? [] : [{ from, to }];
  });
});
const wholeSpan = fc.integer({ min: 20, max: ticks }).map((to) => [{ from: 0, to }]);
/** Seldom, or hardly an instant would be left. */
const rarely = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ arbitrary: fc.constant([]), weight: 5 }, { arbitrary: arbitrary.map((one) => [one]), weight: 1 });

const strands = fc
  .array(
    fc.record({
      step: fc.integer({ min: 0, max: 18 }),
      pause: fc.integer({ min: 0, max: 6 }),
      exclusions: rarely(tick),
      spans: fc.tuple(...hosts.map(() => fc.oneof(spans, { arbitrary: wholeSpan, weight: 3 }))),
      gaps: fc.tuple(...hosts.map(() => rarely(mark))),
      obstacles: rarely(mark),
    }),
    { minLength: 1, maxLength: 3 },
  )
  .map((drawn): readonly StrandSketch[] => {
    let fork = 0;
    let opened: number | undefined;
    return drawn.map(({ step, pause, ...rest }, at) => {
      fork += step;
      const strand = { ...rest, opened, until: at === drawn.length - 1 ? undefined : fork };
      opened = fork + pause;
      return strand;
    });
  });

const sketch: fc.Arbitrary<Sketch> = strands.chain((drawn) =>
  fc.record({
    strands: fc.constant(drawn),
    bases: fc.array(
      fc.record({
        strand: fc.integer({ min: 0, max: drawn.length - 1 }),
        from: fc.integer({ min: 0, max: 25 }),
        length: fc.integer({ min: 0, max: 6 }),
      }),
      { maxLength: 4 },
    ),
    groups: fc.array(
      fc
        .subarray([...hosts], { minLength: 1 })
        .chain((streams) =>
          fc.record({ streams: fc.constant(streams), enough: fc.integer({ min: 1, max: streams.length }) }),
        ),
      { minLength: 1, maxLength: 3 },
    ),
    lead: fc.integer({ min: 0, max: 3 }),
  }),
);

function built({ strands, bases, groups, lead }: Sketch) {
  const path = strands.map(
    (strand, at): WindowStrand => ({
      timeline: `t000${at + 1}`,
      opened: instant(strand.opened),
      until: instant(strand.until),
      exclusions: strand.exclusions.map(micros),
      obstacles: strand.obstacles.map(obstacle),
      streams: new Map(
        hosts.map((host, index) => [
          host,
          {
            name: host,
            reach: (start: Micros) => {
              const span = strand.spans[index]?.findLast(({ from, to }) => from <= start && start <= to);
              return span === undefined ? undefined : { to: micros(span.to), ends: 'a hole' };
            },
            gaps: (strand.gaps[index] ?? []).map(obstacle),
            absent: () => 'nothing there',
          },
        ]),
      ),
    }),
  );
  const known = bases.map(
    ({ strand, from, length }, at): WindowBase => ({
      point: `base-${at}`,
      strand,
      from: micros(from),
      to: micros(from + length),
      groups: path.slice(strand).map(() => groups),
    }),
  );
  return servicesOf(known, path, lead);
}

/** The definition, instant by instant and without any cleverness. */
function inside({ strands, bases, groups, lead }: Sketch, t: number): boolean {
  return bases.some(({ strand: own, from, length }) => {
    const whole = from + length + lead;
    const home = strands[own];
    if (home === undefined || whole > t) return false;
    if (home.until !== undefined && whole > home.until) return false;
    // A slot is the odd microsecond; its removals are of the even one before it.
    if (home.exclusions.some((slot) => slot <= (whole % 2 === 0 ? whole + 1 : whole))) return false;
    const zone = strands.findIndex(({ until }, at) => at >= own && (until === undefined || t <= until));
    return strands.slice(own, zone + 1).every((strand, offset) => {
      const start = offset === 0 ? from : (strand.opened ?? 0);
      const end = Math.min(t, strand.until ?? t);
      if (start > end) return true;
      const blocked = strand.obstacles.some(({ at, until }) => at <= end && (offset > 0 || from < until));
      if (blocked) return false;
      return groups.every(({ streams, enough }) => {
        const proved = streams.filter((host) => {
          const index = hosts.findIndex((each) => each === host);
          const covers = strand.spans[index]?.some((span) => span.from <= start && span.to >= end) ?? false;
          return covers && !(strand.gaps[index] ?? []).some(({ at, until }) => start < until && at <= end);
        });
        return proved.length >= enough;
      });
    });
  });
}

function obstacle({ at, until }: { at: number; until: number }): Obstacle {
  return { kind: 'gap', at: micros(at), until: micros(until), reason: 'a hole' };
}

function instant(tick: number | undefined): Micros | undefined {
  return tick === undefined ? undefined : micros(tick);
}

const all = Array.from({ length: ticks + 12 }, (_, at) => at);
const runs = { numRuns: 2000 };

describe('the window against its definition, instant by instant', () => {
  test('an instant has a base exactly when one exists whose log is unbroken on enough replicas of every range', () => {
    let insides = 0;
    fc.assert(
      fc.property(sketch, (drawn) => {
        const services = built(drawn);
        const expected = all.filter((t) => inside(drawn, t));
        insides += expected.length;
        expect(all.filter((t) => serviceAt(services, micros(t)) !== undefined)).toEqual(expected);
      }),
      runs,
    );
    // Else it would have proved nothing.
    expect(insides).toBeGreaterThan(7000);
  });

  test('stretches and gaps tell the same instants, in order and without overlap', () => {
    fc.assert(
      fc.property(sketch, (drawn) => {
        const services = built(drawn);
        const stretches = stretchesOf(services);
        const gaps = gapsOf(services);
        const oldest = services.serving[0]?.from ?? Infinity;
        const newest = Math.max(...services.serving.map(({ to }) => to));
        const expected = all.filter((t) => inside(drawn, t));
        const holes = all.filter((t) => t >= oldest && t <= newest && !expected.includes(t));
        const within = stretches.flatMap(({ from, to }) => all.filter((t) => from <= t && t <= to));
        const missing = gaps.flatMap(({ from, to }) => all.filter((t) => from < t && t <= to));
        // In order and each once: equal as lists.
        expect(within).toEqual(expected);
        expect(missing).toEqual(holes);
      }),
      runs,
    );
  });

  test('the nearest instants that work are the nearest ones', () => {
    fc.assert(
      fc.property(sketch, tick, (drawn, t) => {
        const { before, after } = nearestInstants(built(drawn), micros(t));
        const works = all.filter((each) => inside(drawn, each));
        expect(before).toBe(works.findLast((each) => each <= t));
        expect(after).toBe(works.find((each) => each >= t));
      }),
      runs,
    );
  });

  test('the base of an instant is the latest that serves it', () => {
    fc.assert(
      fc.property(sketch, tick, (drawn, t) => {
        const services = built(drawn);
        const chosen = serviceAt(services, micros(t));
        if (chosen === undefined) return;
        const others = services.serving.filter(({ from, to }) => from <= t && t <= to);
        expect(chosen.from).toBe(Math.max(...others.map(({ from }) => from)));
      }),
      runs,
    );
  });
});
