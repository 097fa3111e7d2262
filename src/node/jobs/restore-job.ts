import { createHash } from 'node:crypto';
import { FailedProblem, RefusedProblem, RetryableProblem } from '../../model/problem.ts';
import { formatBytes } from '../../model/bytes.ts';
import type { JobParams, JobResult, RolesOrigin } from '../../ports/node-agent.ts';
import { lookInStore } from './stored-files.ts';
import { type InventoryBody, filesOf, nameOf, requireStoredInventory, sizeOf } from './inventory-store.ts';
import type { JobContext } from './job-context.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { watchDownload } from './download-progress.ts';
import type { NodeParts } from '../node-parts.ts';
import { rolesKeyspace, stageLivingRoles } from './living-roles.ts';
import { clearStagedLogs } from './cut-logs.ts';
import { holdsIdentity } from './disk-mark.ts';
import {
  type Placement,
  logExtensionFolder,
  placementDocument,
  placementFile,
  rolesStagingFolder,
  readStaged,
  stagedDocument,
  stagedFile,
  stagingFolder,
} from './placement-marker.ts';
import { whileStopped } from './stopped-database.ts';

type FilesParams = JobParams['stage-files'];

/** What is placed: of the whole inventory that which belongs on this node. */
interface Wanted extends InventoryBody {
  readonly whole: InventoryBody;
  readonly marker: Marker;
}

/** Which files lie somewhere. Two inventories of one point are not the same files, also where their sizes are. */
type Marker = Pick<FilesParams, 'point' | 'source' | 'inPlace'> & { readonly inventory: string };
/** One that an agent of before wrote does not say by which inventory: then it may be another one. */
type MaybeOld = Omit<Marker, 'inventory'> & { readonly inventory?: string | undefined };

/** Keyspaces that hold a node's own identity and its view of the ring. A copy has its own. */
const ownKeyspaces = new Set(['system', 'system_auth', 'system_distributed', 'system_traces']);

/**
 * Downloads the files of a node's backup to a staging folder beside the data, and compares the hash of each with the
 * inventory. Medusa's own restore is not used: it deletes data before it knows that the files are good, rewrites
 * cassandra.yaml, and starts Cassandra.
 */
export async function stageFiles(
  parts: NodeParts,
  params: JobParams['stage-files'],
  context: JobContext,
): Promise<JobResult['stage-files']> {
  const wanted = await wantedFiles(parts, params);
  // What an earlier restore has left may have changed on the disk since; the graph serves while it is read.
  await stage(parts, wanted, context, { hashKept: true });
  return sizeOf(wanted);
}

/**
 * The marker of the files where they lie as `restore-files` put them: on this disk, with what makes the node itself. A database may have run on them
 * since.
 */
export async function placedFiles(
  { files, directories }: NodeParts,
  params: JobParams['restore-files'],
): Promise<Placement | undefined> {
  const found = await readStaged(files, placementFile(directories), placementDocument);
  if (found?.phase !== 'placed' || !isAsked(found, params)) return undefined;
  return !params.inPlace || (await holdsIdentity(files, directories.data)) ? found : undefined;
}

/** Whether the files lie staged, by their marker: whoever removes or moves some of them does it after the marker, or has moved data. */
export async function areFilesStaged({ files, directories }: NodeParts, params: FilesParams): Promise<boolean> {
  const found = await readStaged(files, stagedFile(directories), stagedDocument);
  return found !== undefined && isAsked(found, params);
}

function isAsked(found: MaybeOld, { point, source, inPlace, inventorySha256: asked }: FilesParams): boolean {
  if (found.point !== point || found.source !== source || found.inPlace !== inPlace) return false;
  return asked === undefined || found.inventory === asked;
}

/**
 * Moves the staged files keyspace by keyspace into the empty data directory; files that were not staged before are
 * downloaded first. After a kill at any moment, the same job continues. Nothing that it finds there is ever removed.
 */
export async function restoreFiles(
  parts: NodeParts,
  params: JobParams['restore-files'],
  context: JobContext,
): Promise<JobResult['restore-files']> {
  return whileStopped(parts, async (ask) => placeFiles(parts, params, { ...context, ask }));
}

