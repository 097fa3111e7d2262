import { mkdir } from 'node:fs/promises';
import { execa } from 'execa';

/** Copies folders, named relative to `from`, with all they hold: what the machine can do at best, together with `syncDisk`. */
export async function copyFolders(from: string, folders: readonly string[], to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  await execa('cp', ['--recursive', '--reflink=never', '--parents', '--', ...folders, to], { cwd: from });
}

/** Everything that was written to the file system of the path is on its disk. */
export async function syncDisk(path: string): Promise<void> {
  await execa('sync', ['--file-system', path]);
}
