import { type Service, gapsOf, servicesOf, stretchesOf } from '../../commitlog/window.ts';
import { formatSeconds } from '../../model/duration.ts';
import { timelineId } from '../../model/identifiers.ts';
import { type Micros, formatInstant, micros } from '../../model/instant.ts';
import type { WindowReport } from '../../model/window.ts';
import { damagedBases, damagedTimelines } from './choose-base.ts';
import type { RecoveryFacts } from './recovery-facts.ts';
import { windowStreams } from './window-streams.ts';
import { type WindowPath, firstTimeline, windowPath } from './window-path.ts';

/** The timeline that the environment writes: the newest. The first when none is recorded yet. */
export function currentTimelineOf({ catalog }: RecoveryFacts): string {
  return catalog.timelines.at(-1)?.id ?? firstTimeline;
}

/** To which instants the environment can be restored. Pure. Throws what `timelinePath` throws. */
export function computeWindow(facts: RecoveryFacts, timeline = currentTimelineOf(facts)): WindowReport {
  const path = windowPath(facts, timeline);
  const services = servicesOf(path.bases, path.strands, path.lead);
  const { serving, useless } = services;
  const current = timeline === currentTimelineOf(facts);
  const oldest = serving[0]?.from;
  const newest = latest(serving, facts.now);
  const settled = newest === undefined ? undefined : micros(newest - facts.limits.settleMargin);
  const whyNot = new Map(useless.map(({ base, stop }) => [base.point, stop.reason]));
  return {
    timeline: timelineId.parse(timeline),
    oldest: text(oldest),
    settled: settled === undefined || oldest === undefined || settled < oldest ? null : formatInstant(settled),
    newest: text(newest),
    rpoSeconds: newest === undefined || !current ? null : (facts.now - newest) / 1_000_000,
    gaps: gapsOf(services).map(({ from, to, stop, next }) => ({
      from: formatInstant(from),
      to: formatInstant(to),
      reason: `${stop.reason}; ${next.point} is the next base`,
    })),
    stretches: stretchesOf(services).map(({ from, to, service }) => ({
      from: formatInstant(from),
      to: formatInstant(to),
      base: service.base.point,
      timeline: pointOf(path, service.base.point).timeline,
    })),
    streams: windowStreams(path, facts, current),
    warnings: warningsOf(facts, path, services.serving, current),
    baseWanted: current ? baseWanted(path, serving) : null,
    bases: [...path.points.values()].map((point) => {
      const service = serving.find(({ base }) => base.point === point.id);
      return {
        point: point.id,
        timeline: point.timeline,
        proof: point.proof,
        from: text(service?.from),
        to: text(service?.to),
        why:
          service === undefined
            ? (whyNot.get(point.id) ?? null)
            : service.stop.kind === 'end'
              ? null
              : service.stop.reason,
      };
    }),
    timelines: facts.catalog.timelines.map((each) => ({
      id: each.id,
      parent: each.parent?.id ?? null,
      forkedAt: each.parent?.forkedAt ?? null,
      exclusions: each.exclusions,
      openedAt: each.openedAt,
      current: each.id === currentTimelineOf(facts),
      why: each.why,
    })),
  };
}

function latest(serving: readonly Service[], now: Micros): Micros | undefined {
  if (serving.length === 0) return undefined;
  // A node whose clock is ahead of the clock here says nothing about the future.
  return micros(Math.min(now, Math.max(...serving.map(({ to }) => to))));
}

function warningsOf(facts: RecoveryFacts, path: WindowPath, serving: readonly Service[], current: boolean): string[] {
  const warnings = [...damagedBases(facts)];
  const { environment, limits, order, orderDamage } = facts;
  if (orderDamage !== undefined) warnings.push(`${orderDamage} To give the order anew: cardea ship ${environment}`);
  if (current && order?.state === 'paused') {
    warnings.push(
      `The shipping of the log is paused since ${order.at}, by ${order.run}. When that run goes on no more: cardea ship ${environment}`,
    );
  }
  if (path.seenLead > limits.clockLead) {
    warnings.push(
      `Writers' clocks run up to ${formatSeconds(path.seenLead / 1_000_000)} ahead of the nodes' clocks (limit ${formatSeconds(limits.clockLead / 1_000_000)}): instants are unreliable, so restores to an instant are refused`,
    );
  }
  if (!hasBase(path)) warnings.push(`No good base on ${path.timeline} yet. Take one: cardea backup ${environment}`);
  const last = lastServing(serving);
  if (current && last !== undefined && last.stop.kind !== 'end' && last.stop.kind !== 'coverage') {
    warnings.push(
      `Nothing later can be restored without a new base (cardea backup ${environment}): ${last.stop.reason}`,
    );
  } else if (current && last?.stop.kind === 'coverage') {
    warnings.push(`Nothing later can be restored until the log continues or a new base is taken: ${last.stop.reason}`);
  }
  if (last !== undefined && pointOf(path, last.base.point).proof === 'checked') {
    warnings.push(
      `The newest base, ${last.base.point}, is checked but not proven. To prove it: cardea rehearse ${environment} ${last.base.point}`,
    );
  }
  warnings.push(...damagedTimelines(facts));
  for (const log of path.logs) {
    for (const { key, reason } of log?.faults ?? []) warnings.push(`${key}: ${reason}`);
  }
  return warnings;
}

/** Whether there is a base on the timeline itself. */
function hasBase(path: WindowPath): boolean {
  return path.bases.some(({ strand }) => strand === path.strands.length - 1);
}

/** The one that reaches furthest. */
function lastServing(serving: readonly Service[]): Service | undefined {
  return serving.reduce<Service | undefined>(
    (best, each) => (best === undefined || each.to >= best.to ? each : best),
    undefined,
  );
}

/**
 * Where the newest base is the one that stops, a newer one serves what comes after the stop. Where the newest serves nothing at all, another
 * one like it would not either.
 */
function baseWanted(path: WindowPath, serving: readonly Service[]): string | null {
  if (!hasBase(path)) return `there is no good base on ${path.timeline} yet`;
  const last = lastServing(serving);
  const newest = path.bases.reduce((best, each) => (each.point > best.point ? each : best)).point;
  return last === undefined || last.stop.kind === 'end' || last.base.point !== newest ? null : last.stop.reason;
}

function pointOf(path: WindowPath, id: string) {
  const point = path.points.get(id);
  if (point === undefined) throw new TypeError(`${id} is no base of ${path.timeline}`);
  return point;
}

function text(instant: Micros | undefined): string | null {
  return instant === undefined ? null : formatInstant(instant);
}
