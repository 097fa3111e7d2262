/**
 * The files of which one lies in each folder of data that was moved aside on a node, by its name how far that has come: see
 * `src/node/jobs/aside-marker.ts`.
 */
export const asideMarkers = [
  'accepting.json',
  'reverting-aside.json',
  'reverting-setting-aside.json',
  'setting-aside.json',
  'aside.json',
  'empty-aside.json',
] as const;
export type AsideMarker = (typeof asideMarkers)[number];

/** The folders in which whole directories lie aside: `<aside>/<run>/<name>`. */
const asideFolders = ['data', 'commitlog', 'hints', 'saved_caches'] as const;

/** Folders of the aside directory in which something is brought before it is placed. Whatever they hold, nothing was moved there. */
const stagingFolders: readonly string[] = ['staging', 'roles-staging', 'log-staging', 'log-extension'];

/** Whether a folder of the aside directory, by the names in it, keeps what was moved, or may: it has a marker or a directory that was moved. */
export function liesAside(folder: string, names: readonly string[]): boolean {
  if (stagingFolders.includes(folder)) return false;
  const known: readonly string[] = [...asideMarkers, ...asideFolders];
  return names.some((name) => known.includes(name));
}
