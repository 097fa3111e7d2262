import { requireTimely } from '../../../graph/commit-times.ts';
import { formatInstant, instantOf, type Micros } from '../../../model/instant.ts';
import { formatSeconds } from '../../../model/duration.ts';
import { plannedBytes } from '../../../model/log-plan.ts';
import { FailedProblem, RefusedProblem, UsageProblem } from '../../../model/problem.ts';
import type { RestorePoint } from '../../../model/restore-point.ts';
import { type Target, parseTarget } from '../../../model/target.ts';
import { provedInstant } from '../../../runbooks/recovery/proved-instant.ts';
import {
  type BaseChoice,
  chooseBase,
  requireReachableEnd,
  streamsBeyond,
} from '../../../runbooks/recovery/choose-base.ts';
import { acceptPoint, choosePoint } from '../../../runbooks/recovery/choose-point.ts';
import { getOwnPoint, surveyOwnPoints } from '../../../runbooks/catalog/point-catalog.ts';
import { listTimelines } from '../../../runbooks/catalog/timeline-catalog.ts';
import { type LeftBehind, leftBehind } from '../../../runbooks/recovery/present-history.ts';
import { pathOf } from '../../../runbooks/recovery/window-path.ts';
import { planLogs } from '../../../runbooks/recovery/plan-logs.ts';
import { atItsEnd } from '../../../runbooks/recovery/make-log-plan.ts';
import { type RecoveryFacts, readRecoveryFacts, withPieces } from '../../../runbooks/recovery/recovery-facts.ts';
import { plannable } from '../../../runbooks/recovery/truncated-rows.ts';
import { computeWindow, currentTimelineOf } from '../../../runbooks/recovery/window.ts';
import type { CliContext } from '../../context.ts';

export interface Asked {
  readonly to?: string | undefined;
  readonly timeline?: string | undefined;
  readonly allowTaken?: boolean;
  readonly allowFailed?: boolean;
  /** A point as its files were taken, also where it was proved together with its log. */
  readonly withoutLog?: boolean;
  /** Commit slots to leave out. */
  readonly exclusions?: readonly Micros[];
  /** Only this point as the base of an instant. */
  readonly base?: string;
}

/** The target of a restore, decided once: every relative time is absolute from here on. */
export interface Decided {
  readonly point: RestorePoint;
  /** Absent for a point as it was taken. */
  readonly instant?: DecidedInstant;
  readonly warnings: readonly string[];
}

export interface DecidedInstant {
  readonly choice: BaseChoice;
  readonly facts: RecoveryFacts;
  /** Restore to the log's end, including what is shipped until the restore reads it. */
  readonly toEnd: boolean;
}

/** Throws UsageProblem or RefusedProblem, with the nearest that would work. */
export async function decideTarget(context: CliContext, environment: string, asked: Asked): Promise<Decided> {
  const { bucket } = await context.platform(environment);
  const target = asked.to === undefined ? undefined : parseTarget(asked.to, context.clock.now());
  if (target === undefined && asked.timeline === undefined && asked.exclusions === undefined) {
    const { points, damaged } = await surveyOwnPoints(bucket, environment);
    const left = leftBehind(await listTimelines(bucket));
    const decided = await firstRestorable(context, environment, { points, damaged, left, asked });
    const passedOver = damaged.map(({ id, failure }) => `${id} was passed over: ${failure}`);
    return { ...decided, warnings: [...new Set([...decided.warnings, ...passedOver])] };
  }
  if (asked.withoutLog === true && target?.kind !== 'point') throw needsLog(environment);
  if (target?.kind === 'point') {
    const { point, warning } = acceptPoint(await getOwnPoint(bucket, target.point, environment), {
      taken: asked.allowTaken ?? false,
      failed: asked.allowFailed ?? false,
    });
    const decided = await asTaken(context, environment, { point, warning, asked });
    const why = leftBehind(await listTimelines(bucket))(point);
    if (why === undefined) return decided;
    const other = `${point.id} is not of the present history of ${environment}: ${why}. That is what it brings back`;
    return { ...decided, warnings: [other, ...decided.warnings] };
  }
  const read = await factsOf(context, environment);
  // Up to the end of the log: nobody asks the clock of this machine where that is.
  const reached = target?.kind === 'instant' ? read : atItsEnd(read);
  const facts = { ...reached, ...(asked.base === undefined ? {} : { asked: asked.base }) };
  const timeline = asked.timeline ?? currentTimelineOf(facts);
  const instant = target?.kind === 'instant' ? target.instant : endOf(facts, timeline, target);
  const choice = chooseBase(facts, {
    instant,
    timeline,
    exclusions: asked.exclusions ?? [],
    ...(asked.base === undefined ? {} : { base: asked.base }),
  });
  requireTimely(choice.point.commitTimes, choice.point.id);
  if (target?.kind !== 'instant') requireReachableEnd(facts, choice);
  const toEnd =
    (target === undefined || (target.kind === 'end' && target.end === 'newest')) && isCurrent(facts, timeline);
  const behind =
    target?.kind === 'instant' ? betweenTimelines(facts, timeline, instant) : aloneAhead(facts, timeline, instant);
  const warnings = [...choice.warnings, ...behind, ...slowClock(read, facts)];
  return { point: choice.point, instant: { choice, facts: await plannable(bucket, facts, choice), toEnd }, warnings };
}

