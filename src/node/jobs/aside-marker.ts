import { z } from 'zod';
import { documentType } from '../../model/document.ts';
import type { NodeFiles } from '../../ports/node-files.ts';
import type { NodeDirectories } from '../node-parts.ts';

const moves = z.array(
  z.object({
    /** Folder's name in the aside directory. */
    name: z.string(),
    live: z.string(),
    /** False if the live directory did not exist when it was set aside (a wiped disk). */
    existed: z.boolean(),
  }),
);
export type AsideMoves = z.infer<typeof moves>;

/**
 * `<aside>/<run>/aside.json`, written before anything is moved. `setting-aside`: some directories may still be live. `kept`: all moved.
 * `accepting`: being deleted; then the file is called `accepting.json`. `reverting`: some are live again.
 */
export const asideDocument = documentType('aside', 1, {
  run: z.string(),
  phase: z.enum(['setting-aside', 'kept', 'accepting', 'reverting']),
  moves,
  bytes: z.number().int().nonnegative(),
});
export type Aside = Omit<z.infer<typeof asideDocument.schema>, 'kind' | 'version'>;

export function asideFolder(directories: Pick<NodeDirectories, 'aside'>, run: string): string {
  return `${directories.aside}/${run}`;
}

export function revertName(run: string): string {
  return `revert-${run}`;
}

export async function findAside(files: NodeFiles, folder: string): Promise<Aside | undefined> {
  const accepting = await files.read(acceptingFile(folder));
  if (accepting !== undefined) {
    return { ...asideDocument.read(accepting, acceptingFile(folder)), phase: 'accepting' };
  }
  const text = await files.read(`${folder}/aside.json`);
  return text === undefined ? undefined : asideDocument.read(text, `${folder}/aside.json`);
}

/** From here on it is `accepting`. By the file's name alone, because a full disk, which an accept is to free, has no room for another text. */
export async function markAccepting(files: NodeFiles, folder: string): Promise<void> {
  await files.rename(`${folder}/aside.json`, acceptingFile(folder));
}

function acceptingFile(folder: string): string {
  return `${folder}/accepting.json`;
}

export async function saveAside(files: NodeFiles, folder: string, aside: Aside): Promise<void> {
  await files.writeWhole(`${folder}/aside.json`, asideDocument.write(aside));
}

/** The directories that go aside together, and whether each is there. */
export async function movesOf(files: NodeFiles, directories: NodeDirectories): Promise<AsideMoves> {
  const live = [
    { name: 'data', live: directories.data },
    { name: 'commitlog', live: directories.commitlog },
    { name: 'hints', live: directories.hints },
    { name: 'saved_caches', live: directories.savedCaches },
  ];
  return Promise.all(live.map(async (each) => ({ ...each, existed: (await files.entries(each.live)) !== undefined })));
}
