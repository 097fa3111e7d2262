import { RefusedProblem } from '../../model/problem.ts';
import { sha256 } from '../../model/sha256.ts';
import { getLogPlan } from '../../ports/log-plan-store.ts';
import type { JobParams, JobResult } from '../../ports/node-agent.ts';
import type { NodeParts } from '../node-parts.ts';
import { type CutLogs, type Cutting, clearStagedLogs, cutLogs, stagedLogs, together } from './cut-logs.ts';
import type { JobContext } from './job-context.ts';
import { logExtensionFolder, logPlacementDocument, logPlacementFile, logStagingFolder } from './placement-marker.ts';
import { whileStopped } from './stopped-database.ts';

/**
 * Places what a restore's plan keeps of the logs as segments that Cassandra replays when it starts. They were cut
 * before by `stage-logs`, or are cut now; an extension of the plan is always cut now.
 *
 * Every node gets the mutations of its token ranges from the streams of all replicas: a write that one replica never
 * saw is in the log of another, so after the replay all replicas of a range hold the same. Cassandra replays before it
 * compacts anything, so a deletion older than gc_grace is applied before a compaction can drop its tombstone.
 */
export async function placeLogs(
  parts: NodeParts,
  params: JobParams['place-logs'],
  context: JobContext,
): Promise<JobResult['place-logs']> {
  return whileStopped(parts, async (ask) => cutAndPlace(parts, params, { ...context, ask }));
}

interface StoppedContext extends JobContext {
  /** Throws when Cassandra was started meanwhile. */
  readonly ask: () => Promise<void>;
}

async function cutAndPlace(
  parts: NodeParts,
  { plan: run, sha256: hash, extension, ranges, bytes, afterDrain = false }: JobParams['place-logs'],
  context: StoppedContext,
): Promise<JobResult['place-logs']> {
  const { bucket, node, files, directories } = parts;
  const planned: Cutting = { run, hash, plan: await getLogPlan(bucket, { run, sha256: hash }, node), ranges, bytes };
  const rest: Cutting | undefined =
    extension === undefined
      ? undefined
      : {
          run,
          hash: extension,
          plan: await getLogPlan(bucket, { run, sha256: extension }, node),
          ranges,
          bytes: undefined,
        };
  const wanted = sha256(JSON.stringify([hash, extension ?? null, ranges ?? null]));
  const before = await earlierAttempt(parts, wanted);
  if (before !== undefined) return finish(parts, before, context);
  if (afterDrain) await clearDrained(parts);
  await requireEmpty(parts);

  const staged = await stagedLogs(parts, planned, context);
  const added =
    rest === undefined
      ? undefined
      : await cutLogs(
          parts,
          rest,
          { folder: logExtensionFolder(directories), after: staged.outcome.lastSegment },
          context,
        );
  await files.makeDirectory(directories.commitlog);
  // Asked again: the cut may have taken hours.
  await context.ask();
  await requireEmpty(parts);
  const outcome = added === undefined ? staged.outcome : together(staged.outcome, added.outcome);
  const marker: Placement = { plan: run, wanted, files: namesOf(staged, added), outcome, phase: 'placing' };
  await files.writeWhole(logPlacementFile(directories), logPlacementDocument.write(marker));
  return finish(parts, marker, context);
}

type Placement = ReturnType<typeof logPlacementDocument.read>;

function namesOf(...cuts: ReadonlyArray<CutLogs | undefined>): string[] {
  return cuts.flatMap((cut) => cut?.files ?? []).map(({ name }) => name);
}

/** Moves what an attempt has not moved yet. */
async function finish(
  parts: NodeParts,
  marker: Placement,
  { log, ask }: StoppedContext,
): Promise<JobResult['place-logs']> {
  const { files, directories } = parts;
  if (marker.phase === 'placing') {
    await ask();
    for (const folder of cutFolders(parts)) {
      for (const name of (await namesIn(parts, folder)).filter((each) => marker.files.includes(each))) {
        await files.rename(`${folder}/${name}`, `${directories.commitlog}/${name}`);
      }
    }
    await files.writeWhole(logPlacementFile(directories), logPlacementDocument.write({ ...marker, phase: 'placed' }));
  }
  await clearStagedLogs(parts);
  await files.remove(logExtensionFolder(directories));
  log('logs placed', { plan: marker.plan, segments: marker.files.length, ...marker.outcome });
  return marker.outcome;
}

/**
 * An earlier attempt that placed exactly this, or began to and left everything that it had cut. What another attempt had
 * placed is removed. Throws RefusedProblem `data-present` when the directory also holds files of somebody else.
 */
async function earlierAttempt(parts: NodeParts, wanted: string): Promise<Placement | undefined> {
  const { files, directories } = parts;
  const text = await files.read(logPlacementFile(directories));
  if (text === undefined) return undefined;
  const found = logPlacementDocument.read(text, logPlacementFile(directories));
  const placed = await namesIn(parts, directories.commitlog);
  const waiting =
    found.phase === 'placed'
      ? []
      : (await Promise.all(cutFolders(parts).map(async (folder) => namesIn(parts, folder)))).flat();
  const isWhole =
    found.files.every((name) => placed.includes(name) || waiting.includes(name)) &&
    placed.every((name) => found.files.includes(name));
  if (found.wanted === wanted && isWhole) return found;
  for (const name of placed.filter((each) => found.files.includes(each))) {
    await files.remove(`${directories.commitlog}/${name}`);
  }
  await files.remove(logPlacementFile(directories));
  return undefined;
}

function cutFolders({ directories }: NodeParts): readonly string[] {
  return [logStagingFolder(directories), logExtensionFolder(directories)];
}

async function namesIn({ files }: NodeParts, folder: string): Promise<readonly string[]> {
  return ((await files.entries(folder)) ?? []).map(({ name }) => name);
}

/** Throws RefusedProblem `data-present` when the directory holds files that no attempt of ours placed. */
async function requireEmpty(parts: NodeParts): Promise<void> {
  const { node, directories } = parts;
  const foreign = await namesIn(parts, directories.commitlog);
  if (foreign.length === 0) return;
  throw new RefusedProblem({
    code: 'data-present',
    happened: `${directories.commitlog} on ${node} is not empty; logs are placed only into an empty directory.`,
    state: 'No file was moved or deleted.',
    next: 'Find out who wrote there (was Cassandra started in between?) and keep what is needed of it. Then move it away and try again, or bring the old data back: cardea restore revert RUN --confirm ENV',
    details: foreign.slice(0, 20),
  });
}

/** What Cassandra left when it was drained is needed no more. */
async function clearDrained(parts: NodeParts): Promise<void> {
  const { files, directories } = parts;
  for (const name of await namesIn(parts, directories.commitlog)) {
    await files.remove(`${directories.commitlog}/${name}`);
  }
}
