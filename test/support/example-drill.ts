import { pointId, runId, timelineId } from '../../src/model/identifiers.ts';
import type { Drill, DrillRun, Recovery } from '../../src/demo/drill-document.ts';

const t0001 = timelineId.parse('t0001');

const atInstant = {
  vertices: 12_012,
  edges: 37_218,
  vertexLabels: { account: 4801, address: 2400, customer: 2400, device: 2399, writer: 12 },
  edgeLabels: { holds: 4800, livesAt: 2400, transfer: 26_418, uses: 3600 },
  sha256: '5f3c8a0b9d1e47720f66c2b1a8e4d3907c15be2fa94d80631e7b2c5d9f08a641',
};

const withoutJob = {
  ...atInstant,
  vertices: 12_015,
  edges: 37_260,
  vertexLabels: { ...atInstant.vertexLabels, account: 4804 },
  edgeLabels: { ...atInstant.edgeLabels, holds: 4803, transfer: 26_457 },
  sha256: '0a7b90e2f2c5d9f08a6415f3c8a0b9d1e4772c15be2fa94d80631e7b66c2b1a8',
};

const whole = { missing: 0, unexpected: 0, changed: 0, examples: [], split: 0 };

/** A drill as one was measured, for tests and for looking at the page. */
export function exampleDrill(change: Partial<Drill> = {}): Drill {
  const instant: Recovery = {
    ...whole,
    id: 'instant',
    timeline: timelineId.parse('t0002'),
    to: '2026-02-19T03:15:58.123457Z',
    excluded: 0,
    incomplete: 0,
    run: runId.parse('restore-20260219-031612-b81c'),
    secondsFromKill: 52.3,
    expected: atInstant,
    restored: atInstant,
    transactions: 1420,
  };
  return {
    id: runId.parse('drill-20260219-031420-q7m2'),
    environment: 'demo',
    startedAt: '2026-02-19T03:14:20.000Z',
    seconds: 254.2,
    actor: { name: 'ada', via: 'cli', host: 'night-desk' },
    cardea: '0.2.0',
    cassandra: '5.0.6',
    nodes: 3,
    store: 'directory',
    point: {
      id: pointId.parse('backup-20260219-031510'),
      takenAt: '2026-02-19T03:15:17.000Z',
      cut: 'instant',
      proof: 'proven',
      bytes: 48_234_496,
      run: runId.parse('backup-20260219-031510-k3f9'),
    },
    application: { acknowledged: 1612, seconds: 81.4, longestSilence: 0.41 },
    shipping: { transactions: 1507, unshipped: 4, p50: 0.31, p99: 0.74, worst: 1.28, looks: 811 },
    badJob: {
      transactions: 20,
      found: 20,
      shown: 143,
      first: '2026-02-19T03:15:58.123459Z',
      last: '2026-02-19T03:16:02.402113Z',
      dropped: { label: 'account', vertices: 1000, edges: 11_312 },
      goodAfter: 97,
    },
    disaster: {
      at: '2026-02-19T03:16:08.731Z',
      nodes: ['demo-rack1-sts-0', 'demo-rack1-sts-1', 'demo-rack1-sts-2'],
      processes: 7,
      wipedBytes: 31_457_280,
    },
    window: {
      timeline: t0001,
      oldest: '2026-02-19T03:15:12.004000Z',
      settled: '2026-02-19T03:15:58.302000Z',
      newest: '2026-02-19T03:16:08.302000Z',
      gaps: 0,
    },
    recoveries: [
      instant,
      {
        ...whole,
        id: 'undo',
        timeline: timelineId.parse('t0003'),
        to: '2026-02-19T03:16:08.302000Z',
        excluded: 20,
        incomplete: 1,
        run: runId.parse('undo-20260219-031705-c2pz'),
        secondsFromKill: 118.9,
        expected: withoutJob,
        restored: withoutJob,
        transactions: 1608,
      },
    ],
    lost: { acknowledged: 4, promised: 0, ages: [0.418, 0.301, 0.177, 0.052] },
    timelines: [
      { id: t0001, exclusions: 0, why: 'The first history of this environment' },
      {
        id: timelineId.parse('t0002'),
        parent: t0001,
        forkedAt: '2026-02-19T03:15:58.123457Z',
        exclusions: 0,
        why: 'Restored to an instant',
      },
      {
        id: timelineId.parse('t0003'),
        parent: t0001,
        forkedAt: '2026-02-19T03:16:08.302000Z',
        exclusions: 20,
        why: 'Transactions undone',
      },
    ],
    checks: [
      { id: 'instant', title: 'The whole graph is what the application says.', ok: true, observed: '49,230 elements' },
      { id: 'split', title: 'No transaction is there in part.', ok: true, observed: '0 split' },
      {
        id: 'invariants',
        title: 'Every invariant of the graph holds.',
        ok: true,
        observed: '145,129 read, 0 findings',
      },
      { id: 'accounts', title: 'Every dropped account is found by key.', ok: true, observed: '1,000 of 1,000' },
      { id: 'ring', title: 'Every node is up and of one schema.', ok: true, observed: '3 of 3 nodes' },
    ],
    objectives: [
      { name: 'RPO', target: 300, measured: 1.28, state: 'met', note: 'the worst of 1,507 transactions' },
      {
        name: 'RPO, p99',
        target: 2,
        measured: 0.74,
        state: 'met',
        note: 'our own objective; half of them within 0.31 s',
      },
      { name: 'RTO', target: 14_400, measured: 52.3, state: 'met', note: 'from the kill to the verified graph' },
      { name: 'Restore', target: 14_400, measured: 48.2, state: 'met', note: 'from the first check to the last' },
      { name: 'Backup', target: 7200, measured: 7.4, state: 'met', note: 'under load' },
    ],
    runs: [
      exampleRun('backup-20260219-031510-k3f9', 'Back up every node and check the backup in the store', [
        ['check-nodes', 0, 0.6],
        ['check-store', 0, 0.1],
        ['snapshot', 0.7, 1.4],
        ['upload', 2.1, 3.6],
        ['verify', 5.8, 1.4],
      ]),
      exampleRun('rehearse-20260219-031518-w2xa', 'Rehearse a restore in a copy beside the live environment', [
        ['prepare-copy', 0.3, 2.1],
        ['restore-files', 2.4, 4.4],
        ['place-logs', 6.8, 1.2],
        ['start-database', 8.0, 14.2],
        ['open-graph', 22.2, 10.1],
        ['verify', 32.3, 2.6],
      ]),
      exampleRun('restore-20260219-031612-b81c', 'Restore in place', [
        ['check-files', 0.2, 0.9],
        ['stop-database', 2.4, 2.2],
        ['restore-files', 4.6, 4.1],
        ['place-logs', 8.7, 1.9],
        ['start-database', 10.6, 15.3],
        ['start-graph', 25.9, 8.8],
        ['rebuild-index', 34.7, 2.7],
        ['verify', 37.4, 2.5],
      ]),
      exampleRun('undo-20260219-031705-c2pz', 'Undo transactions', [
        ['restore-files', 4.6, 4.1],
        ['place-logs', 8.7, 1.9],
        ['start-database', 10.6, 15.3],
        ['verify', 37.4, 2.5],
      ]),
    ],
    phases: [
      { name: 'start', seconds: 31.2 },
      { name: 'load', seconds: 12.1 },
      { name: 'restore', seconds: 48.2 },
    ],
    ok: true,
    ...change,
  };
}

function exampleRun(id: string, title: string, steps: ReadonlyArray<readonly [string, number, number]>): DrillRun {
  return {
    id: runId.parse(id),
    title,
    status: 'succeeded',
    startedAt: '2026-02-19T03:15:10.000Z',
    seconds: Math.max(...steps.map(([, offset, seconds]) => offset + seconds)),
    actor: { name: 'ada', via: 'cli', host: 'night-desk' },
    journal: { events: steps.length * 2 + 2, head: 'c1a90f3be2774d58a6103f9e5b20d4c7718e6fa25d3b94c0e8f71a62b5d09e34' },
    steps: steps.map(([step, offset, seconds]) => ({
      id: step,
      title: `The step ${step}`,
      status: 'succeeded',
      offset,
      seconds,
    })),
  };
}
