import { type CutCounts, noCounts } from '../../commitlog/mutation-cut.ts';
import { writeSegments } from '../../commitlog/write-segments.ts';
import { formatBytes } from '../../model/bytes.ts';
import type { HeldRange } from '../../model/held-ranges.ts';
import { placeOfPiece } from '../../model/log-piece.ts';
import { type LogPlan, plannedBytes, plannedObjects } from '../../model/log-plan.ts';
import { RefusedProblem } from '../../model/problem.ts';
import { sha256 } from '../../model/sha256.ts';
import type { JobParams, JobResult } from '../../ports/node-agent.ts';
import type { NodeParts } from '../node-parts.ts';
import type { JobContext } from './job-context.ts';
import { logStagingFolder, readStaged, stagedLogsDocument, stagedLogsFile } from './placement-marker.ts';
import { keptLogs } from './planned-logs.ts';

/** What was cut: the new segments in a folder of their own, and what they hold. */
export interface CutLogs {
  readonly files: ReadonlyArray<{ readonly name: string; readonly bytes: number }>;
  readonly outcome: JobResult['place-logs'];
}

export interface Cutting {
  readonly run: string;
  /** SHA-256 of the plan's document. */
  readonly hash: string;
  readonly plan: LogPlan;
  /** Token ranges whose mutations are wanted; all when absent. */
  readonly ranges: readonly HeldRange[] | undefined;
  /** What this node's part of the log is expected to take at most; all that is read when absent. */
  readonly bytes: number | undefined;
}

/**
 * The segments of a plan in the staging folder: those that lie there already when they are of exactly this plan, else
 * cut anew. After a kill it begins anew.
 */
export async function stagedLogs(parts: NodeParts, cutting: Cutting, context: JobContext): Promise<CutLogs> {
  const { files, directories } = parts;
  const wanted = wantedOf(cutting);
  const folder = logStagingFolder(directories);
  const before = await wholeStaged(parts, wanted);
  if (before !== undefined) return before;
  await clearStagedLogs(parts);
  const cut = await cutLogs(parts, cutting, { folder, after: undefined }, context);
  const marker = { plan: cutting.run, wanted, files: [...cut.files], outcome: cut.outcome };
  await files.writeWhole(stagedLogsFile(directories), stagedLogsDocument.write(marker));
  return cut;
}

/** Whether the logs lie cut and whole in the staging folder. */
export async function areLogsStaged(
  parts: Pick<NodeParts, 'files' | 'directories'>,
  { sha256: hash, ranges }: JobParams['stage-logs'],
): Promise<boolean> {
  return (await wholeStaged(parts, wantedOf({ hash, ranges }))) !== undefined;
}

function wantedOf({ hash, ranges }: { readonly hash: string; readonly ranges?: Cutting['ranges'] }): string {
  return sha256(JSON.stringify([hash, ranges ?? null]));
}

/** Removes what was cut and not placed. */
export async function clearStagedLogs({ files, directories }: Pick<NodeParts, 'files' | 'directories'>): Promise<void> {
  await files.remove(stagedLogsFile(directories));
  await files.remove(logStagingFolder(directories));
}

/** One object is in memory at a time, at most a segment. `after`: ids of the new segments are above it, too. */
export async function cutLogs(
  parts: NodeParts,
  { plan, ranges, bytes }: Cutting,
  { folder, after }: { readonly folder: string; readonly after: string | null | undefined },
  { signal, progress }: JobContext,
): Promise<CutLogs> {
  const { files, directories } = parts;
  await files.remove(folder);
  await requireRoom(parts, bytes ?? plannedBytes(plan));
  await files.makeDirectory(folder, directories.aside);
  const total = plannedBytes(plan);
  let done = 0;
  const report = (more: number) => {
    done += more;
    progress({ done, total, unit: 'bytes', label: 'cutting the log' });
  };
  report(0);
  const counts = noCounts();
  let next = firstId(parts, plan, after);
  const cut = new Map<string, number>();
  let last: bigint | undefined;
  const kept = keptLogs(parts.bucket, plan, { ranges, counts, signal, onBytes: report });
  for await (const part of writeSegments(kept, () => next++)) {
    cut.set(part.file, (cut.get(part.file) ?? 0) + part.bytes.length);
    last = part.id;
    await files.append(`${folder}/${part.file}`, part.bytes, directories.aside);
  }
  await files.sync(folder);
  signal.throwIfAborted();
  return { files: [...cut].map(([name, size]) => ({ name, bytes: size })), outcome: outcomeOf(counts, cut, last) };
}

/** Both together: the second was cut after the first. */
export function together(first: CutLogs['outcome'], second: CutLogs['outcome']): CutLogs['outcome'] {
  return {
    mutations: first.mutations + second.mutations,
    cut: first.cut + second.cut,
    dropped: first.dropped + second.dropped,
    bytes: first.bytes + second.bytes,
    lastSegment: second.lastSegment ?? first.lastSegment,
  };
}

function outcomeOf(
  { whole, cut, dropped }: CutCounts,
  files: ReadonlyMap<string, number>,
  last: bigint | undefined,
): CutLogs['outcome'] {
  const bytes = [...files.values()].reduce((sum, each) => sum + each, 0);
  return { mutations: whole + cut, cut, dropped, bytes, lastSegment: last === undefined ? null : String(last) };
}

async function wholeStaged(
  { files, directories }: Pick<NodeParts, 'files' | 'directories'>,
  wanted: string,
): Promise<CutLogs | undefined> {
  const staged = await readStaged(files, stagedLogsFile(directories), stagedLogsDocument);
  if (staged?.wanted !== wanted) return undefined;
  const there = new Map<string, number>();
  for await (const { path, bytes } of files.walk(logStagingFolder(directories))) there.set(path, bytes);
  const isWhole =
    there.size === staged.files.length && staged.files.every(({ name, bytes }) => there.get(name) === bytes);
  return isWhole ? staged : undefined;
}

async function requireRoom({ node, files, directories }: NodeParts, bytes: number): Promise<void> {
  const { free } = await files.space(directories.aside);
  if (free >= bytes) return;
  throw new RefusedProblem({
    code: 'disk-too-small',
    happened: `The logs to replay on ${node} take up to ${formatBytes(bytes)}, but only ${formatBytes(free)} are free.`,
    state: 'No log was placed, and no file of the node was moved.',
    next: 'Free space on the disk (`cardea status` lists restores that can be accepted), then try again.',
  });
}

/**
 * An id above every id that any node used before the present: SSTables name the segments that they already contain,
 * and Cassandra skips those at replay. Ids count up from the milliseconds of Cassandra's start, so the present time is
 * above them, unless a clock was set back. A Cassandra that serves while its logs are cut may use the same ids from
 * now on, and none of its files is there any more when they are placed. Its next start continues above ours.
 */
function firstId({ clock }: NodeParts, plan: LogPlan, after: string | null | undefined): bigint {
  const known = plannedObjects(plan).map(({ key }) => BigInt(placeOfPiece(key)?.segment ?? 0));
  if (after !== null && after !== undefined) known.push(BigInt(after));
  return known.reduce((most, id) => (id >= most ? id + 1n : most), BigInt(clock.now().getTime()));
}
