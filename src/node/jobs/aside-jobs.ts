import { liesAside } from '../../model/aside-markers.ts';
import { displacedName } from '../../model/displaced-name.ts';
import { RefusedProblem } from '../../model/problem.ts';
import { safeName } from '../../model/safe-name.ts';
import type { JobParams, JobResult } from '../../ports/node-agent.ts';
import type { NodeFiles } from '../../ports/node-files.ts';
import {
  type Aside,
  asideFolder,
  beginAside,
  beginDisplaced,
  displacedFolder,
  findAside,
  ifRoom,
  keepAside,
  keepNothing,
  markAside,
  movesOf,
  prepareDisplaced,
} from './aside-marker.ts';
import type { JobContext } from './job-context.ts';
import type { NodeParts } from '../node-parts.ts';
import { newestSegment } from '../log-segments.ts';
import { holdsIdentity, isMarked, noteUnmarked, removeMark, wasMarked } from './disk-mark.ts';
import { markerFiles } from './placement-marker.ts';
import { requireProvable, whileStopped } from './stopped-database.ts';

/**
 * Makes a restore revertible: whole directories are renamed on one file system, never copied. After a kill at any
 * point, running the same job again completes it: the marker says what was begun, and the place of a directory says
 * whether it was moved.
 */
export async function setAside(
  parts: NodeParts,
  { run }: JobParams['set-aside'],
  { log }: JobContext,
): Promise<JobResult['set-aside']> {
  const { files, directories } = parts;
  const folder = asideFolder(directories, run);
  const before = await findAside(files, directories, folder);
  if (before?.phase === 'kept') {
    const lastSegment = await newestSegment(files, `${folder}/commitlog`);
    return { bytes: await bytesOf(files, folder, before), path: folder, lastSegment };
  }
  if (before !== undefined && before.phase !== 'setting-aside') throw otherPhase(run, before.phase, 'set aside');
  await requireOneFileSystem(parts);
  return whileStopped(parts, async (ask) => moveAside(parts, folder, before, { run, log, ask }));
}

async function moveAside(
  parts: NodeParts,
  folder: string,
  before: Aside | undefined,
  { run, log, ask }: { readonly run: string; readonly log: JobContext['log']; readonly ask: () => Promise<void> },
): Promise<JobResult['set-aside']> {
  const { files, directories } = parts;
  if (before === undefined) {
    await files.makeDirectory(folder, directories.aside);
    await noteUnmarked(parts, run, folder);
  }
  const aside = before ?? (await beginAside(files, folder, { run, moves: await movesOf(files, directories) }));
  const prepare = async () => prepareDisplaced(files, directories, run);
  // What an agent of before this had begun to move is moved to its end all the same.
  if (await hasMoved(files, folder, aside)) await ifRoom(prepare);
  else await prepare();
  // Removed before anything moves: with this marker, a restore would believe that the data directory holds its own
  // files.
  for (const marker of markerFiles(directories)) await files.remove(marker);
  await ask();
  for (const { name, live } of aside.moves) {
    const kept = `${folder}/${name}`;
    if ((await files.entries(kept)) === undefined && (await files.entries(live)) !== undefined) {
      await files.rename(live, kept);
    }
    await files.makeDirectory(live, kept);
  }
  const bytes = await bytesIn(files, folder, aside);
  await keepAside(files, folder, aside, { bytes });
  log('set aside', { run, bytes });
  return { bytes, path: folder, lastSegment: await newestSegment(files, `${folder}/commitlog`) };
}

/**
 * What lies aside on this node already. Throws RefusedProblem `aside-elsewhere` where directories of this node cannot be moved aside by a rename, and what `requireProvable` throws.
 * Cassandra may run.
 */
export async function checkAside(parts: NodeParts): Promise<JobResult['check-aside']> {
  await requireProvable(parts);
  await requireOneFileSystem(parts);
  const { files, directories } = parts;
  const aside: string[] = [];
  for (const { name, directory } of (await files.entries(directories.aside)) ?? []) {
    if (!directory || !safeName.safeParse(name).success) continue;
    const inside = (await files.entries(`${directories.aside}/${name}`)) ?? [];
    if (
      liesAside(
        name,
        inside.map((entry) => entry.name),
      )
    )
      aside.push(name);
  }
  return { aside: aside.toSorted().slice(0, mostNamed) };
}

/** Names that an agent says of what lies aside there: there is one as a rule. */
const mostNamed = 20;

