import { z } from 'zod';
import { documentType } from '../../model/document.ts';
import { Problem } from '../../model/problem.ts';
import { jobResults, rolesOrigin } from '../../ports/node-agent-wire.ts';
import type { NodeFiles } from '../../ports/node-files.ts';
import type { NodeDirectories } from '../node-parts.ts';

/** SHA-256 of the inventory by which the files are those of the point. Agents of before did not write it down. */
const inventoryHash = z.string().optional();

/**
 * `<aside>/placement.json`: which backup's files are being put into the data directory (`placing`) or are there
 * (`placed`). It is written before the first file is placed, so that the files of a killed attempt are known to be ours
 * and not somebody's data.
 */
export const placementDocument = documentType('placement', 1, {
  point: z.string(),
  source: z.string(),
  inPlace: z.boolean(),
  inventory: inventoryHash,
  phase: z.enum(['placing', 'placed']),
  roles: rolesOrigin.optional(),
});

export type Placement = Omit<z.infer<typeof placementDocument.schema>, 'kind' | 'version'>;

export function placementFile(directories: Pick<NodeDirectories, 'aside'>): string {
  return `${directories.aside}/placement.json`;
}

/**
 * `<aside>/logs.json`: which run's cut logs are being put into the commitlog directory (`placing`) or were put there whole (`placed`), and
 * with what outcome.
 */
export const logPlacementDocument = documentType('log-placement', 1, {
  plan: z.string(),
  /** SHA-256 of the plan and the ranges. */
  wanted: z.string(),
  phase: z.enum(['placing', 'placed']),
  files: z.array(z.string()),
  outcome: jobResults['place-logs'],
});

export function logPlacementFile(directories: Pick<NodeDirectories, 'aside'>): string {
  return `${directories.aside}/logs.json`;
}

/** `<aside>/staged.json`: which backup's files lie whole in the staging folder, each hashed against the inventory. */
export const stagedDocument = documentType('staged', 1, {
  point: z.string(),
  source: z.string(),
  inPlace: z.boolean(),
  inventory: inventoryHash,
});

export function stagedFile(directories: Pick<NodeDirectories, 'aside'>): string {
  return `${directories.aside}/staged.json`;
}

/** `<aside>/staged-logs.json`: the logs of which plan lie cut and whole in their staging folder. */
export const stagedLogsDocument = documentType('staged-logs', 1, {
  plan: z.string(),
  /** SHA-256 of the plan and the ranges. */
  wanted: z.string(),
  files: z.array(z.object({ name: z.string(), bytes: z.number().int().nonnegative() })),
  outcome: jobResults['place-logs'],
});

export function stagedLogsFile(directories: Pick<NodeDirectories, 'aside'>): string {
  return `${directories.aside}/staged-logs.json`;
}

/**
 * What a marker says of files that were brought and are not in place yet; undefined when there is none, or none that can be read: then they
 * are brought again.
 */
export async function readStaged<T>(
  files: Pick<NodeFiles, 'read'>,
  file: string,
  document: { read(text: string, where: string): T },
): Promise<T | undefined> {
  const text = await files.read(file);
  if (text === undefined) return undefined;
  try {
    return document.read(text, file);
  } catch (thrown) {
    if (!(thrown instanceof Problem) || thrown.code !== 'bad-document') throw thrown;
    return undefined;
  }
}

/** `<aside>/drained.json`: what the drain of a Cassandra that the run had started left in the commit log directory. */
export const drainedLogDocument = documentType('drained-log', 1, {
  run: z.string(),
  files: z.array(z.object({ name: z.string(), bytes: z.number().int().nonnegative() })),
});

export function drainedLogFile(directories: Pick<NodeDirectories, 'aside'>): string {
  return `${directories.aside}/drained.json`;
}

/** Where the segments of an extension are written, which is cut when the database has stopped. */
export function logExtensionFolder(directories: Pick<NodeDirectories, 'aside'>): string {
  return `${directories.aside}/log-extension`;
}

/** Where segments are written before they are placed. */
export function logStagingFolder(directories: Pick<NodeDirectories, 'aside'>): string {
  return `${directories.aside}/log-staging`;
}

/** Markers say what the live directories hold, so they are removed together with them. */
export function markerFiles(directories: Pick<NodeDirectories, 'aside'>): readonly string[] {
  return [placementFile(directories), logPlacementFile(directories), drainedLogFile(directories)];
}

/** Where the files of roles and passwords that were set aside are copied before they are placed. */
export function rolesStagingFolder(directories: Pick<NodeDirectories, 'aside'>): string {
  return `${directories.aside}/roles-staging`;
}

/** Where files are brought to before they are placed: on the same file system, so that placing is a rename. */
export function stagingFolder(directories: Pick<NodeDirectories, 'aside'>): string {
  return `${directories.aside}/staging`;
}
