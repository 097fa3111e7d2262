import type { NodeFiles } from '../ports/node-files.ts';

const segmentFile = /^CommitLog-\d+-(\d{1,18})\.log$/;

/** The highest id of the commit log segments in a directory; null when it holds none. */
export async function newestSegment(files: NodeFiles, directory: string): Promise<string | null> {
  const ids = ((await files.entries(directory)) ?? []).flatMap(({ name }) => {
    const id = segmentFile.exec(name)?.[1];
    return id === undefined ? [] : [BigInt(id)];
  });
  return ids.length === 0 ? null : String(ids.reduce((most, id) => (id > most ? id : most)));
}