type Survey = Awaited<ReturnType<typeof surveyOwnPoints>>;

/**
 * The point that is restored when none is named, and can be: one that was proved together with log that is gone is
 * passed over, with a warning, while there is another good one. Throws what keeps the first from it when there is none.
 */
async function firstRestorable(
  context: CliContext,
  environment: string,
  { points, damaged, left, asked }: Survey & { readonly left: LeftBehind; readonly asked: Asked },
): Promise<Decided> {
  const passedOver: string[] = [];
  let refused: RefusedProblem | undefined;
  let candidates = points;
  for (;;) {
    try {
      const { point, warning } = choosePoint(candidates, environment, damaged, left);
      candidates = candidates.filter(({ id }) => id !== point.id);
      const decided = await asTaken(context, environment, { point, warning, asked });
      return { ...decided, warnings: [...decided.warnings, ...passedOver] };
    } catch (thrown) {
      if (!(thrown instanceof RefusedProblem)) throw thrown;
      // Without another good point, what keeps the first from it names the way.
      if (thrown.code === 'no-good-point') throw refused ?? thrown;
      refused ??= thrown;
      passedOver.push(`A proven point was passed over: ${thrown.happened} ${thrown.next}`);
    }
  }
}

/** A point whose cut is an instant was proved together with its log, so it is restored together with it. */
async function asTaken(
  context: CliContext,
  environment: string,
  {
    point,
    warning,
    asked,
  }: { readonly point: RestorePoint; readonly warning: string | undefined; readonly asked: Asked },
): Promise<Decided> {
  const warnings = warning === undefined ? [] : [warning];
  const proved = provedInstant(point);
  if (proved === undefined) return { point, warnings };
  if (asked.withoutLog === true) return { point, warnings: [...warnings, withoutItsLog(point)] };
  try {
    // It was there when it was proved, whatever the clock here says.
    const facts = { ...atItsEnd(await factsOf(context, environment)), asked: point.id };
    const choice = chooseBase(facts, proved);
    requireTimely(point.commitTimes, point.id);
    return { point, instant: { choice, facts: await withPieces(facts, point), toEnd: false }, warnings };
  } catch (thrown) {
    throw withoutLogNamed(environment, point, thrown);
  }
}

/** What keeps the log from being replayed, and how the files come back all the same. Anything that may pass stays as it is. */
function withoutLogNamed(environment: string, { id }: RestorePoint, thrown: unknown): unknown {
  if (!(thrown instanceof RefusedProblem) && !(thrown instanceof FailedProblem)) return thrown;
  const { code, happened, state, next, details } = thrown;
  return new RefusedProblem({
    code,
    happened,
    state,
    next: `To restore the files of ${id} as they were taken, without its log: cardea restore ${environment} --to ${id} --without-log --confirm ${environment}. ${next}`,
    details,
    cause: thrown,
  });
}

function withoutItsLog({ id }: RestorePoint): string {
  return `${id} was proved together with its log, and comes back without it: what was written while it was taken may be there in part`;
}

function needsLog(environment: string): UsageProblem {
  return new UsageProblem({
    code: 'without-log-of-no-point',
    happened: 'Only a restore point comes back without log; an instant needs it.',
    state: 'Nothing was changed.',
    next: `Name a point: cardea restore ${environment} --to POINT --without-log. See them: cardea points ${environment}`,
  });
}

