import { type Dir, type Dirent, opendirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { compareKeys, reservedFolder } from '../../model/object-key.ts';
import { errorCode } from '../../model/error-code.ts';

/**
 * Every key below the prefix and after `after`, in ascending byte order; folders that are completely before `after` are
 * not opened.
 */
export async function* walkKeys(root: string, prefix: string, after: string | undefined): AsyncIterable<string> {
  for (const entry of await entriesOf(root, folderOf(prefix))) {
    if (!entry.startsWith(prefix) && !prefix.startsWith(entry)) continue;
    if (after !== undefined && isPast(entry, after)) continue;
    if (entry.endsWith('/')) yield* walkKeys(root, entry.length > prefix.length ? entry : prefix, after);
    else if (entry.startsWith(prefix)) yield entry;
  }
}

/**
 * Objects and folders (with a final `/`) directly below the prefix and after `after`. A folder without an object in it
 * is not listed.
 */
export async function* walkChildren(root: string, prefix: string, after: string | undefined): AsyncIterable<string> {
  const entries = (await entriesOf(root, folderOf(prefix))).filter(
    (entry) => entry.startsWith(prefix) && (after === undefined || compareKeys(entry, after) > 0),
  );
  for (const [at, entry] of entries.entries()) {
    if (at % 64 === 63) await nextTurn();
    if (!entry.endsWith('/') || holdsObject(root, entry)) yield entry;
  }
}

/** True when no key of this entry comes after `after`. */
function isPast(entry: string, after: string): boolean {
  if (entry.endsWith('/') && after.startsWith(entry)) return false;
  return compareKeys(entry, after) <= 0;
}

function folderOf(prefix: string): string {
  return prefix.slice(0, prefix.lastIndexOf('/') + 1);
}

/** Keys and folders directly in a folder. A folder's name counts with its `/`, so that the order is that of the keys below it. */
async function entriesOf(root: string, folder: string): Promise<string[]> {
  let entries: Dirent[];
  try {
    entries = await readdir(join(root, folder), { withFileTypes: true });
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT' || errorCode(thrown) === 'ENOTDIR') return [];
    throw thrown;
  }
  const keys: string[] = [];
  for (const entry of entries) {
    if (entry.isFile()) keys.push(folder + entry.name);
    else if (entry.isDirectory() && (folder !== '' || entry.name !== reservedFolder))
      keys.push(`${folder}${entry.name}/`);
  }
  return keys.sort(compareKeys);
}

/**
 * Synchronous: going through the thread pool takes three times as long as the reading itself, and there are ten
 * thousand runs.
 */
function holdsObject(root: string, folder: string): boolean {
  const below: string[] = [];
  let opened: Dir | undefined;
  try {
    opened = opendirSync(join(root, folder), { bufferSize: 4 });
    for (let entry = opened.readSync(); entry !== null; entry = opened.readSync()) {
      if (entry.isFile()) return true;
      if (entry.isDirectory()) below.push(`${folder}${entry.name}/`);
    }
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return false;
    throw thrown;
  } finally {
    opened?.closeSync();
  }
  return below.some((inner) => holdsObject(root, inner));
}
