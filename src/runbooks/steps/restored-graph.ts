import { z } from 'zod';
import { checkGraph, type CheckResult } from '../../graph/check.ts';
import { cleanAfterRestore, type EarlierIds } from '../../graph/clean-after-restore.ts';
import { rebuildMixedIndexes } from '../../graph/indexes/rebuild-mixed-index.ts';
import type { Finding, Found } from '../../graph/invariants/finding.ts';
import { documentType } from '../../model/document.ts';
import { fingerprintDifferences } from '../../model/fingerprint-difference.ts';
import { cutAfter } from '../../model/commit-slot.ts';
import { instantOf, micros } from '../../model/instant.ts';
import type { LogPlan } from '../../model/log-plan.ts';
import { FailedProblem } from '../../model/problem.ts';
import type { ReportProgress } from '../../model/progress.ts';
import type { Fingerprint, RestorePoint } from '../../model/restore-point.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import type { Platform } from '../../ports/platform.ts';
import { findIdFloor, type NotedIds, raiseIdFloor } from '../catalog/id-mark.ts';
import { addFindingsOf, knownFindings, recordFindings } from '../catalog/finding-catalog.ts';
import { keepPrint, printed } from './printed-graph.ts';
import { namesOf, someNames } from './some-names.ts';

/**
 * Makes a restored database a consistent graph again, for a restore in place and for a copy: JanusGraph's own records
 * are cleaned while no server runs, then its servers are started, the mixed index is rebuilt from the restored data,
 * and everything is checked.
 */
interface Work {
  readonly platform: Platform;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly progress: ReportProgress;
  readonly log: (line: string) => void;
  readonly run: string;
}

export const soundResult = z.object({
  instancesCleared: z.number(),
  locksCleared: z.number(),
  idBlocksAdvanced: z.number(),
});

/** `noted`: what is known of the ids that were given out; undefined when nothing is. `copy`: its ids are its own. */
export async function makeGraphSound(
  work: Work,
  noted: Pick<NotedIds, 'mark' | 'mayBeOld'> | undefined,
  { copy = false }: { readonly copy?: boolean } = {},
): Promise<z.infer<typeof soundResult>> {
  const { platform, clock, run, log } = work;
  const earlier = copy ? undefined : await earlierIds(platform.bucket, run, log);
  return cleanAfterRestore({
    database: platform.database,
    keyspace: platform.keyspace,
    clock,
    mark: noted?.mark,
    mayBeOld: noted?.mayBeOld ?? false,
    ...(earlier === undefined ? {} : { earlier }),
  });
}

async function earlierIds(bucket: ObjectStore, run: string, log: (line: string) => void): Promise<EarlierIds> {
  const floor = await findIdFloor(bucket, run, log);
  return { floor, keep: async (moved) => raiseIdFloor(bucket, floor, moved) };
}

export const indexResult = z.object({
  /** Names of the mixed indexes. */
  rebuilt: someNames,
  /** Documents that the index or JanusGraph itself cannot take: they are in the document at `passedOverKey`. */
  passedOver: z.number().default(0),
});

const passedOverDocument = documentType(
  'passed-over',
  1,
  {
    run: z.string(),
    documents: z.array(z.object({ index: z.string(), element: z.string(), why: z.string() })),
  },
  { sealed: true },
);

function passedOverKey(run: string): string {
  return `restores/${run}/passed-over.json`;
}

/** As many of them as a log names. */
const mostNamed = 20;

export async function rebuildIndex(work: Work): Promise<z.infer<typeof indexResult>> {
  const { platform, progress, signal, clock, log } = work;
  if (platform.indexBackend === undefined) return { rebuilt: namesOf([]), passedOver: 0 };
  const { indexes, passedOver, passedOverCount } = await rebuildMixedIndexes({
    database: platform.database,
    graph: platform.graph,
    keyspace: platform.keyspace,
    backend: platform.indexBackend,
    clock,
    progress,
    signal,
  });
  if (passedOverCount > 0) {
    log(
      `${passedOverCount} elements have no document, because the index cannot take them; JanusGraph passes over them, too:`,
    );
    for (const { index, element, why } of passedOver.slice(0, mostNamed)) log(`  ${element}, index "${index}": ${why}`);
    if (passedOverCount > mostNamed) log(`  … and ${passedOverCount - mostNamed} more`);
    const document = passedOverDocument.write({ run: work.run, documents: [...passedOver] });
    await platform.bucket.put(passedOverKey(work.run), document);
  }
  if (indexes.length > 0) log(`rebuilt: ${indexes.join(', ')}`);
  return { rebuilt: namesOf(indexes), passedOver: passedOverCount };
}

export const verifiedResult = z.object({
  fingerprint: printed,
  compared: z.boolean(),
  elements: z.number(),
  seconds: z.number(),
  /** Findings that were there before: recorded with the point, or accepted. */
  known: z.number().default(0),
  /** Findings whose cells all belong to transactions that are whole in the base and its log: the graph had them at that instant. */
  inherited: z.number().default(0),
});

type Verified = Omit<z.infer<typeof verifiedResult>, 'fingerprint'> & { readonly fingerprint: Fingerprint };

/** As a step's result has room for it. */
export async function verifiedAsResult(
  work: Parameters<typeof keepPrint>[0],
  { fingerprint, ...rest }: Verified,
): Promise<z.infer<typeof verifiedResult>> {
  return { ...rest, fingerprint: await keepPrint(work, fingerprint) };
}