/**
 * The target of a rehearsal of the point: the point as it was taken or, if applications wrote meanwhile, the first
 * instant that the point and its log restore completely. While there is no such instant the files are rehearsed alone,
 * which does not prove the point, and a warning says why.
 */
export async function rehearsable(seen: RecoveryFacts, point: RestorePoint): Promise<Decided> {
  if (point.cut === 'quiesced') return { point, warnings: [] };
  const facts = { ...atItsEnd(seen), asked: point.id };
  // A point from before timelines existed has no log.
  const logged = facts.catalog.timelines.some(({ id }) => id === point.timeline);
  const base = logged ? computeWindow(facts, point.timeline).bases.find((each) => each.point === point.id) : undefined;
  if (typeof base?.from !== 'string') {
    const why = base?.why ?? 'no log of its timeline serves it';
    return { point, warnings: [`${point.id} is rehearsed without its log, which does not prove it: ${why}`] };
  }
  const choice = chooseBase(facts, { instant: instantOf(base.from), timeline: point.timeline, base: point.id });
  return { point, instant: { choice, facts: await withPieces(facts, point), toEnd: false }, warnings: [] };
}

/** Whether the rehearsal can prove its point. */
export function canProve({ point, instant }: Decided): boolean {
  return point.cut === 'quiesced' || instant !== undefined;
}

export async function factsOf(context: CliContext, name: string): Promise<RecoveryFacts> {
  const [platform, { config }] = await Promise.all([context.platform(name), context.environment(name)]);
  return readRecoveryFacts({ platform, config, clock: context.clock }, context.signal);
}

/** If no instant can be restored, the present stands for the end: choosing a base for it then says why not. */
function endOf(facts: RecoveryFacts, timeline: string, target: Extract<Target, { kind: 'end' }> | undefined): Micros {
  const { newest, settled } = computeWindow(facts, timeline);
  const end = target?.end === 'settled' ? settled : newest;
  return end === null ? facts.now : instantOf(end);
}

/** Between the fork and the opening of a timeline its history stands still, and that of its parent went on. */
function betweenTimelines(facts: RecoveryFacts, timeline: string, instant: Micros): readonly string[] {
  const path = pathOf(facts, timeline);
  return path.flatMap(({ timeline: parent, until }, at) => {
    const child = path[at + 1]?.timeline;
    if (until === undefined || child === undefined || instant <= until || instant >= instantOf(child.openedAt))
      return [];
    return [
      `On ${child.id}, which was opened at ${child.openedAt} (${child.why}), ${formatInstant(instant)} is the same as ${formatInstant(until)}: the graph as ${parent.id} was left. What was written on ${parent.id} after that does not come back; to restore it: --timeline ${parent.id}`,
    ];
  });
}

function aloneAhead(facts: RecoveryFacts, timeline: string, end: Micros): readonly string[] {
  const ahead = streamsBeyond(facts, timeline, end);
  if (ahead.length === 0) return [];
  return [
    `After ${formatInstant(end)} only some nodes shipped their log (${ahead.join(', ')}), so what was acknowledged later is not restored`,
  ];
}

/** Microseconds by which a clock may be behind the log without a word. */
const fewBehind = 60_000_000;

/** The log ends at `facts.now` at least. */
function slowClock({ now }: RecoveryFacts, facts: RecoveryFacts): readonly string[] {
  const behind = facts.now - now;
  if (behind < fewBehind) return [];
  return [
    `The clock of this machine is ${formatSeconds(behind / 1_000_000)} behind what the nodes have shipped: the end is that of the log, by the nodes' clocks`,
  ];
}

function isCurrent(facts: RecoveryFacts, timeline: string): boolean {
  return timeline === currentTimelineOf(facts);
}

/** The parameters as the runbooks take them. */
export function replayParamsOf({ instant }: Decided, { inPlace }: { readonly inPlace: boolean }) {
  if (instant === undefined) return {};
  const { choice, facts, toEnd } = instant;
  return {
    replay: true,
    toEnd: toEnd && inPlace,
    logs: {
      instant: formatInstant(choice.instant),
      timeline: choice.timeline,
      exclusions: choice.exclusions.map(formatInstant),
      bytes: plannedBytes(planLogs(facts, choice)),
    },
  };
}