async function placeFiles(
  parts: NodeParts,
  params: JobParams['restore-files'],
  context: JobContext & { readonly ask: () => Promise<void> },
): Promise<JobResult['restore-files']> {
  const { files, directories } = parts;
  const wanted = await wantedFiles(parts, params);
  const size = sizeOf(wanted);
  const keyspaces = [...new Set(wanted.tables.map((table) => table.keyspace))];
  const staging = stagingFolder(directories);
  const before = await placementOf(parts, wanted.marker);
  if (before?.phase === 'placed' && (await isWhole(parts, wanted, before.roles)))
    return { ...size, ...rolesOf(before) };
  const resumed = before?.phase === 'placing';
  let roles = before?.roles;
  if (!resumed) {
    await requireEmpty(parts, wanted);
    await stage(parts, wanted, context);
    roles = await chooseRoles(parts, wanted, params);
    await files.makeDirectory(directories.data);
  }
  const placement = (phase: 'placing' | 'placed') =>
    files.writeWhole(
      placementFile(directories),
      placementDocument.write({ ...wanted.marker, phase, ...rolesOf({ roles }) }),
    );
  const folderOf = (keyspace: string) =>
    keyspace === rolesKeyspace && roles?.from === 'living' ? rolesStagingFolder(directories) : `${staging}/${keyspace}`;
  // Asked again: the download may have taken hours, and somebody may have started Cassandra meanwhile, or between two attempts.
  await context.ask();
  await requireEmpty(parts, wanted, resumed ? keyspaces : []);
  if (!resumed) await placement('placing');
  const missing: string[] = [];
  for (const keyspace of keyspaces) {
    const from = folderOf(keyspace);
    // A keyspace that a dead attempt placed is whole, because it moved by one rename.
    if ((await files.entries(`${directories.data}/${keyspace}`)) !== undefined) continue;
    // One without any file was not downloaded; Cassandra creates the folders of empty tables itself.
    if ((await files.entries(from)) !== undefined) await files.rename(from, `${directories.data}/${keyspace}`);
    else if (keyspace === rolesKeyspace && roles?.from === 'living') missing.push(keyspace);
    else if (wanted.tables.some((table) => table.keyspace === keyspace && table.files.length > 0)) {
      missing.push(keyspace);
    }
  }
  if (missing.length > 0) {
    await stage(parts, wanted, context);
    // As it was decided: the same files lie aside as before.
    if (roles?.from === 'living' && missing.includes(rolesKeyspace)) await chooseRoles(parts, wanted, params);
    await context.ask();
    for (const keyspace of missing) await files.rename(folderOf(keyspace), `${directories.data}/${keyspace}`);
  }
  const findings = await compareFolder(parts, directories.data, comparable(wanted, roles));
  if (findings.length > 0 && resumed) throw changedSince(parts, wanted, findings);
  if (findings.length > 0) {
    const state = 'The files are in the data directory; the data that was moved aside is unchanged.';
    throw notRestored(wanted.marker, findings, state);
  }
  await placement('placed');
  await files.remove(stagedFile(directories));
  await files.remove(staging);
  await files.remove(rolesStagingFolder(directories));
  context.progress({ done: size.bytes, total: size.bytes, unit: 'bytes' });
  context.log('files restored', { ...params, ...size, ...rolesOf({ roles }) });
  return { ...size, ...rolesOf({ roles }) };
}

/** Undefined when nobody asked, or the point has no roles. */
async function chooseRoles(
  parts: NodeParts,
  wanted: InventoryBody,
  { rolesOf: run }: JobParams['restore-files'],
): Promise<RolesOrigin | undefined> {
  const known = wanted.tables.some(({ keyspace }) => keyspace === rolesKeyspace);
  return run === undefined || !known ? undefined : stageLivingRoles(parts, wanted, run);
}

function rolesOf({ roles }: { readonly roles?: RolesOrigin | undefined }): { readonly roles?: RolesOrigin } {
  return roles === undefined ? {} : { roles };
}

