import { instantOf } from '../../model/instant.ts';
import type { RestorePoint } from '../../model/restore-point.ts';
import type { WindowReport } from '../../model/window.ts';
import { snapshotOf } from '../catalog/snapshot-span.ts';
import { elementsOf, largestNode, type MeasuredRun, measuredStages } from './measured-stages.ts';
import { largestPart, replicationsIn } from './node-logs.ts';
import type { RecoveryFacts } from './recovery-facts.ts';
import { type RestoreTime, type RestoreWork, restoreTime } from './restore-time.ts';
import { inForce } from './schemas-in-force.ts';
import { pathOf } from './window-path.ts';

/** What a restore of everything that can come back would take at this moment. */
export interface NewestRestore {
  readonly base: string;
  /** Null where no instant can be restored to: then it is the base alone. */
  readonly instant: string | null;
  readonly time: RestoreTime;
}

export interface KnownOfRuns {
  /** Those that measured something, newest first. */
  readonly runs: readonly MeasuredRun[];
  /** How many nodes the environment has. */
  readonly nodes: number;
}

/**
 * From facts that need no pieces of the log: the bytes of the base are in its document, those of the log in what was
 * read to know how far it reaches. `facts`: as `readNewestFacts` gives them. Undefined when there is no good point.
 * Pure.
 */
export function newestRestore(
  facts: RecoveryFacts,
  window: Pick<WindowReport, 'timeline' | 'newest' | 'stretches'>,
  { runs, nodes }: KnownOfRuns,
): NewestRestore | undefined {
  const good = facts.points.filter(({ proof }) => proof === 'checked' || proof === 'proven');
  const serving = window.stretches.at(-1)?.base;
  const point = serving === undefined ? good[0] : good.find(({ id }) => id === serving);
  if (point === undefined) return undefined;
  const work: RestoreWork = {
    files: largestNode(point),
    log: serving === undefined ? undefined : logOf(facts, window, point, good[0] ?? point),
    elements: elementsOf(point, { runs, points: facts.points }),
    createTables: false,
    stage: true,
  };
  const measured = measuredStages(runs, { points: facts.points, nodes });
  return { base: point.id, instant: serving === undefined ? null : window.newest, time: restoreTime(work, measured) };
}

/** `readFrom`: the point whose snapshots the reading of the log began with. */
function logOf(
  facts: RecoveryFacts,
  { timeline, newest }: Pick<WindowReport, 'timeline' | 'newest'>,
  base: RestorePoint,
  readFrom: RestorePoint,
): RestoreWork['log'] {
  const { from } = snapshotOf(base);
  if (from < snapshotOf(readFrom).from) {
    return { unknown: `the log since ${base.id}, an older base, was not read` };
  }
  const end = newest === null ? from : instantOf(newest);
  const path = pathOf(facts, timeline);
  const logs = path
    .slice(path.findIndex((strand) => strand.timeline.id === base.timeline))
    .flatMap(({ timeline: { id }, until = end }) => {
      const log = facts.catalog.logs.get(id);
      return log === undefined ? [] : [{ ...log, schemas: inForce(log.schemas, from, until) }];
    });
  const streams = logs.flatMap((log) => log.streams.map(({ hostId, bytes }) => ({ hostId, bytes })));
  const schemas = logs.flatMap((log) => log.schemas.map(({ schema }) => schema));
  return {
    read: streams.reduce((sum, { bytes }) => sum + bytes, 0),
    placed: largestPart(base, replicationsIn(schemas, base), streams),
  };
}
