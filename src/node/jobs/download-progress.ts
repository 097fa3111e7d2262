import type { NodeFiles } from '../../ports/node-files.ts';
import { type InventoryBody, filesOf, nameOf } from './inventory-store.ts';

const lookEveryMs = 500;

/**
 * Reports now and then the bytes below the folder of a download, and syncs complete files to the disk meanwhile: Medusa
 * syncs nothing and is limited by one core, so little is left for the sync at the end.
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
    // `stop` reports it; until then it must not be an unhandled rejection.
    looking.catch(() => undefined);
  }, lookEveryMs);
  return {
    /**
     * Throws what a sync threw: the kernel reports a failed write only once, and a later sync of the file would
     * succeed.
     */
    stop: async (): Promise<void> => {
      stopped = true;
      clearInterval(timer);
      await looking;
    },
  };
}