/** What was restored: the point alone, or with its log. */
export interface Restored {
  readonly name: string;
  readonly point: RestorePoint;
  readonly wanted: Fingerprint | undefined;
  /** The log that was replayed over it. */
  readonly plan: LogPlan | undefined;
}

/**
 * Checks every invariant, and the fingerprint if one was recorded. Findings that the point recorded, that people accepted or that were
 * inherited are named and do not fail it; new ones do. `remedy` is the next step that a failure names.
 */
export async function verifyRestored(
  work: Work,
  { name, point, wanted, plan }: Restored,
  remedy: string,
): Promise<Verified> {
  const { platform, clock, progress, signal, log, run } = work;
  const { database, graph, keyspace, indexBackend, bucket } = platform;
  const known = await knownFindings(bucket);
  await addFindingsOf(known, bucket, point.id);
  for (const line of known.damaged) log(`WARNING: ${line} What it knew counts as new.`);
  const passedOver = await passedOverIn(bucket, run);
  const wholeBefore = plan === undefined ? undefined : wholeUntil(plan, point);
  let inheritedCount = 0;
  const check = await checkGraph({
    database,
    graph,
    keyspace,
    indexBackend,
    clock,
    progress,
    signal,
    known: (found) => {
      const why = known.judge(found) ?? passedOver(found.finding);
      if (why !== undefined || !isInherited(found, wholeBefore)) return why;
      inheritedCount += 1;
      return inherited;
    },
  });
  const differences = wanted === undefined ? [] : fingerprintDifferences(wanted, check.fingerprint);
  if (differences.length > 0 || !check.ok) {
    throw new FailedProblem({
      code: differences.length > 0 ? 'fingerprint-differs' : 'graph-unsound',
      happened:
        differences.length > 0
          ? `The fingerprint of the restored graph differs from the one recorded in ${name}.`
          : `The graph restored from ${name} is not consistent: ${check.findingCount} new findings.`,
      state: 'The restored data is in place and its servers are running; nothing was deleted.',
      next: remedy,
      details: [...differences, ...findingLines(check.findings), ...known.damaged],
    });
  }
  for (const line of knownLines(check)) log(line);
  // What this state has is known of it from now on.
  await recordFindings(bucket, run, check, { at: clock.now(), first: true });
  return {
    fingerprint: check.fingerprint,
    compared: wanted !== undefined,
    elements: check.elements,
    seconds: check.seconds,
    known: check.knownCount - inheritedCount,
    inherited: inheritedCount,
  };
}

export function findingLines(findings: readonly Finding[]): readonly string[] {
  return findings.slice(0, 50).map(({ kind, element, detail }) => `${kind} ${element}: ${detail}`);
}

/** What was found and is no new fault, and what was carried without being understood, for the log of a step. */
export function knownLines({ known, knownCount, carried }: Pick<CheckResult, 'known' | 'knownCount' | 'carried'>) {
  return [
    ...(knownCount === 0 ? [] : [`${knownCount} known findings:`]),
    ...known.slice(0, mostNamed).map(({ kind, element, why }) => `  ${kind} ${element} (${why})`),
    ...(knownCount > mostNamed ? [`  … and ${knownCount - mostNamed} more`] : []),
    ...carried.slice(0, mostNamed).map(({ what, count }) => `carried without being understood: ${count} ${what}`),
  ];
}

const inherited = 'inherited: its cells are of transactions that are whole in the base and its log';

/** Nothing of the mixed index is: it was made anew after the restore. */
const madeAnew: ReadonlySet<Finding['kind']> = new Set(['stale-document', 'missing-document', 'document-differs']);

export function isInherited({ finding, times }: Found, wholeBefore: bigint | undefined): boolean {
  return wholeBefore !== undefined && !madeAnew.has(finding.kind) && times.allBefore(wholeBefore);
}

/**
 * Up to where all transactions are whole in the base and its log, microseconds. From the first one on that was left out, because it was undone
 * or only a part of it was shipped, later ones may have built on it, and show in their cells alone.
 */
export function wholeUntil(plan: Pick<LogPlan, 'instant' | 'strands'>, point: Pick<RestorePoint, 'snapshot'>): bigint {
  const from = point.snapshot === undefined ? 0 : instantOf(point.snapshot.from);
  const omitted = plan.strands.flatMap(({ exclusions }) => exclusions.map(instantOf)).filter((slot) => slot >= from);
  // To the end of a log also what was written by clocks that ran ahead was kept.
  const last = Math.max(instantOf(plan.instant), ...plan.strands.slice(-1).map(({ until }) => instantOf(until)));
  return BigInt(Math.min(cutAfter(micros(last)) + 1, ...omitted));
}

async function passedOverIn(bucket: ObjectStore, run: string): Promise<(found: Finding) => string | undefined> {
  const stored = await bucket.get(passedOverKey(run));
  if (stored === undefined) return () => undefined;
  const { documents } = passedOverDocument.read(stored.body, stored.key);
  const why = new Map(documents.map((each) => [`${each.index} ${each.element}`, each.why]));
  return ({ kind, element, relation }) => {
    const reason = kind === 'missing-document' ? why.get(`${relation} ${element}`) : undefined;
    return reason === undefined ? undefined : `the index cannot take it: ${reason}`;
  };
}
