import type { JobParams, JobResult } from '../../ports/node-agent.ts';
import type { NodeFiles } from '../../ports/node-files.ts';
import type { NodeDirectories, NodeParts } from '../node-parts.ts';

const prefix = 'mark.';

/**
 * `<aside>/mark.<run>`, which a run leaves on every disk before it stops anything: a disk without it is not the one that was there then. Without
 * a byte, because a revert may be what frees a full disk.
 */
function markFile(directories: Pick<NodeDirectories, 'aside'>, run: string): string {
  return `${directories.aside}/${prefix}${run}`;
}

/** Those of runs that nobody needs any more go. */
export async function markDisk(
  { files, directories }: NodeParts,
  { run, keep }: JobParams['mark-disk'],
): Promise<JobResult['mark-disk']> {
  const stay = [run, ...keep].map((each) => `${prefix}${each}`);
  for (const { name } of (await files.entries(directories.aside)) ?? []) {
    if (name.startsWith(prefix) && !stay.includes(name)) await files.remove(`${directories.aside}/${name}`);
  }
  await files.writeWhole(markFile(directories, run), '');
  return {};
}

/** When what a run has moved is accepted, nobody asks for a mark any more. */
export async function removeMarks({ files, directories }: NodeParts): Promise<void> {
  for (const { name } of (await files.entries(directories.aside)) ?? []) {
    if (name.startsWith(prefix)) await files.remove(`${directories.aside}/${name}`);
  }
}

export async function isMarked(
  { files, directories }: Pick<NodeParts, 'files' | 'directories'>,
  run: string,
): Promise<boolean> {
  return (await files.read(markFile(directories, run))) !== undefined;
}

/**
 * Whether a data directory holds what makes a node itself: its host id and tokens, which Cassandra keeps in `system.local` and writes into files
 * at every start. A node that is started without them makes itself anew, with other tokens and no data.
 */
export async function holdsIdentity(files: Pick<NodeFiles, 'entries'>, data: string): Promise<boolean> {
  for (const { name, directory } of (await files.entries(`${data}/system`)) ?? []) {
    if (!directory || !/^local(-|$)/.test(name)) continue;
    const inside = (await files.entries(`${data}/system/${name}`)) ?? [];
    if (inside.some((file) => file.name.endsWith('-Data.db'))) return true;
  }
  return false;
}
