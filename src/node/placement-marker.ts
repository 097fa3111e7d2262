import { z } from 'zod';
import { documentType } from '../model/document.ts';
import type { NodeDirectories } from './node-parts.ts';

/**
 * `<aside>/placement.json`: which backup's files are being put into the data directory (`placing`) or lie there (`placed`). Written before
 * the first file is placed, so that what a killed attempt left is known to be ours and not somebody's data.
 */
export const placementDocument = documentType('placement', 1, {
  point: z.string(),
  source: z.string(),
  inPlace: z.boolean(),
  phase: z.enum(['placing', 'placed']),
});

export function placementFile(directories: Pick<NodeDirectories, 'aside'>): string {
  return `${directories.aside}/placement.json`;
}

/** Where files are brought to before they are placed: on the same file system, so that placing is a rename. */
export function stagingFolder(directories: Pick<NodeDirectories, 'aside'>): string {
  return `${directories.aside}/staging`;
}
