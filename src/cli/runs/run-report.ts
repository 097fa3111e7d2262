import { z } from 'zod';
import type { RunState } from '../../journal/run-state.ts';
import { formatBytes } from '../../model/bytes.ts';
import { formatSeconds } from '../../model/duration.ts';
import type { RunOutcome } from '../../runbook/outcome.ts';
import { pointOfRun } from '../../runbooks/backup.ts';
import { getPoint } from '../../runbooks/catalog/point-catalog.ts';
import { listTimelines } from '../../runbooks/catalog/timeline-catalog.ts';
import { rolesOf, rolesWarning } from '../../runbooks/steps/restored-roles.ts';
import { linesText, namesJson, someLines } from '../../runbooks/steps/some-names.ts';
import { outageOf } from '../../runbooks/steps/standard-steps.ts';
import type { Outcome } from '../command.ts';
import { measuredRestore } from '../commands/points/text.ts';
import type { CliContext } from '../context.ts';
import { knownText } from './known-text.ts';
import { withMissedNodes } from './missed-nodes.ts';

/** What a command says of a run that has succeeded: the same when it was begun as when it was carried on. */

type Succeeded = Pick<RunOutcome, 'run' | 'seconds' | 'results'>;

const text = z.string();
const target = z.object({ point: text, logs: z.object({ instant: text }).optional() });

/** By the parameters in its journal. Undefined of an operation of which nothing more is known than its results. */
export async function reportOf(
  context: CliContext,
  environment: string,
  { runbook, params }: Pick<RunState, 'runbook' | 'params'>,
  run: Succeeded,
): Promise<Outcome | undefined> {
  switch (runbook) {
    case 'backup':
      return backupReport(context, environment, run);
    case 'restore':
      return restoreReport(context, environment, run, targetOf(params));
    case 'restore-into':
      return copyReport(context, environment, run, { ...targetOf(params), ...z.object({ into: text }).parse(params) });
    case 'rehearse':
      return rehearsalReport(context, environment, run, target.parse(params).point);
    case 'undo-compensate':
      return undoReport(environment, run, z.object({ groups: z.array(text) }).parse(params).groups);
    case 'accept':
      return acceptReport(environment, run, restoreOf(params));
    case 'revert':
      return revertReport(context, environment, run, restoreOf(params));
    default:
      return undefined;
  }
}

function restoreOf(params: unknown): string {
  return z.object({ restore: text }).parse(params).restore;
}

interface Target {
  readonly point: string;
  /** Of a restore of a point alone: null. */
  readonly instant: string | null;
  /** For people. */
  readonly what: string;
}

function targetOf(params: unknown): Target {
  const { point, logs } = target.parse(params);
  return { point, instant: logs?.instant ?? null, what: logs?.instant ?? point };
}

/** Of a restore in place. */
export async function restoreReport(
  context: CliContext,
  environment: string,
  { run, seconds, results }: Succeeded,
  { point, instant: wanted, what }: Target,
): Promise<Outcome> {
  const outage = outageOf(results);
  const known = knownText(results['verify']);
  const timeline = z.object({ timeline: text }).safeParse(results['open-timeline']).data?.timeline ?? null;
  const platform = await context.platform(environment);
  const timelines = await listTimelines(platform.bucket);
  // A restore to the log's end reaches a later instant than the one known when it was decided.
  const reached = timelines.find(({ id }) => id === timeline)?.parent?.forkedAt;
  const instant = wanted === null ? null : (reached ?? wanted);
  const roles = rolesOf(platform, results);
  return withMissedNodes(context, environment, results['start-shipping'], {
    json: {
      run,
      ok: true,
      seconds,
      outageSeconds: outage ?? null,
      point,
      instant,
      timeline,
      roles,
      known: known.known,
      inherited: known.inherited,
    },
    text: [
      `${environment} was restored to ${instant ?? what} in ${formatSeconds(seconds)}, on timeline ${timeline}. Its graph was checked.${known.text}`,
      ...(outage === undefined ? [] : [`The graph did not serve for ${formatSeconds(outage)} of that.`]),
      rolesWarning(roles) ?? 'Roles and passwords are as they were before the restore.',
      `The old data is kept. To delete it: cardea restore accept ${run} --confirm ${environment}`,
      `To undo the restore:                cardea restore revert ${run} --confirm ${environment}`,
    ].join('\n'),
  });
}