/** How far the moving aside of the run has come on this node, and whether the data that it is about is there at all. */
export async function lookAside(
  parts: NodeParts,
  { run, mark }: JobParams['look-aside'],
): Promise<JobResult['look-aside']> {
  const { files, directories } = parts;
  const folder = asideFolder(directories, run);
  const found = await findAside(files, directories, folder);
  const isAside = found !== undefined && (await files.entries(`${folder}/data`)) !== undefined;
  // What has not been moved, or came back, is live. Of what was all moved nothing is: a disk may have held none before.
  const kept = isAside || (found?.phase === 'kept' && found.file !== undefined && found.moves.length > 0);
  return {
    phase: found?.phase ?? null,
    itself: await holdsIdentity(files, kept ? `${folder}/data` : directories.data),
    marked: found === undefined ? await isMarked(parts, mark ?? run) : await wasMarked(parts, folder),
    ...(found?.whole === undefined ? {} : { whole: found.whole }),
  };
}

/** Deletes what `set-aside` kept. If nothing is kept, that is not an error: it was accepted before. */
export async function acceptAside(
  parts: NodeParts,
  params: JobParams['accept-aside'],
  context: JobContext,
): Promise<JobResult['accept-aside']> {
  const result = await deleteAside(parts, params, context);
  await removeMark(parts, params.run);
  return result;
}

async function deleteAside(
  { files, directories }: NodeParts,
  { run, givenUp = false }: JobParams['accept-aside'],
  { log }: JobContext,
): Promise<JobResult['accept-aside']> {
  const folder = asideFolder(directories, run);
  const aside = await findAside(files, directories, folder);
  if (aside === undefined) {
    await removeRest(files, folder);
    return { bytes: 0 };
  }
  if (!givenUp && aside.phase !== 'kept' && aside.phase !== 'accepting') throw otherPhase(run, aside.phase, 'accepted');
  const bytes = await bytesOf(files, folder, aside);
  if (aside.phase !== 'accepting') await markAside(files, folder, aside, 'accepting');
  for (const { name } of aside.moves) await files.remove(`${folder}/${name}`);
  await files.remove(displacedFolder(directories, run));
  await files.remove(folder);
  log('accepted', { run, bytes });
  return { bytes };
}

/**
 * Moves what `set-aside` kept back into place. The present data is kept under its `displacedName`, which can be accepted or
 * reverted in turn.
 */
export async function revertAside(
  parts: NodeParts,
  { run, mayBeAbsent = false, mark, whole }: JobParams['revert-aside'],
  { log }: JobContext,
): Promise<JobResult['revert-aside']> {
  const { files, directories } = parts;
  const folder = asideFolder(directories, run);
  const other = asideFolder(directories, displacedName(run));
  const aside = await findAside(files, directories, folder);
  const displaced = await findAside(files, directories, other);
  if (aside === undefined) {
    if (displaced?.phase === 'kept')
      return { path: other, lastSegment: await newestSegment(files, directories.commitlog) };
    // A restore that failed on another node before it came to this one: what is live here was never touched. But a disk that was replaced has
    // nothing aside either.
    const isThere = await holdsIdentity(files, directories.data);
    const isSame = mark === undefined || (await isMarked(parts, mark));
    if (!mayBeAbsent || !isThere || !isSame) throw nothingKept(parts.node, run);
    await keepNothing(files, directories, displacedName(run));
    await removeRest(files, folder);
    return { path: null, lastSegment: await newestSegment(files, directories.commitlog) };
  }
  if (aside.phase === 'setting-aside' && !(await hasMoved(files, folder, aside))) {
    // It broke off before the first move, perhaps because a full disk had no room for what is written before it.
    if (displaced === undefined) await keepNothing(files, directories, displacedName(run));
    await files.remove(folder);
    return { path: null, lastSegment: await newestSegment(files, directories.commitlog) };
  }
  if (aside.phase === 'accepting') throw otherPhase(run, aside.phase, 'reverted');
  return whileStopped(parts, async (ask) => exchange(parts, { run, aside, displaced, whole, log, ask }));
}

