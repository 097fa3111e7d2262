import { z } from 'zod';
import { checkGraph } from '../../graph/check.ts';
import { cleanAfterRestore } from '../../graph/clean-after-restore.ts';
import type { IdMark } from '../../graph/clean-after-restore.ts';
import { rebuildMixedIndexes } from '../../graph/indexes/rebuild-mixed-index.ts';
import { fingerprintDifferences } from '../../model/fingerprint-difference.ts';
import { FailedProblem } from '../../model/problem.ts';
import type { ReportProgress } from '../../model/progress.ts';
import { fingerprint } from '../../model/restore-point.ts';
import type { Fingerprint } from '../../model/restore-point.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Platform } from '../../ports/platform.ts';

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
}

export const soundResult = z.object({
  instancesCleared: z.number(),
  locksCleared: z.number(),
  idBlocksAdvanced: z.number(),
});

export async function makeGraphSound(work: Work, mark: IdMark | undefined): Promise<z.infer<typeof soundResult>> {
  const { platform, clock } = work;
  return cleanAfterRestore({ database: platform.database, keyspace: platform.keyspace, clock, mark });
}

export const indexResult = z.object({ rebuilt: z.array(z.string()) });

export async function rebuildIndex(work: Work): Promise<z.infer<typeof indexResult>> {
  const { platform, progress, signal } = work;
  if (platform.indexBackend === undefined) return { rebuilt: [] };
  return {
    rebuilt: [
      ...(await rebuildMixedIndexes({
        database: platform.database,
        graph: platform.graph,
        keyspace: platform.keyspace,
        backend: platform.indexBackend,
        progress,
        signal,
      })),
    ],
  };
}

export const verifiedResult = z.object({
  fingerprint,
  compared: z.boolean(),
  elements: z.number(),
  seconds: z.number(),
});

/**
 * Checks every invariant, and the fingerprint if one was recorded. `name` says what was restored; `remedy` is the next
 * step that a failure names.
 */
export async function verifyRestored(
  work: Work,
  { name, wanted }: { readonly name: string; readonly wanted: Fingerprint | undefined },
  remedy: string,
): Promise<z.infer<typeof verifiedResult>> {
  const { platform, clock, progress, signal } = work;
  const { database, graph, keyspace, indexBackend } = platform;
  const check = await checkGraph({ database, graph, keyspace, indexBackend, clock, progress, signal });
  const differences = wanted === undefined ? [] : fingerprintDifferences(wanted, check.fingerprint);
  if (differences.length > 0 || !check.ok) {
    throw new FailedProblem({
      code: differences.length > 0 ? 'fingerprint-differs' : 'graph-unsound',
      happened:
        differences.length > 0
          ? `The fingerprint of the restored graph differs from the one recorded in ${name}.`
          : `The graph restored from ${name} is not consistent: ${check.findingCount} findings.`,
      state: 'The restored data is in place and its servers are running; nothing was deleted.',
      next: remedy,
      details: [
        ...differences,
        ...check.findings.slice(0, 50).map(({ kind, element, detail }) => `${kind} ${element}: ${detail}`),
      ],
    });
  }
  return {
    fingerprint: check.fingerprint,
    compared: wanted !== undefined,
    elements: check.elements,
    seconds: check.seconds,
  };
}
