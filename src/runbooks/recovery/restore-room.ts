import { type DiskDemand, disksWithoutRoom } from '../../model/disk-room.ts';
import type { LogPlan } from '../../model/log-plan.ts';
import { RefusedProblem } from '../../model/problem.ts';
import type { RestorePoint } from '../../model/restore-point.ts';
import type { DiskReport } from '../../ports/node-agent.ts';
import type { Platform } from '../../ports/platform.ts';
import { logsOfNodes } from './node-logs.ts';

/** Medusa downloads and then moves on the same file system: it needs the size of the data once, and a margin for the start. */
const filesFactor = 1.1;
/** The segments of a node's part of the log, and the files that the replay makes of them before it removes them. */
const logsFactor = 2;

/** What a restore in place writes to each node's disk beside the present data, less what it has staged there before. */
export async function restoreDemands(
  platform: Platform,
  { point, plan }: { readonly point: RestorePoint; readonly plan: Pick<LogPlan, 'strands' | 'instant'> | undefined },
  disks: ReadonlyArray<{ readonly node: string; readonly value: DiskReport }>,
): Promise<readonly DiskDemand[]> {
  const logsOf = plan === undefined ? () => ({ bytes: 0 }) : await logsOfNodes(platform, point, plan);
  return disks.map(({ node, value: { total, free, staged = 0 } }) => {
    const files = point.nodes.find((each) => each.node === node)?.bytes ?? 0;
    const wanted = Math.ceil(files * filesFactor) + logsFactor * logsOf(node).bytes;
    return { node, total, free, writes: Math.max(0, wanted - staged) };
  });
}

export interface RoomWanted {
  /** Whether files and logs are brought while the database still writes, which needs room of its own. */
  readonly stage: boolean;
  /** Share of each disk that has to stay free then. */
  readonly share: number;
}

export interface RestoreRoom {
  /** A line for each disk that has too little. */
  readonly lacking: readonly string[];
  /** There is room when everything is brought after the database has stopped. */
  readonly withoutStaging: boolean;
}

/** Pure. */
export function restoreRoom(demands: readonly DiskDemand[], { stage, share }: RoomWanted): RestoreRoom {
  const bare = disksWithoutRoom(demands, 0);
  return {
    lacking: stage ? disksWithoutRoom(demands, Math.min(share, 0.05)) : bare,
    withoutStaging: bare.length === 0,
  };
}

/** Throws RefusedProblem `disk-too-small`, which offers the slower order where that has room. */
export function requireRestoreRoom(demands: readonly DiskDemand[], wanted: RoomWanted): void {
  const { lacking, withoutStaging } = restoreRoom(demands, wanted);
  if (lacking.length === 0) return;
  const slower = withoutStaging ? ` ${slowerOrder}` : '';
  throw new RefusedProblem({
    code: 'disk-too-small',
    happened: 'There is not enough disk space for the restored data, because the present data is kept.',
    state: 'Nothing was changed.',
    next: `Free space or enlarge the disk, then start the restore again. \`nodetool clearsnapshot --all\` removes old snapshots; \`cardea restore accept RUN\` deletes the old data of an earlier restore.${slower}`,
    details: lacking,
  });
}

export const slowerOrder =
  'Or add --without-staging: then files and log are brought after the servers have stopped. That fits, and the graph is away for longer.';
