import { type CutCounts, type CutRule, MutationCut } from '../../commitlog/mutation-cut.ts';
import { type EntryRun, cutPieces } from '../../commitlog/cut-segment.ts';
import type { ReadPiece } from '../../commitlog/piece.ts';
import { logDamaged, readingObject } from '../../commitlog/log-damage.ts';
import { sha256 } from '../../model/sha256.ts';
import { plannedPieces } from '../../commitlog/planned-piece.ts';
import { tokenOf } from '../../commitlog/token.ts';
import { commitSlot, cutAfter } from '../../model/commit-slot.ts';
import { type HeldRange, mergedRanges } from '../../model/held-ranges.ts';
import { instantOf } from '../../model/instant.ts';
import type { LogPlan } from '../../model/log-plan.ts';
import { type LoggedTable, logSchemaDocument } from '../../model/log-schema.ts';
import { FailedProblem } from '../../model/problem.ts';
import type { ObjectStore } from '../../ports/object-store.ts';

type Strand = LogPlan['strands'][number];

export interface KeptLogsOptions {
  /** Token ranges whose mutations are wanted; all when absent. */
  readonly ranges: readonly HeldRange[] | undefined;
  readonly counts: CutCounts;
  readonly signal: AbortSignal;
  /** Called with the plain bytes of each finished object. */
  readonly onBytes: (bytes: number) => void;
}

/**
 * The part of the logs that a plan keeps. One object is in memory at a time, and each is checked again as it is read.
 * Throws FailedProblem `log-damaged`, `log-schema-missing`, and what the cut throws.
 */
export async function* keptLogs(
  bucket: ObjectStore,
  plan: LogPlan,
  options: KeptLogsOptions,
): AsyncGenerator<EntryRun> {
  for (const strand of plan.strands) {
    const tables = await readTables(bucket, strand.schemas);
    const cut = new MutationCut(tables, ruleOf(plan, strand, tables, options.ranges), options.counts);
    yield* cutPieces(readPieces(bucket, strand, options), cut);
  }
}

async function* readPieces(
  bucket: ObjectStore,
  { streams }: Strand,
  { signal, onBytes }: KeptLogsOptions,
): AsyncGenerator<ReadPiece> {
  const read = plannedPieces(bucket);
  for (const object of streams.flatMap(({ objects }) => objects)) {
    signal.throwIfAborted();
    const piece = await readingObject(object.key, () => read(object.key));
    if (piece === undefined) throw logDamaged(`The shipped log ${object.key}`, 'it is no longer in the store');
    if (sha256(piece.plain) !== object.sha256) {
      throw logDamaged(`The shipped log ${object.key}`, 'it has changed since the plan was made');
    }
    yield piece;
    onBytes(piece.plain.length);
  }
}

function ruleOf(
  { uncut, omitted }: LogPlan,
  { until, exclusions }: Strand,
  tables: ReadonlyMap<string, LoggedTable>,
  ranges: readonly HeldRange[] | undefined,
): CutRule {
  const idsOf = (names: readonly string[]) =>
    new Set(
      [...tables.values()].filter((each) => names.includes(`${each.keyspace}.${each.table}`)).map(({ id }) => id),
    );
  return {
    lastKept: cutAfter(instantOf(until)),
    exclusions: new Set(exclusions.map((slot) => commitSlot(instantOf(slot)))),
    uncut: idsOf(uncut),
    omitted: idsOf(omitted),
    ...(ranges === undefined ? {} : { ownsToken: ownerOf(ranges) }),
  };
}

/** Asked of every mutation: the ranges are made few, and one is found by halves. */
function ownerOf(ranges: readonly HeldRange[]): (key: Uint8Array) => boolean {
  const parts = mergedRanges(ranges);
  return (key) => {
    const token = tokenOf(key);
    let [low, high] = [0, parts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((parts[middle]?.end ?? token) < token) low = middle + 1;
      else high = middle;
    }
    return (parts[low]?.start ?? token) < token;
  };
}

/** The tables by id, each as in the newest schema. */
async function readTables(bucket: ObjectStore, keys: readonly string[]): Promise<ReadonlyMap<string, LoggedTable>> {
  const tables = new Map<string, LoggedTable>();
  for (const key of keys) {
    const stored = await bucket.get(key);
    if (stored === undefined) {
      throw new FailedProblem({
        code: 'log-schema-missing',
        happened: `The schema ${key} is no longer in the store; without it the shipped logs cannot be read.`,
        state: 'No log was placed.',
        next: 'Find out who removed it (`cardea audit`), or restore to a restore point, without the log.',
      });
    }
    for (const table of logSchemaDocument.read(stored.body, key).tables) tables.set(table.id, table);
  }
  return tables;
}
