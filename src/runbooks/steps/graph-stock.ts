import type { z } from 'zod';
import { checkGraph } from '../../graph/check.ts';
import { fingerprintGraph } from '../../graph/fingerprint.ts';
import { faultTrace } from '../../model/fault-trace.ts';
import { Problem } from '../../model/problem.ts';
import type { ReportProgress } from '../../model/progress.ts';
import type { Fingerprint, PointFindings } from '../../model/restore-point.ts';
import { hasBaseline, knownFindings, recordFindings } from '../catalog/finding-catalog.ts';
import type { RunbookServices } from '../services.ts';
import { type printed, wholePrint } from './printed-graph.ts';
import { knownLines } from './restored-graph.ts';

interface Work {
  readonly services: RunbookServices;
  readonly progress: ReportProgress;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

type Stock = Fingerprint & { readonly findings: PointFindings };

/**
 * What a quiet graph holds: its fingerprint, and what a check finds in it. Ghosts and stale entries are normal after months of writing on a
 * store without locks; recorded with the point, they are no fault of a restore that brings them back. Without a JanusGraph server the graph
 * cannot be checked, but its rows still have a fingerprint.
 */
export async function takeStock({ services, progress, signal, log }: Work, point: string): Promise<Stock> {
  const { platform, clock } = services;
  const { database, graph, keyspace, indexBackend, bucket } = platform;
  try {
    const known = await knownFindings(bucket);
    const first = !(await hasBaseline(bucket));
    const options = { database, graph, keyspace, indexBackend, clock, progress, signal };
    const check = await checkGraph({ ...options, known: known.judge });
    const { fresh } = await recordFindings(bucket, point, check, { at: clock.now(), first });
    for (const line of knownLines(check)) log(line);
    for (const line of known.damaged) log(`WARNING: ${line} What it knew counts as new.`);
    const total = check.knownCount + check.findingCount;
    if (total > 0) log(`${total} findings were there already; they are recorded with the point`);
    if (fresh > 0) log(`WARNING: ${fresh} of them were not known before: look at them with \`cardea check\``);
    const kinds = Object.fromEntries(Object.entries(check.counts));
    return { ...check.fingerprint, findings: { checked: true, count: total, fresh, kinds } };
  } catch (error) {
    // Asked of the servers only: what the database answered wrongly is no reason to go on.
    if (!(error instanceof Problem) || !serverAway.has(error.code)) throw error;
    log(`WARNING: the graph was not checked, and no findings are recorded: ${error.happened}`);
    for (const line of faultTrace(error)) log(`  ${line}`);
    const print = await fingerprintGraph(database, keyspace, {
      signal,
      onPart: (done, total) => progress({ done, total, unit: 'items', label: 'parts of the ring' }),
    });
    return { ...print, findings: { checked: false, count: 0, fresh: 0, kinds: {}, why: error.happened } };
  }
}

const serverAway: ReadonlySet<string> = new Set(['graph-unreachable', 'graph-script-failed', 'graph-denied']);

/** As a point's document holds it. */
export async function stockOf(
  work: Parameters<typeof wholePrint>[0],
  { findings, fingerprint }: { readonly fingerprint: z.infer<typeof printed>; readonly findings: PointFindings },
): Promise<{ readonly fingerprint: Fingerprint; readonly findings: PointFindings }> {
  return { fingerprint: await wholePrint(work, 'fingerprint', fingerprint), findings };
}
