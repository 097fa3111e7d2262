import { formatBytes } from './bytes.ts';

export interface DiskDemand {
  readonly node: string;
  readonly total: number;
  readonly free: number;
  /** Bytes the operation will write to this disk. */
  readonly writes: number;
}

/**
 * Whether every disk keeps `minimumFreeShare` of itself free after the operation has written what it will. Returns one line per
 * disk that does not; empty means there is room. Bytes in, bytes compared; pure.
 */
export function disksWithoutRoom(demands: readonly DiskDemand[], minimumFreeShare: number): readonly string[] {
  return demands.flatMap(({ node, total, free, writes }) => {
    const mustStay = Math.ceil(total * minimumFreeShare);
    const missing = mustStay + writes - free;
    if (missing <= 0) return [];
    return [
      `${node}: ${formatBytes(free)} of ${formatBytes(total)} are free; ${formatBytes(writes)} will be written and ` +
        `${formatBytes(mustStay)} must stay free, so ${formatBytes(missing)} are missing`,
    ];
  });
}
