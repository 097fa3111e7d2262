import { FailedProblem, RefusedProblem } from '../../model/problem.ts';
import { formatBytes } from '../../model/bytes.ts';
import type { JobParams, JobResult } from '../../ports/node-agent.ts';
import { type InventoryBody, filesOf, nameOf, requireInventory, sizeOf } from './inventory-store.ts';
import type { JobContext } from './job-context.ts';
import { watchDownload } from './download-progress.ts';
import type { NodeParts } from '../node-parts.ts';
import { placementDocument, placementFile, stagingFolder } from './placement-marker.ts';
import { requireStopped } from './stopped-database.ts';

/** Keyspaces that hold a node's own identity and its view of the ring. A copy has its own. */
const ownKeyspaces = new Set(['system', 'system_auth', 'system_distributed', 'system_traces']);

/**
 * Downloads the files of a node's backup to a staging folder, compares them with the inventory, and moves them table by
 * table into the empty data directory. Medusa's own restore is not used: it deletes data before it knows that the files
 * are good, rewrites cassandra.yaml, and starts Cassandra.
 */
export async function restoreFiles(
  parts: NodeParts,
  { point, source, inPlace }: JobParams['restore-files'],
  { signal, progress, log }: JobContext,
): Promise<JobResult['restore-files']> {
  const { bucket, tool, files, directories } = parts;
  const whole = await requireInventory(bucket, point, source);
  const wanted = inPlace
    ? whole
    : { ...whole, tables: whole.tables.filter((table) => !ownKeyspaces.has(table.keyspace)) };
  const size = sizeOf(wanted);
  await requireStopped(parts);
  if (await isPlaced(parts, wanted, { point, source, inPlace })) return size;
  await requireEmpty(parts, wanted);

  const staging = stagingFolder(directories);
  await files.remove(staging);
  await requireRoom(parts, size.bytes);
  const report = (done: number) => progress({ done, total: size.bytes, unit: 'bytes' });
  report(0);
  const watch = watchDownload(parts.files, staging, wanted, report);
  try {
    await tool.download(source, point, {
      destination: staging,
      ...(inPlace ? {} : { keyspaces: [...new Set(wanted.tables.map((table) => table.keyspace))] }),
      signal,
    });
  } finally {
    await watch.stop();
  }
  const findings = await compareFolder(parts, staging, wanted);
  if (findings.length > 0) throw notRestored(source, point, findings);
  await files.sync(staging);
  signal.throwIfAborted();

  const marker = { point, source, inPlace };
  await files.makeDirectory(directories.data);
  await files.writeWhole(placementFile(directories), placementDocument.write({ ...marker, phase: 'placing' }));
  for (const entry of (await files.entries(directories.data)) ?? []) {
    await files.remove(`${directories.data}/${entry.name}`);
  }
  for (const keyspace of new Set(wanted.tables.map((table) => table.keyspace))) {
    const from = `${staging}/${keyspace}`;
    // A keyspace without any file was not downloaded; Cassandra creates the folders of empty tables itself.
    if ((await files.entries(from)) !== undefined) await files.rename(from, `${directories.data}/${keyspace}`);
  }
  await files.writeWhole(placementFile(directories), placementDocument.write({ ...marker, phase: 'placed' }));
  await files.remove(staging);
  report(size.bytes);
  log('files restored', { point, source, inPlace, ...size });
  return size;
}

type Marker = JobParams['restore-files'];

/** True when an earlier attempt placed exactly these files and nothing has changed them since. */
async function isPlaced(parts: NodeParts, wanted: InventoryBody, marker: Marker): Promise<boolean> {
  const { files, directories } = parts;
  const text = await files.read(placementFile(directories));
  if (text === undefined) return false;
  const found = placementDocument.read(text, placementFile(directories));
  const same = found.point === marker.point && found.source === marker.source && found.inPlace === marker.inPlace;
  return same && found.phase === 'placed' && (await compareFolder(parts, directories.data, wanted)).length === 0;
}

/** Throws RefusedProblem `data-present` when a directory holds anything except the files of a killed restore. */
async function requireEmpty(parts: NodeParts, wanted: InventoryBody): Promise<void> {
  const { node, files, directories } = parts;
  const text = await files.read(placementFile(directories));
  const unfinished = text !== undefined && placementDocument.read(text, placementFile(directories)).phase === 'placing';
  const checked = [directories.commitlog, directories.hints, directories.savedCaches];
  if (!unfinished) checked.unshift(directories.data);
  const full: string[] = [];
  for (const directory of checked) {
    if (((await files.entries(directory)) ?? []).length > 0) full.push(directory);
  }
  if (full.length === 0) return;
  throw new RefusedProblem({
    code: 'data-present',
    happened: `${full.join(', ')} on ${node} ${full.length === 1 ? 'is' : 'are'} not empty; the files of ${wanted.point} are placed only into empty directories.`,
    state: 'No file was moved or deleted.',
    next: 'Move the data aside first; `cardea restore` does this itself.',
  });
}

async function requireRoom({ node, files, directories }: NodeParts, bytes: number): Promise<void> {
  const { free } = await files.space(directories.aside);
  if (free >= bytes) return;
  throw new RefusedProblem({
    code: 'disk-too-small',
    happened: `The files to restore on ${node} take ${formatBytes(bytes)}, but only ${formatBytes(free)} are free.`,
    state: 'Nothing was downloaded; the data that was moved aside is unchanged.',
    next: 'Free space on the disk (`cardea status` lists restores that can be accepted), then resume the run.',
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

function notRestored(source: string, point: string, findings: readonly string[]): FailedProblem {
  return new FailedProblem({
    code: 'restore-incomplete',
    happened: `The files that Medusa restored from ${point} for ${source} differ from the snapshot: ${findings[0] ?? ''}${findings.length > 1 ? ` (and ${findings.length - 1} more)` : ''}.`,
    state: 'The data directory is empty; the data that was moved aside is unchanged.',
    next: 'Choose another restore point, or move the old data back with `cardea restore revert RUN`.',
    details: findings.slice(0, 50),
  });
}
