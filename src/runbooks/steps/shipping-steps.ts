import { z } from 'zod';
import { runId, timelineId } from '../../model/identifiers.ts';
import { formatInstant, microsOf } from '../../model/instant.ts';
import { faultTrace } from '../../model/fault-trace.ts';
import { RetryableProblem, asProblem } from '../../model/problem.ts';
import type { ShippingOrder } from '../../model/shipping-order.ts';
import type { Clock } from '../../ports/clock.ts';
import { createMark } from '../../ports/log-marks.ts';
import type { Platform } from '../../ports/platform.ts';
import { type NodeJobCall, oneNode } from './each-node.ts';
import { linesOf, nodesOf, someLines, someNames } from './some-names.ts';
import { standardRetry } from './standard-steps.ts';
import { pausedTimeline } from '../catalog/left-timeline.ts';
import { orderPause, orderShipping } from '../catalog/shipping-order.ts';
import { currentTimeline } from '../catalog/timeline-record.ts';

/**
 * What restores and reverts do with the shipped log: they ship its tail before the data is replaced, and begin a new
 * stream afterwards.
 */
export interface Work extends NodeJobCall {
  readonly environment: string;
  readonly log: (line: string) => void;
  readonly services: { readonly platform: Platform; readonly clock: Clock };
}

const pausedResult = pausedTimeline.extend({
  /** One line for each node whose tail could not be shipped: the last writes that it acknowledged may be lost. */
  lost: someLines,
});

export const pauseShippingStep = {
  id: 'pause-shipping',
  title: 'Ship the rest of the log, then stop shipping',
  effect: 'write',
  guard: 'until-moved',
  timeout: '10m',
  retry: standardRetry,
  result: pausedResult,
} as const;

/**
 * Ships the rest of every node's log and stops shipping. If a node cannot, the restore continues without it and says
 * so: the lost disk of that node may be the reason for the restore.
 */
export async function pauseShipping(work: Work): Promise<z.infer<typeof pausedResult>> {
  const { platform } = work.services;
  // First of all in the bucket: an agent that is away now must not ship in the middle of a restore when it is back.
  await orderPause(platform.bucket, givenBy(work));
  const outcomes = await Promise.all(
    platform.nodes.map(async ({ name }) => {
      try {
        return await oneNode(platform, work, name, 'pause-shipping', {});
      } catch (error) {
        work.signal.throwIfAborted();
        for (const line of faultTrace(error)) work.log(`  ${name}: ${line}`);
        return { newest: null, lost: `${name}: ${asProblem(error, 'Shipping the rest of its log').happened}` };
      }
    }),
  );
  const newest = outcomes.flatMap((each) => each.newest ?? []).toSorted();
  const lost = outcomes.flatMap((each) => ('lost' in each ? [each.lost] : []));
  for (const line of lost) work.log(`the rest of the log was not shipped: ${line}`);
  return { timeline: await currentTimeline(platform.bucket), newest: newest.at(-1) ?? null, lost: linesOf(lost) };
}

const shippingResult = z.object({
  /** One line for each node that does not ship now. */
  problems: someLines,
  /** Their names. The order in the bucket has told them: they begin by themselves when they are back. */
  missed: someNames,
});
type Started = z.infer<typeof shippingResult>;

export const startShippingStep = {
  id: 'start-shipping',
  title: 'Start shipping the log on the new timeline',
  effect: 'write',
  timeout: '5m',
  retry: standardRetry,
  result: shippingResult,
} as const;

/**
 * Begins every node's stream on the timeline, after the segments that a restore placed or a revert brought back, or continues it as
 * before. A restored graph must not wait for its log: a node that is missed is told, and begins by itself when it is
 * back.
 */
export async function startShipping(
  work: Work,
  timeline: z.infer<typeof timelineId>,
  after: Readonly<Record<string, string | null>> | 'as-before',
): Promise<Started> {
  const { platform } = work.services;
  const wanted =
    after === 'as-before'
      ? { timeline }
      : { timeline, after: Object.fromEntries(platform.nodes.map(({ name }) => [name, after[name] ?? null])) };
  const order = await orderShipping(platform.bucket, givenBy(work), wanted);
  const outcomes = await Promise.all(
    platform.nodes.map(async ({ name }) => ({ name, problem: await beginOn(work, name, order) })),
  );
  const missed = outcomes.flatMap(({ name, problem }) => (problem === undefined ? [] : [{ name, problem }]));
  for (const { problem } of missed) work.log(`the log is not shipped: ${problem}`);
  return {
    problems: linesOf(missed.map(({ problem }) => problem)),
    missed: nodesOf(missed.map(({ name }) => name)),
  };
}

