import { type Dir, opendirSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { compareKeys, reservedFolder } from '../../model/object-key.ts';
import { errorCode } from '../../model/error-code.ts';
import { fewNames, type FolderNames, manyNames } from './folder-names.ts';

/**
 * Every key below the prefix and after `after`, in ascending byte order; folders that are completely before `after` are
 * not opened. The folder that is asked for may have many names; most below it hold an object or two.
 */
export function walkKeys(root: string, prefix: string, after: string | undefined): AsyncIterable<string> {
  return walkFrom(root, prefix, after, manyNames);
}

async function* walkFrom(
  root: string,
  prefix: string,
  after: string | undefined,
  read: FolderNames,
): AsyncIterable<string> {
  const folder = folderOf(prefix);
  const names = await namesIn(root, folder, read, (name) => {
    const entry = folder + name;
    return (entry.startsWith(prefix) || prefix.startsWith(entry)) && (after === undefined || !isPast(entry, after));
  });
  for (const name of names) {
    const entry = folder + name;
    if (name.endsWith('/')) yield* walkFrom(root, entry.length > prefix.length ? entry : prefix, after, fewNames);
    else if (entry.startsWith(prefix)) yield entry;
  }
}

/**
 * Objects and folders (with a final `/`) directly below the prefix and after `after`. A folder without an object in it
 * is not listed.
 */
export async function* walkChildren(root: string, prefix: string, after: string | undefined): AsyncIterable<string> {
  const folder = folderOf(prefix);
  // Whoever asks for children keeps them, so here nothing is won by packing.
  const names = await namesIn(root, folder, fewNames, (name) => {
    const entry = folder + name;
    return entry.startsWith(prefix) && (after === undefined || compareKeys(entry, after) > 0);
  });
  let at = 0;
  for (const name of names) {
    at += 1;
    if (at % 64 === 0) await nextTurn();
    const entry = folder + name;
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

/** What is wanted of a folder of the store; nothing when there is no such folder. */
async function namesIn(
  root: string,
  folder: string,
  read: FolderNames,
  isWanted: (name: string) => boolean,
): Promise<Iterable<string>> {
  try {
    const isOurs = (name: string) => folder === '' && name === `${reservedFolder}/`;
    return await read(join(root, folder), (name) => !isOurs(name) && isWanted(name));
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT' || errorCode(thrown) === 'ENOTDIR') return [];
    throw thrown;
  }
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
