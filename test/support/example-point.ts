import { pointId, runId, timelineId } from '../../src/model/identifiers.ts';
import type { RestorePoint } from '../../src/model/restore-point.ts';

/** A restore point of no nodes, checked, taken at that second (UTC). */
export function pointTakenAt(at: Date, changes: Partial<RestorePoint> = {}): RestorePoint {
  const stamp = at.toISOString().replaceAll(/[-:]/g, '').replace('T', '-').slice(0, 15);
  return {
    id: pointId.parse(`backup-${stamp}`),
    environment: 'prod',
    timeline: timelineId.parse('t0001'),
    run: runId.parse(`backup-${stamp}-abcd`),
    takenAt: at.toISOString(),
    mode: 'differential',
    cut: 'quiesced',
    proof: 'checked',
    nodes: [],
    bytes: 0,
    newBytes: 0,
    cassandraVersion: '5.0.6',
    schemaVersion: 'v',
    keyspace: 'janusgraph',
    replicationFactor: 3,
    seconds: { taken: 1 },
    ...changes,
  };
}