/** What the inventory can tell of the data directory: it does not know the living node's own roles. */
function comparable(wanted: InventoryBody, roles: RolesOrigin | undefined): InventoryBody {
  if (roles?.from !== 'living') return wanted;
  return { ...wanted, tables: wanted.tables.filter(({ keyspace }) => keyspace !== rolesKeyspace) };
}

/** Removes the files and logs that were staged but not moved. Whole files of `keepPoint` stay: a restore of it need not bring them again. */
export async function clearStage(
  parts: NodeParts,
  { keepPoint }: JobParams['clear-stage'],
): Promise<JobResult['clear-stage']> {
  const { files, directories } = parts;
  await clearStagedLogs(parts);
  await files.remove(logExtensionFolder(directories));
  const whole = await readStaged(files, stagedFile(directories), stagedDocument);
  if (whole !== undefined && whole.point === keepPoint) return {};
  await files.remove(stagedFile(directories));
  await files.remove(stagingFolder(directories));
  await files.remove(rolesStagingFolder(directories));
  return {};
}

async function wantedFiles({ bucket }: NodeParts, params: FilesParams): Promise<Wanted> {
  const { point, source, inPlace, inventorySha256: bound } = params;
  const { inventory: whole, sha256 } = await requireStoredInventory(bucket, point, source, bound);
  const tables = whole.tables.filter((table) => inPlace || !ownKeyspaces.has(table.keyspace));
  return { ...whole, tables, whole, marker: { point, source, inPlace, inventory: sha256 } };
}

/** Does nothing when an earlier attempt staged exactly these files. Throws FailedProblem `restore-incomplete` or `restore-damaged`. */
async function stage(
  parts: NodeParts,
  wanted: Wanted,
  { signal, progress }: JobContext,
  { hashKept = false }: { readonly hashKept?: boolean } = {},
): Promise<void> {
  const { tool, files, directories } = parts;
  const { marker } = wanted;
  const staging = stagingFolder(directories);
  if ((await isStaged(parts, marker)) && (await compareFolder(parts, staging, wanted)).length === 0) {
    const changed = hashKept ? await damagedFiles(parts, staging, wanted, { signal, progress, again: true }) : [];
    if (changed.length === 0) return;
  }
  await requireStored(parts, wanted, signal);
  const { bytes } = sizeOf(wanted);
  await files.remove(stagedFile(directories));
  await files.remove(staging);
  await requireRoom(parts, bytes);
  const report = (done: number) => progress({ done, total: bytes, unit: 'bytes' });
  report(0);
  const watch = watchDownload(files, staging, wanted, report);
  try {
    await tool.download(marker.source, marker.point, {
      destination: staging,
      ...(marker.inPlace ? {} : { keyspaces: [...new Set(wanted.tables.map((table) => table.keyspace))] }),
      signal,
    });
  } finally {
    await watch.stop();
  }
  const findings = await compareFolder(parts, staging, wanted);
  if (findings.length > 0) throw notRestored(marker, findings, 'No file of the node was moved.');
  const damaged = await damagedFiles(parts, staging, wanted, { signal, progress });
  if (damaged.length > 0) throw await notWhole(parts, marker, damaged, signal);
  await files.sync(staging);
  signal.throwIfAborted();
  await files.writeWhole(stagedFile(directories), stagedDocument.write(marker));
}

/** Throws FailedProblem `backup-damaged` when the store does not hold exactly the files of the inventory: the tool would bring others. */
async function requireStored(
  parts: NodeParts,
  { whole, marker: { point, source } }: Wanted,
  signal: AbortSignal,
): Promise<void> {
  const { findings } = await lookInStore(parts, { node: source, inventory: whole, signal });
  if (findings.length === 0) return;
  throw new FailedProblem({
    code: 'backup-damaged',
    happened: `The backup ${point} of ${source} differs from its snapshot: ${findings[0] ?? ''}${findings.length > 1 ? ` (and ${findings.length - 1} more)` : ''}.`,
    state: 'Nothing was downloaded.',
    next: 'Choose another restore point: `cardea points ENV`. When what is missing was brought back, start again: every file is checked anew.',
    details: findings.slice(0, 50),
  });
}

