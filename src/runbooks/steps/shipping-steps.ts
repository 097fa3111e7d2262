import { z } from 'zod';
import { timelineId } from '../../model/identifiers.ts';
import { instantText } from '../../model/instant.ts';
import { logMarkDocument, logMarkKey } from '../../model/log-piece.ts';
import { faultTrace } from '../../model/fault-trace.ts';
import { asProblem } from '../../model/problem.ts';
import type { RestoreRecord } from '../../model/restore-record.ts';
import type { Clock } from '../../ports/clock.ts';
import { createObject } from '../../ports/object-store.ts';
import type { Platform } from '../../ports/platform.ts';
import { type NodeJobCall, oneNode } from './each-node.ts';
import { standardRetry } from './standard-steps.ts';
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

const pausedResult = z.object({
  /** The timeline that the environment wrote until now. */
  timeline: timelineId,
  /** The latest instant that any node's stream reaches; null when none ships. */
  newest: instantText.nullable(),
  /** One line for each node whose tail could not be shipped: the last writes that it acknowledged may be lost. */
  lost: z.array(z.string()),
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
  return { timeline: await currentTimeline(platform.bucket), newest: newest.at(-1) ?? null, lost };
}

/** What a restore's record keeps of it. */
export function leftTimeline({ timeline, newest }: z.infer<typeof pausedResult>): NonNullable<RestoreRecord['left']> {
  return { timeline, ...(newest === null ? {} : { end: newest }) };
}

const shippingResult = z.object({
  /** One line for each node that does not ship now. */
  problems: z.array(z.string()),
});

export const startShippingStep = {
  id: 'start-shipping',
  title: 'Start shipping the log on the new timeline',
  effect: 'write',
  timeout: '5m',
  retry: standardRetry,
  result: shippingResult,
} as const;

/**
 * Begins every node's stream on the timeline, after the segments that a restore placed or set aside, or continues it as
 * before. A restored graph must not wait for its log: a failure is reported and can be repaired later.
 */
export async function startShipping(
  work: Work,
  timeline: z.infer<typeof timelineId>,
  after: Readonly<Record<string, string | null>> | 'as-before',
): Promise<z.infer<typeof shippingResult>> {
  const { platform } = work.services;
  const outcomes = await Promise.all(
    platform.nodes.map(async ({ name }) => {
      try {
        await oneNode(platform, work, name, 'start-shipping', {
          timeline,
          ...(after === 'as-before' ? {} : { after: after[name] ?? null }),
        });
        return [];
      } catch (error) {
        work.signal.throwIfAborted();
        for (const line of faultTrace(error)) work.log(`  ${name}: ${line}`);
        return [`${name}: ${asProblem(error, 'Starting to ship its log').happened}`];
      }
    }),
  );
  const problems = outcomes.flat();
  for (const line of problems) work.log(`the log is not shipped: ${line}`);
  return { problems };
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
    await createObject(platform.bucket, logMarkKey(mark), logMarkDocument.write(mark));
  }
}
