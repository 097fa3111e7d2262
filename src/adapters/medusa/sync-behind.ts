import type { NodeFiles } from '../../ports/node-files.ts';

/**
 * Syncs a finished folder to the disk while Medusa, which syncs nothing and is limited by one core, writes into the
 * next one. So little is left for the end.
 */
export function syncBehind(sync: NodeFiles['sync']) {
  let current: string | undefined;
  let syncing = Promise.resolve();
  return {
    /** Medusa writes into this folder from now on, and no longer into the previous one. */
    moveOn(folder: string): void {
      const left = current;
      current = folder;
      if (left === undefined || left === folder) return;
      syncing = syncing.then(async () => sync(left));
      // `end` reports it; until then it must not be an unhandled rejection.
      syncing.catch(() => undefined);
    },
    /**
     * Throws what a sync threw: the kernel reports a failed write only once, and a later sync of the file would
     * succeed.
     */
    end: async (): Promise<void> => syncing,
  };
}
