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
