import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Superuser's programs are not on everybody's path. */
const moreFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/**
 * Every program of that name that this machine has, those on the path first: the first may be a version manager's shim,
 * which says nothing of what it starts. An absolute path names itself. Starts no process.
 */
export function programsNamed(name: string): readonly string[] {
  if (name.startsWith('/')) return [name].filter(isExecutable);
  const onPath = (process.env['PATH'] ?? '').split(delimiter);
  return [...onPath, ...moreFolders].map((folder) => join(folder, name)).filter(isExecutable);
}

/** The first of them; undefined when there is none. */
export function findProgram(name: string): string | undefined {
  return programsNamed(name)[0];
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