async function isStaged({ files, directories }: NodeParts, marker: Marker): Promise<boolean> {
  const staged = await readStaged(files, stagedFile(directories), stagedDocument);
  return staged !== undefined && isSame(staged, marker);
}

function isSame(a: MaybeOld, b: Marker): boolean {
  return a.point === b.point && a.source === b.source && a.inPlace === b.inPlace && a.inventory === b.inventory;
}

/** True when the data directory holds exactly what an earlier attempt placed. */
async function isWhole(parts: NodeParts, wanted: InventoryBody, roles: RolesOrigin | undefined): Promise<boolean> {
  return (await compareFolder(parts, parts.directories.data, comparable(wanted, roles))).length === 0;
}

/** How far an attempt to place exactly these files has come; undefined when there was none. */
async function placementOf({ files, directories }: NodeParts, marker: Marker): Promise<Placement | undefined> {
  const text = await files.read(placementFile(directories));
  if (text === undefined) return undefined;
  const found = placementDocument.read(text, placementFile(directories));
  return isSame(found, marker) ? found : undefined;
}

/** Throws RefusedProblem `data-present` when a directory holds anything but keyspaces that a killed attempt `placed`. */
async function requireEmpty(parts: NodeParts, wanted: InventoryBody, placed: readonly string[] = []): Promise<void> {
  const { files, directories } = parts;
  const checked = [directories.data, directories.commitlog, directories.hints, directories.savedCaches];
  const found: string[] = [];
  for (const directory of checked) {
    const expected = directory === directories.data ? placed : [];
    for (const { name } of (await files.entries(directory)) ?? []) {
      if (!expected.includes(name)) found.push(`${directory}/${name}`);
    }
  }
  if (found.length > 0)
    throw dataPresent(parts, `the files of ${wanted.point} are placed only into empty directories`, found);
}

/** Of a resumed placement: files came whole from the staging folder, so somebody else has written there since. */
function changedSince(parts: NodeParts, wanted: InventoryBody, findings: readonly string[]): RefusedProblem {
  return dataPresent(parts, `what was placed of ${wanted.point} has changed since`, findings);
}

async function requireRoom({ node, files, directories }: NodeParts, bytes: number): Promise<void> {
  const { free } = await files.space(directories.aside);
  if (free >= bytes) return;
  throw new RefusedProblem({
    code: 'disk-too-small',
    happened: `The files to restore on ${node} take ${formatBytes(bytes)}, but only ${formatBytes(free)} are free.`,
    state: 'Nothing was downloaded; the data that was moved aside is unchanged.',
    next: 'Free space on the disk (`cardea status` lists restores that can be accepted), then try again.',
  });
}

/** One line per file below a folder that is missing, unexpected or of another size. */
async function compareFolder(
  { files }: Pick<NodeParts, 'files'>,
  folder: string,
  wanted: InventoryBody,
): Promise<readonly string[]> {
  const keyspaces = new Set(wanted.tables.map((table) => table.keyspace));
  const there = new Map<string, number>();
  for (const keyspace of keyspaces) {
    for await (const file of files.walk(`${folder}/${keyspace}`)) there.set(`${keyspace}/${file.path}`, file.bytes);
  }
  const findings: string[] = [];
  for (const { keyspace, table, file } of filesOf(wanted)) {
    const name = nameOf(keyspace, table, file.path);
    const bytes = there.get(name);
    there.delete(name);
    if (bytes === undefined) findings.push(`${name}: not restored`);
    else if (bytes !== file.bytes) findings.push(`${name}: ${bytes} bytes restored, ${file.bytes} in the snapshot`);
  }
  for (const name of there.keys()) findings.push(`${name}: not in the snapshot`);
  return findings;
}

