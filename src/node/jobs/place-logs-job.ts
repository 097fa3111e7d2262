import { sha256 } from '../../model/sha256.ts';
import { getLogPlan } from '../../ports/log-plan-store.ts';
import type { JobParams, JobResult } from '../../ports/node-agent.ts';
import type { NodeParts } from '../node-parts.ts';
import { type CutLogs, type Cutting, clearStagedLogs, cutLogs, stagedLogs, together } from './cut-logs.ts';
import { dataPresent, drainedIn, logFiles } from './drained-log.ts';
import type { JobContext } from './job-context.ts';
import {
  logExtensionFolder,
  logPlacementDocument,
  logPlacementFile,
  logStagingFolder,
  readStaged,
} from './placement-marker.ts';
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
  const wanted = wantedOf({ sha256: hash, extension, ranges });
  const drainOf = afterDrain ? run : undefined;
  const before = await earlierAttempt(parts, wanted, drainOf);
  if (before !== undefined) return finish(parts, before, context);

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
  for (const name of await drainedAlone(parts, drainOf, [])) await files.remove(`${directories.commitlog}/${name}`);
  const outcome = added === undefined ? staged.outcome : together(staged.outcome, added.outcome);
  const marker: Placement = { plan: run, wanted, files: namesOf(staged, added), outcome, phase: 'placing' };
  await files.writeWhole(logPlacementFile(directories), logPlacementDocument.write(marker));
  return finish(parts, marker, context);
}

/** The marker of the logs, if exactly these were placed on this disk. A database that has started since has replayed them. */
export async function placedLogs(
  { files, directories }: NodeParts,
  params: JobParams['place-logs'],
): Promise<Placement | undefined> {
  const found = await readStaged(files, logPlacementFile(directories), logPlacementDocument);
  return found?.phase === 'placed' && found.wanted === wantedOf(params) ? found : undefined;
}

/** Names of the segments that were placed here and that Cassandra has not replayed: it deletes those that it has. */
export async function unreplayedLogs({
  files,
  directories,
}: Pick<NodeParts, 'files' | 'directories'>): Promise<JobResult['look-replayed']> {
  const found = await readStaged(files, logPlacementFile(directories), logPlacementDocument);
  if (found?.phase !== 'placed') return { left: [] };
  const there = new Set(((await files.entries(directories.commitlog)) ?? []).map(({ name }) => name));
  return { left: found.files.filter((name) => there.has(name)).slice(0, mostNamed) };
}

const mostNamed = 20;

function wantedOf({
  sha256: hash,
  extension,
  ranges,
}: {
  readonly sha256: string;
  readonly extension?: string | undefined;
  readonly ranges?: JobParams['place-logs']['ranges'] | undefined;
}): string {
  return sha256(JSON.stringify([hash, extension ?? null, ranges ?? null]));
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
 * placed is removed. Throws RefusedProblem `data-present`, before anything is removed, when the directory also holds
 * files of somebody else.
 */
async function earlierAttempt(
  parts: NodeParts,
  wanted: string,
  drainOf: string | undefined,
): Promise<Placement | undefined> {
  const { files, directories } = parts;
  const text = await files.read(logPlacementFile(directories));
  const found = text === undefined ? undefined : logPlacementDocument.read(text, logPlacementFile(directories));
  const drained = await drainedAlone(parts, drainOf, found?.files ?? []);
  if (found === undefined) return undefined;
  const placed = await namesIn(parts, directories.commitlog);
  const waiting =
    found.phase === 'placed'
      ? []
      : (await Promise.all(cutFolders(parts).map(async (folder) => namesIn(parts, folder)))).flat();
  const isWhole = drained.length === 0 && found.files.every((name) => placed.includes(name) || waiting.includes(name));
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

/**
 * What the drain of this run left in the directory. Throws RefusedProblem `data-present` when it holds anything else
 * that is not `ours`: somebody may have started Cassandra since, and it may have acknowledged writes.
 */
async function drainedAlone(
  parts: NodeParts,
  drainOf: string | undefined,
  ours: readonly string[],
): Promise<readonly string[]> {
  const present = (await logFiles(parts)).filter(({ name }) => !ours.includes(name));
  const drained = drainOf === undefined ? [] : await drainedIn(parts, drainOf, present);
  const foreign = present.filter(({ name }) => !drained.includes(name));
  if (foreign.length > 0) throw dataPresent(parts, foreign);
  return drained;
}