/** Of a restore into a copy. */
export async function copyReport(
  context: CliContext,
  environment: string,
  { run, seconds }: Succeeded,
  { point, instant, what, into }: Target & { readonly into: string },
): Promise<Outcome> {
  const copy = await (await context.platform(environment)).copies.open(into);
  await copy?.close();
  const gremlin = copy?.graph.url ?? null;
  return {
    json: { run, ok: true, seconds, point, instant, into, gremlin },
    text: `${what} was restored in ${formatSeconds(seconds)} as the copy ${into}: ${gremlin}. ${environment} was not touched.\nCheck the copy: cardea check ${environment}~${into}. Remove it: cardea sandbox down ${environment}~${into} --confirm ${environment}~${into}`,
  };
}

export async function rehearsalReport(
  context: CliContext,
  environment: string,
  { run, seconds, results }: Succeeded,
  point: string,
): Promise<Outcome> {
  const known = knownText(results['verify']);
  const after = await getPoint((await context.platform(environment)).bucket, point);
  const restore = measuredRestore(after);
  const measured = restore === undefined ? '' : ` Restoring it takes ${formatSeconds(restore)}.`;
  const upTo = after.instant === undefined ? '' : `, with its log up to ${after.instant}`;
  return {
    json: {
      run,
      ok: true,
      seconds,
      point,
      proof: after.proof,
      instant: after.instant ?? null,
      measured: after.proven?.seconds ?? null,
      known: known.known,
      inherited: known.inherited,
    },
    text: `${point} is ${after.proof}${upTo}: restored, opened and checked in ${formatSeconds(seconds)}.${known.text}${measured}`,
  };
}

export async function backupReport(
  context: CliContext,
  environment: string,
  { run, seconds, results }: Succeeded,
): Promise<Outcome> {
  const platform = await context.platform(environment);
  const point = await getPoint(platform.bucket, pointOfRun(run));
  const size = `${formatBytes(point.bytes)}, ${formatBytes(point.newBytes)} of it new`;
  const next =
    point.cut === 'fuzzy'
      ? `It was taken while applications could write; a restore needs the log after it as well. Prove it with \`cardea rehearse ${environment} ${point.id}\`.`
      : `Prove it with \`cardea rehearse ${environment} ${point.id}\`.`;
  const found = point.findings;
  const stock =
    found === undefined || found.count === 0
      ? ''
      : ` The graph had ${found.count} ${found.count === 1 ? 'finding' : 'findings'} already, which are recorded with it.`;
  return withMissedNodes(context, environment, results['ship-logs'], {
    json: {
      findings: found ?? null,
      run,
      ok: true,
      point: point.id,
      proof: point.proof,
      cut: point.cut,
      bytes: point.bytes,
      newBytes: point.newBytes,
      seconds,
    },
    text: `${point.id} is ${point.proof}: ${size}, in ${formatSeconds(seconds)}.${stock} ${next}`,
  });
}

/** Of an undo by a compensating transaction. */
export function undoReport(
  environment: string,
  { run, seconds, results }: Succeeded,
  groups: readonly string[],
): Outcome {
  const { writes } = z.object({ writes: z.number() }).parse(results['plan-undo']);
  // Undos of before chose it when they were planned.
  const { commit } = z.object({ commit: text }).parse(results['same-cells'] ?? results['plan-undo']);
  const known = knownText(results['verify-undo']);
  const { met } = z.object({ met: someLines.default({ count: 0, first: [] }) }).parse(results['verify-undo'] ?? {});
  return {
    json: {
      run,
      ok: true,
      seconds,
      way: 'compensate',
      groups,
      commit,
      cells: writes,
      ...namesJson('met', met),
      known: known.known,
    },
    text: [
      `${groups.join(', ')} was undone on ${environment} in ${formatSeconds(seconds)}. The graph kept running and was checked.${known.text}`,
      `The new transaction is ${commit} (${writes} cells). It can be undone like any other.`,
      ...linesText(met, `cardea logs ${run} verify-undo`).map((line) => `During the write: ${line}`),
    ].join('\n'),
  };
}

export function acceptReport(environment: string, { run, seconds }: Succeeded, restore: string): Outcome {
  return {
    json: { run, ok: true, seconds, restore },
    text: `${restore} is accepted. The old data of ${environment} was deleted in ${formatSeconds(seconds)}.`,
  };
}

export function revertReport(
  context: CliContext,
  environment: string,
  { run, seconds, results }: Succeeded,
  restore: string,
): Outcome {
  return withMissedNodes(context, environment, results['start-shipping'], {
    json: { run, ok: true, seconds, restore },
    text: `${environment} has the data from before ${restore} again. This took ${formatSeconds(seconds)}.`,
  });
}