/** Why the node does not ship now; undefined when it does. */
async function beginOn(
  work: Work,
  name: string,
  { timeline, after }: Pick<ShippingOrder, 'timeline' | 'after'>,
): Promise<string | undefined> {
  try {
    const last = after?.[name];
    const { platform } = work.services;
    const { since } = await oneNode(platform, work, name, 'start-shipping', {
      timeline,
      ...(last === undefined ? {} : { after: last }),
    });
    if (since !== null) return undefined;
    // It was told, and has not begun; or it ships nothing at all, by its configuration.
    const { shipping } = await platform.agent(name).health();
    if (shipping === undefined) return undefined;
    return `${name}: ${shipping.problem ?? 'it was told to ship, and has not begun yet'}`;
  } catch (error) {
    work.signal.throwIfAborted();
    for (const line of faultTrace(error)) work.log(`  ${name}: ${line}`);
    return `${name}: ${asProblem(error, 'Starting to ship its log').happened}`;
  }
}

export const shipStepResult = z.object({
  timeline: timelineId,
  /** Nodes that ship now and did not before. */
  started: someNames,
  /** Nodes that ship no log at all, by their agents' configuration. */
  without: someNames,
  /** One line for each node that does not ship although it should, and their names. */
  problems: someLines,
  missed: someNames,
});

interface Shipped {
  readonly timeline: z.infer<typeof timelineId>;
  readonly started: readonly string[];
  readonly without: readonly string[];
  readonly problems: readonly string[];
  readonly missed: readonly string[];
}

/** As a step's result has room for it. */
export function shippedResult({ timeline, started, without, problems, missed }: Shipped) {
  return {
    timeline,
    started: nodesOf(started),
    without: nodesOf(without),
    problems: linesOf(problems),
    missed: nodesOf(missed),
  };
}

/**
 * Every agent that should ship ships, on the current timeline. What ships already is left alone. The caller has made
 * sure that no restore has left its data half in place.
 */
export async function shipEverywhere(work: Work): Promise<Shipped> {
  const { platform } = work.services;
  const order = await orderShipping(platform.bucket, givenBy(work), {
    timeline: await currentTimeline(platform.bucket),
  });
  const nodes = await Promise.all(
    platform.nodes.map(async ({ name }) => {
      try {
        const { shipping } = await platform.agent(name).health();
        if (shipping === undefined) return { name, without: true };
        const { unreadable } = shipping;
        if (unreadable !== undefined)
          work.log(`WARNING: no instant can be restored from the log of ${name}: ${unreadable}`);
        if (shipping.state === 'shipping' && shipping.timeline === order.timeline) return { name };
      } catch (error) {
        work.signal.throwIfAborted();
        return { name, problem: `${name}: ${asProblem(error, 'Asking its agent').happened}` };
      }
      const problem = await beginOn(work, name, order);
      return problem === undefined ? { name, started: true } : { name, problem };
    }),
  );
  const problems = nodes.flatMap(({ problem }) => problem ?? []);
  for (const line of problems) work.log(`the log is not shipped: ${line}`);
  return {
    timeline: order.timeline,
    started: nodes.filter(({ started }) => started).map(({ name }) => name),
    without: nodes.filter(({ without }) => without).map(({ name }) => name),
    problems,
    missed: nodes.filter(({ problem }) => problem !== undefined).map(({ name }) => name),
  };
}

export function notAllShip(environment: string, problems: readonly string[]): RetryableProblem {
  return new RetryableProblem({
    code: 'log-not-shipped',
    happened: `The log of ${problems.length === 1 ? 'one node' : `${problems.length} nodes`} of ${environment} is not shipped.`,
    state: 'The other nodes ship. These begin by themselves when their agents answer and can read the bucket.',
    next: `See why they do not: cardea doctor ${environment}. Then: cardea ship ${environment}`,
    details: problems,
  });
}

function givenBy({ run, services: { clock } }: Work): Pick<ShippingOrder, 'run' | 'at'> {
  return { run: runId.parse(run), at: formatInstant(microsOf(clock.now())) };
}

/**
 * Marks on every stream of the timeline that nothing before `at`, when the timeline was opened, is in a log: its
 * instants need a base that is still to be taken. Done once per timeline, however often the step runs.
 */
export async function markBaseRequired(
  work: Work,
  { timeline, at }: { readonly timeline: z.infer<typeof timelineId>; readonly at: string },
  reason: string,
): Promise<void> {
  const { platform } = work.services;
  const byAddress = new Map(platform.nodes.map(({ name, address }) => [address, name]));
  for (const { address, hostId } of await platform.database.ring()) {
    const node = byAddress.get(address) ?? address;
    const mark = { timeline, hostId, node, what: 'bypass', at, until: at, reason } as const;
    await createMark(platform.bucket, mark);
  }
}
