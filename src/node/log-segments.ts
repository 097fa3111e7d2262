import { segmentOfFileName } from '../model/log-segment.ts';
import type { NodeFiles } from '../ports/node-files.ts';

/** The highest id of the commit log segments in a directory; null when it holds none. */
export async function newestSegment(files: NodeFiles, directory: string): Promise<string | null> {
  const ids = ((await files.entries(directory)) ?? []).flatMap(({ name }) => {
    const segment = segmentOfFileName(name);
    return segment === undefined ? [] : [segment.id];
  });
  return ids.length === 0 ? null : String(ids.reduce((most, id) => (id > most ? id : most)));
}