async function exchange(
  { files, directories }: NodeParts,
  {
    run,
    aside,
    displaced,
    whole,
    log,
    ask,
  }: {
    readonly run: string;
    readonly aside: Aside;
    readonly displaced: Aside | undefined;
    readonly whole: boolean | undefined;
    readonly log: JobContext['log'];
    readonly ask: () => Promise<void>;
  },
): Promise<JobResult['revert-aside']> {
  const folder = asideFolder(directories, run);
  const other = asideFolder(directories, displacedName(run));
  if (displaced === undefined) await beginDisplaced(files, directories, run);
  const { moves, partly } = aside.phase === 'reverting' ? aside : await markAside(files, folder, aside, 'reverting');
  for (const marker of markerFiles(directories)) await files.remove(marker);
  await ask();
  for (const { name, live, existed } of moves) {
    const kept = `${folder}/${name}`;
    const current = `${other}/${name}`;
    const waiting = (await files.entries(kept)) !== undefined;
    // An interrupted set-aside left some directories in their place: those are not moved.
    if (partly && !waiting) continue;
    const undone = waiting || !existed;
    if (undone && (await files.entries(current)) === undefined && (await files.entries(live)) !== undefined) {
      await files.rename(live, current);
    }
    if (waiting) await files.rename(kept, live);
    await files.makeDirectory(live, current);
  }
  const begun = await findAside(files, directories, other);
  if (begun !== undefined && begun.phase !== 'kept') {
    await keepAside(files, other, begun, { bytes: await bytesIn(files, other, begun), whole });
    // For the case that it is reverted in turn.
    await ifRoom(async () => prepareDisplaced(files, directories, displacedName(run)));
  }
  await files.remove(folder);
  log('reverted', { run });
  return { path: other, lastSegment: await newestSegment(files, directories.commitlog) };
}

async function requireOneFileSystem({ node, files, directories }: NodeParts): Promise<void> {
  const target = await files.space(directories.aside);
  const paths = [directories.data, directories.commitlog, directories.hints, directories.savedCaches];
  const devices = await Promise.all(paths.map(async (path) => (await files.space(path)).device));
  const elsewhere = paths.filter((_, index) => devices[index] !== target.device);
  if (elsewhere.length === 0) return;
  throw new RefusedProblem({
    code: 'aside-elsewhere',
    happened: `On ${node} the directory for old data (${directories.aside}) is on another file system than ${elsewhere.join(', ')}.`,
    state: 'No file was moved.',
    next: "Set the agent's asideDirectory to a directory on the file system of the data: old data is kept by renaming directories.",
  });
}

/**
 * A folder without marker and directories is the rest of an accepted one after a kill, or of one that was never begun.
 * With directories it is unknown, so it is kept.
 */
async function removeRest(files: NodeFiles, folder: string): Promise<void> {
  const left = (await files.entries(folder)) ?? [];
  if (!left.some((entry) => entry.directory)) await files.remove(folder);
}

async function hasMoved(files: NodeFiles, folder: string, { moves }: Aside): Promise<boolean> {
  for (const { name } of moves) if ((await files.entries(`${folder}/${name}`)) !== undefined) return true;
  return false;
}

/** As it was counted when all was moved. */
async function bytesOf(files: NodeFiles, folder: string, aside: Aside): Promise<number> {
  return aside.bytes > 0 ? aside.bytes : bytesIn(files, folder, aside);
}

async function bytesIn(files: NodeFiles, folder: string, { moves }: Aside): Promise<number> {
  let bytes = 0;
  const seen = new Set<string>();
  for (const { name } of moves) {
    // A snapshot consists of hard links to the files beside it: each file is counted once.
    for await (const file of files.walk(`${folder}/${name}`)) {
      if (seen.has(file.identity)) continue;
      seen.add(file.identity);
      bytes += file.bytes;
    }
  }
  return bytes;
}

function otherPhase(run: string, phase: Aside['phase'], wanted: string): RefusedProblem {
  const now = {
    'setting-aside': 'is still being moved aside',
    kept: 'is kept aside',
    accepting: 'is being deleted, because the restore was accepted',
    reverting: 'is being moved back, because the restore was reverted',
  }[phase];
  return new RefusedProblem({
    code: 'aside-busy',
    happened: `The old data of ${run} ${now}, so it cannot be ${wanted}.`,
    state: 'No file was moved.',
    next: 'Finish the run that began this: find it with `cardea runs` and resume it.',
  });
}

function nothingKept(node: string, run: string): RefusedProblem {
  return new RefusedProblem({
    code: 'nothing-aside',
    happened: `On ${node} there is no old data of ${run}: its disk was replaced, emptied or set back since then, or had no data before.`,
    state: 'No file was moved on this node.',
    next: 'The old data of this node is lost. See how the restore goes on (`cardea status`), or restore a point.',
  });
}
