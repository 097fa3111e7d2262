import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncPath } from '../../host/write-whole.ts';
import { errorCode } from '../../model/error-code.ts';

/** Makes a folder and its missing parents. The entry of each is synced in its parent, else a power cut could take it with everything in it. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let at = folder; at.length >= first.length; at = dirname(at)) await syncPath(dirname(at));
}

/** The same, but its parent must exist. */
export async function makeOneFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
    await syncPath(dirname(folder));
  } catch (thrown) {
    if (errorCode(thrown) !== 'EEXIST') throw thrown;
  }
}
