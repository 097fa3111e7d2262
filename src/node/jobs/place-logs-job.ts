import { sha256 } from '../../model/sha256.ts';
import { noCounts } from '../../commitlog/mutation-cut.ts';
import { writeSegments } from '../../commitlog/write-segments.ts';
import { formatBytes } from '../../model/bytes.ts';
import { placeOfPiece } from '../../model/log-piece.ts';
import { type LogPlan, plannedBytes, plannedObjects } from '../../model/log-plan.ts';
import { RefusedProblem } from '../../model/problem.ts';
import { getLogPlan } from '../../ports/log-plan-store.ts';
import type { JobParams, JobResult } from '../../ports/node-agent.ts';
import type { JobContext } from './job-context.ts';
import { keptLogs } from './planned-logs.ts';
import type { NodeParts } from '../node-parts.ts';
import { logPlacementDocument, logPlacementFile, logStagingFolder } from './placement-marker.ts';
import { whileStopped } from './stopped-database.ts';

/**
 * Cuts the logs that a restore's plan names and places the rest as segments that Cassandra replays when it starts.
 * Every node gets the mutations of its token ranges from the streams of all replicas: a write that one replica never
 * saw is in the log of another, so after the replay all replicas of a range hold the same. Cassandra replays before it
 * compacts anything, so a deletion older than gc_grace is applied before a compaction can drop its tombstone.
 *
 * One object is in memory at a time, at most a segment. The new segments are written in a staging folder and moved from
 * there.
 */
export async function placeLogs(
  parts: NodeParts,
  params: JobParams['place-logs'],
  context: JobContext,
): Promise<JobResult['place-logs']> {
  return whileStopped(parts, async (ask) => cutAndPlace(parts, params, { ...context, ask }));
}

async function cutAndPlace(
  parts: NodeParts,
  { plan: run, sha256: hash, ranges, afterDrain = false }: JobParams['place-logs'],
  { signal, progress, log, ask }: JobContext & { readonly ask: () => Promise<void> },
): Promise<JobResult['place-logs']> {
  const { files, directories } = parts;
  const plan = await getLogPlan(parts.bucket, { run, sha256: hash }, parts.node);
  const wanted = sha256(JSON.stringify([hash, ranges ?? null]));
  const before = await clearedAttempt(parts, wanted, afterDrain);
  if (before !== undefined) return before;
  await requireRoom(parts, plan);

  const staging = logStagingFolder(directories);
  await files.remove(staging);
  await files.makeDirectory(staging);
  const total = plannedBytes(plan);
  let done = 0;
  const report = (bytes: number) => {
    done += bytes;
    progress({ done, total, unit: 'bytes', label: 'cutting the log' });
  };
  report(0);
  const counts = noCounts();
  let next = firstId(parts, plan);
  const placed = { files: [] as string[], bytes: 0, lastSegment: null as string | null };
  const kept = keptLogs(parts.bucket, plan, { ranges, counts, signal, onBytes: report });
  for await (const { file, id, bytes } of writeSegments(kept, () => next++)) {
    if (placed.files.at(-1) !== file) placed.files.push(file);
    placed.bytes += bytes.length;
    placed.lastSegment = String(id);
    await files.append(`${staging}/${file}`, bytes, directories.aside);
  }
  await files.sync(staging);
  signal.throwIfAborted();

  const outcome = {
    mutations: counts.whole + counts.cut,
    cut: counts.cut,
    dropped: counts.dropped,
    bytes: placed.bytes,
    lastSegment: placed.lastSegment,
  };
  const marker = { plan: run, wanted, files: placed.files, outcome };
  await files.makeDirectory(directories.commitlog);
  // Asked again: the cut may have taken hours.
  await ask();
  await requireEmpty(parts);
  await files.writeWhole(logPlacementFile(directories), logPlacementDocument.write({ ...marker, phase: 'placing' }));
  for (const name of placed.files) await files.rename(`${staging}/${name}`, `${directories.commitlog}/${name}`);
  await files.writeWhole(logPlacementFile(directories), logPlacementDocument.write({ ...marker, phase: 'placed' }));
  await files.remove(staging);
  log('logs placed', { plan: run, segments: placed.files.length, ...outcome });
  return outcome;
}

/**
 * The outcome of an earlier attempt that placed exactly this plan. Otherwise the files that a killed attempt placed are
 * removed. Throws RefusedProblem `data-present` when the directory holds files that no attempt of ours placed.
 */
async function clearedAttempt(
  parts: NodeParts,
  wanted: string,
  afterDrain: boolean,
): Promise<JobResult['place-logs'] | undefined> {
  const { files, directories } = parts;
  const text = await files.read(logPlacementFile(directories));
  const found = text === undefined ? undefined : logPlacementDocument.read(text, logPlacementFile(directories));
  const there = ((await files.entries(directories.commitlog)) ?? []).map(({ name }) => name);
  const ours = new Set(found?.files ?? []);
  const isWhole = found?.files.every((name) => there.includes(name)) === true && there.length === ours.size;
  if (found?.phase === 'placed' && found.wanted === wanted && isWhole) return found.outcome;
  const foreign = there.filter((name) => !ours.has(name));
  if (foreign.length > 0 && !afterDrain) throw notEmpty(parts, foreign);
  for (const name of there) await files.remove(`${directories.commitlog}/${name}`);
  await files.remove(logPlacementFile(directories));
  return undefined;
}

/** Throws RefusedProblem `data-present`. */
async function requireEmpty(parts: NodeParts): Promise<void> {
  const there = (await parts.files.entries(parts.directories.commitlog)) ?? [];
  if (there.length > 0) {
    throw notEmpty(
      parts,
      there.map(({ name }) => name),
    );
  }
}

function notEmpty({ node, directories }: NodeParts, found: readonly string[]): RefusedProblem {
  return new RefusedProblem({
    code: 'data-present',
    happened: `${directories.commitlog} on ${node} is not empty; logs are placed only into an empty directory.`,
    state: 'No file was moved or deleted.',
    next: 'Find out who wrote there (was Cassandra started in between?) and keep what is needed of it. Then move it away and resume the run, or bring the old data back: cardea restore revert RUN --confirm ENV',
    details: found.slice(0, 20),
  });
}

/** What is placed is at most what was read. */
async function requireRoom({ node, files, directories }: NodeParts, plan: LogPlan): Promise<void> {
  const bytes = plannedBytes(plan);
  const { free } = await files.space(directories.aside);
  if (free >= bytes) return;
  throw new RefusedProblem({
    code: 'disk-too-small',
    happened: `The logs to replay on ${node} take up to ${formatBytes(bytes)}, but only ${formatBytes(free)} are free.`,
    state: 'No log was placed; the restored files are in place.',
    next: 'Free space on the disk (`cardea status` lists restores that can be accepted), then resume the run.',
  });
}

/**
 * An id above every id that any node ever used: SSTables name the segments that they already contain, and Cassandra
 * skips those at replay. Ids count up from the milliseconds of Cassandra's start, so the present time is above them,
 * unless a clock was set back. Cassandra's next start continues above our ids.
 */
function firstId({ clock }: NodeParts, plan: LogPlan): bigint {
  const known = plannedObjects(plan).map(({ key }) => BigInt(placeOfPiece(key)?.segment ?? 0));
  return known.reduce((most, id) => (id >= most ? id + 1n : most), BigInt(clock.now().getTime()));
}
