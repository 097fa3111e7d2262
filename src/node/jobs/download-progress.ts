import type { NodeFiles } from '../../ports/node-files.ts';
import { type InventoryBody, filesOf, nameOf } from './inventory-store.ts';

const lookEveryMs = 500;

/**
 * Tells, now and then, the bytes below a folder that an inventory is downloaded into, and brings files that are whole onto the disk: Medusa
 * syncs nothing and keeps one core busy, so little is left for the sync of all in the end.
 */
export function watchDownload(
  files: Pick<NodeFiles, 'walk' | 'sync'>,
  folder: string,
  inventory: InventoryBody,
  report: (bytes: number) => void,
) {
  const open = new Map<string, number>();
  for (const { keyspace, table, file } of filesOf(inventory)) open.set(nameOf(keyspace, table, file.path), file.bytes);
  let stopped = false;
  let looking = Promise.resolve();
  let busy = false;
  const look = async () => {
    let bytes = 0;
    const whole: string[] = [];
    for await (const file of files.walk(folder)) {
      bytes += file.bytes;
      if (open.get(file.path) === file.bytes) whole.push(file.path);
    }
    if (!stopped) report(bytes);
    for (const path of whole) {
      if (stopped) return;
      await files.sync(`${folder}/${path}`);
      open.delete(path);
    }
  };
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    looking = looking.then(look).finally(() => {
      busy = false;
    });
    // Reported by `stop`; until then it is nobody's unhandled rejection.
    looking.catch(() => undefined);
  }, lookEveryMs);
  return {
    /** Throws what a sync threw: the kernel tells of a failed write once, and a later sync of the file would call it good. */
    stop: async (): Promise<void> => {
      stopped = true;
      clearInterval(timer);
      await looking;
    },
  };
}