/** The files below a folder whose bytes differ from the snapshot. */
async function damagedFiles(
  { files }: Pick<NodeParts, 'files'>,
  folder: string,
  wanted: InventoryBody,
  { signal, progress, again = false }: Pick<JobContext, 'signal' | 'progress'> & { readonly again?: boolean },
): Promise<ReadonlyArray<{ readonly path: string; readonly sha256: string }>> {
  const hashes = new Map<string, string>();
  for (const { keyspace, table, file } of filesOf(wanted)) hashes.set(nameOf(keyspace, table, file.path), file.sha256);
  // Medusa puts files of its own beside the keyspaces; those are never moved.
  const walked = (await Array.fromAsync(files.walk(folder))).filter(({ path }) => hashes.has(path));
  const total = walked.reduce((sum, { bytes }) => sum + bytes, 0);
  const found = await files.hash(walked, {
    signal,
    again,
    progress: (done) => progress({ done, total, unit: 'bytes', label: 'hashing the downloaded files' }),
  });
  return walked.flatMap(({ path }, index) => {
    const sha256 = hashes.get(path) ?? '';
    return sha256 === found[index] ? [] : [{ path, sha256 }];
  });
}

function dataPresent({ node, directories }: NodeParts, why: string, found: readonly string[]): RefusedProblem {
  return new RefusedProblem({
    code: 'data-present',
    happened: `On ${node} there are files that this restore did not place, below ${directories.data} or beside it: ${found[0] ?? ''}${found.length > 1 ? ` (and ${found.length - 1} more)` : ''}; ${why}.`,
    state: 'No file was moved or deleted.',
    next: 'Find out who wrote them (was Cassandra started in between?) and keep what is needed of them. Then move them away and try again, or bring the old data back: cardea restore revert RUN --confirm ENV',
    details: found.slice(0, 50),
  });
}

function notRestored({ source, point }: Marker, findings: readonly string[], state: string): FailedProblem {
  return new FailedProblem({
    code: 'restore-incomplete',
    happened: `The files that Medusa restored from ${point} for ${source} differ from the snapshot: ${findings[0] ?? ''}${findings.length > 1 ? ` (and ${findings.length - 1} more)` : ''}.`,
    state,
    next: 'Choose another restore point: `cardea points ENV`.',
    details: findings.slice(0, 50),
  });
}

/**
 * What arrived damaged: FailedProblem `restore-damaged`, which names the objects, when they are so in the store; RetryableProblem
 * `download-damaged` when the store holds all of them as they were.
 */
async function notWhole(
  { bucket, tool, node }: NodeParts,
  { source, point }: Marker,
  damaged: ReadonlyArray<{ readonly path: string; readonly sha256: string }>,
  signal: AbortSignal,
): Promise<FailedProblem | RetryableProblem> {
  const keys = new Map(
    (await tool.contents(source, point))?.files.map((file) => [
      nameOf(file.keyspace, file.table, file.path),
      file.key,
    ]) ?? [],
  );
  const findings: string[] = [];
  for (const { path, sha256 } of damaged) {
    const key = keys.get(path);
    if (key !== undefined && (await hashOf(bucket, key, signal)) === sha256) continue;
    findings.push(`${path}: its bytes differ from the snapshot (${key ?? 'the store names no object for it'})`);
  }
  const more = (count: number) => (count > 1 ? ` (and ${count - 1} more)` : '');
  if (findings.length === 0) {
    return new RetryableProblem({
      code: 'download-damaged',
      happened: `What ${node} received of ${point} differs from the store: ${damaged[0]?.path ?? ''}${more(damaged.length)}.`,
      state: 'No file of the node was moved. The store holds the files as they were.',
      next: `Look at the network, the memory and the disk of ${node}, then start the run again.`,
    });
  }
  return new FailedProblem({
    code: 'restore-damaged',
    happened: `The store holds damaged files of ${source} in ${point}: ${findings[0] ?? ''}${more(findings.length)}.`,
    state: 'No file of the node was moved.',
    next: 'Choose another restore point: `cardea points ENV`.',
    details: findings.slice(0, 50),
  });
}

async function hashOf(bucket: ObjectStore, key: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of await bucket.getStream(key)) {
    signal.throwIfAborted();
    hash.update(chunk);
  }
  return hash.digest('hex');
}
