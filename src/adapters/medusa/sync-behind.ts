import type { NodeFiles } from '../../ports/node-files.ts';

/**
 * Brings folders onto the disk while Medusa, which syncs nothing and keeps one core busy, writes into the next: what is left for the end is
 * little.
 */
export function syncBehind(sync: NodeFiles['sync']) {
  let current: string | undefined;
  let syncing = Promise.resolve();
  return {
    /** Medusa writes into this folder from now on, and no more into the last one. */
    moveOn(folder: string): void {
      const left = current;
      current = folder;
      if (left === undefined || left === folder) return;
      syncing = syncing.then(async () => sync(left));
      // Reported by `end`; until then it is nobody's unhandled rejection.
      syncing.catch(() => undefined);
    },
    /** Throws what a sync threw: the kernel tells of a failed write once, a later sync of the same file would call it good. */
    end: async (): Promise<void> => syncing,
  };
}
