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

/** When what the run has moved aside is accepted. Marks of other runs may be asked for still. */
export async function removeMark({ files, directories }: NodeParts, run: string): Promise<void> {
  await files.remove(markFile(directories, run));
}

/** In the folder of what is moved aside; without a byte, as the marks. */
const unmarked = 'unmarked';

/**
 * Of what is moved aside it is seen now, and kept with it, that the disk is another one than the run had marked: a mark that is gone later says
 * nothing about data that lies there.
 */
export async function noteUnmarked(parts: NodeParts, run: string, folder: string): Promise<void> {
  if (!(await isMarked(parts, run))) await parts.files.writeWhole(`${folder}/${unmarked}`, '');
}

/** Of what lies aside in the folder: whether it was moved there on a disk that the run had marked, as far as is known. */
export async function wasMarked({ files }: Pick<NodeParts, 'files'>, folder: string): Promise<boolean> {
  return (await files.read(`${folder}/${unmarked}`)) === undefined;
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
