import { formatBytes } from '../../../model/bytes.ts';
import type { DiskDemand } from '../../../model/disk-room.ts';
import { asProblem } from '../../../model/problem.ts';
import { getPoint } from '../../../runbooks/catalog/point-catalog.ts';
import { planLogs } from '../../../runbooks/recovery/plan-logs.ts';
import { restoreDemands, restoreRoom, slowerOrder } from '../../../runbooks/recovery/restore-room.ts';
import { askEachNode } from '../../../runbooks/steps/each-node.ts';
import type { CliContext } from '../../context.ts';
import type { Decided } from './target.ts';

export interface PlannedRoom {
  readonly demands: readonly DiskDemand[];
  /** A line for each disk that has too little. */
  readonly lacking: readonly string[];
  /** Without staging there is room. */
  readonly withoutStaging: boolean;
  /** Why nothing is known. */
  readonly unknown?: string;
}

/** Whether every node has room for a restore in place, as it is now. Never throws because an agent does not answer. */
export async function plannedRoom(
  context: CliContext,
  name: string,
  { point, instant }: Decided,
  { stage }: { readonly stage: boolean },
): Promise<PlannedRoom> {
  const [platform, { config }] = await Promise.all([context.platform(name), context.environment(name)]);
  const logs = instant === undefined ? undefined : planLogs(instant.facts, instant.choice, { idsKnown: true });
  try {
    const disks = await askEachNode(platform, context, 'Asking for the disk', async (node) =>
      platform.agent(node).disk(),
    );
    const demands = await restoreDemands(
      platform,
      { point: await getPoint(platform.bucket, point.id), plan: logs },
      disks,
    );
    return { demands, ...restoreRoom(demands, { stage, share: config.backup.minimumFreeShare }) };
  } catch (error) {
    context.signal.throwIfAborted();
    const { happened } = asProblem(error, 'Asking for the disks');
    return { demands: [], lacking: [], withoutStaging: false, unknown: happened };
  }
}

/** As part of a plan. */
export function roomText({ demands, lacking, withoutStaging, unknown }: PlannedRoom, stage: boolean): string {
  if (unknown !== undefined) return `  room  unknown: ${unknown}`;
  if (lacking.length > 0) {
    const [first, ...more] = lacking;
    const offer = stage && withoutStaging ? [slowerOrder] : [];
    return [`  room  NOT ENOUGH: ${first ?? ''}`, ...[...more, ...offer].map((line) => `        ${line}`)].join('\n');
  }
  const lines = demands.map(
    ({ node, free, writes }) =>
      `${node}: ${formatBytes(writes)} beside the present data, ${formatBytes(free)} are free`,
  );
  const when = stage
    ? 'brought while the graph serves'
    : 'brought after the servers have stopped, because of --without-staging';
  return [`  room  enough; files and log are ${when}`, ...lines.map((line) => `        ${line}`)].join('\n');
}
