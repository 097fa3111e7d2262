import { pointId, runId } from '../../src/model/identifiers.ts';
import type { Fingerprint } from '../../src/model/restore-point.ts';
import type { Drill, DrillRun } from '../../src/demo/drill-document.ts';

/** A drill as one was measured, for tests and for looking at the page. */
export function exampleDrill(change: Partial<Drill> = {}): Drill {
  const fingerprint: Fingerprint = {
    vertices: 11_022,
    edges: 34_107,
    properties: 96_418,
    vertexLabels: { account: 4401, address: 2200, customer: 2200, device: 2199, writer: 22 },
    edgeLabels: { holds: 4400, livesAt: 2200, transfer: 24_207, uses: 3300 },
    propertyKeys: { name: 2200 },
    hash: '5f3c8a0b9d1e47720f66c2b1a8e4d3907c15be2fa94d80631e7b2c5d9f08a641',
  };
  const labels = [
    ...Object.entries(fingerprint.vertexLabels).map(([label, before]) => ({ of: 'vertices' as const, label, before })),
    ...Object.entries(fingerprint.edgeLabels).map(([label, before]) => ({ of: 'edges' as const, label, before })),
  ];
  const less: Readonly<Record<string, number>> = { account: 1000, holds: 1000, transfer: 10_312 };
  return {
    id: runId.parse('drill-20260219-031420-q7m2'),
    environment: 'demo',
    startedAt: '2026-02-19T03:14:20.000Z',
    seconds: 154.2,
    actor: { name: 'ada', via: 'cli', host: 'night-desk' },
    cardea: '0.1.0',
    cassandra: '5.0.6',
    nodes: 3,
    store: 'directory',
    point: {
      id: pointId.parse('backup-20260219-031510'),
      takenAt: '2026-02-19T03:15:17.000Z',
      cut: 'quiesced',
      proof: 'proven',
      bytes: 48_234_496,
      run: runId.parse('backup-20260219-031510-k3f9'),
    },
    disaster: {
      at: '2026-02-19T03:15:58.000Z',
      node: 'demo-rack1-sts-1',
      wipedBytes: 31_457_280,
      dropped: { label: 'account', vertices: 1000, edges: 11_312 },
    },
    lost: {
      transactions: 843,
      first: '2026-02-19T03:15:18.120Z',
      last: '2026-02-19T03:15:57.880Z',
      seconds: 40.9,
    },
    counts: labels.map((row) => ({ ...row, disaster: row.before - (less[row.label] ?? 0) + 13, after: row.before })),
    fingerprint: { before: fingerprint, after: fingerprint },
    checks: [
      { id: 'fingerprint', title: 'The fingerprint is the recorded one.', ok: true, observed: 'hash and every count' },
      {
        id: 'invariants',
        title: 'Every invariant of the graph holds.',
        ok: true,
        observed: '45,129 elements, 0 findings',
      },
      {
        id: 'dropped',
        title: 'Every dropped account is there again.',
        ok: true,
        observed: '1,000 of 1,000 found by number',
      },
      {
        id: 'isolation',
        title: 'The rehearsal never touched the live ring.',
        ok: true,
        observed: 'looked at twice, 0 connections',
      },
      { id: 'ring', title: 'Every node is up and of one schema.', ok: true, observed: '3 of 3 nodes' },
    ],
    objectives: [
      { name: 'RTO', target: 14_400, measured: 41.3, state: 'met', note: 'from the disaster to the verified graph' },
      {
        name: 'Restore',
        target: 14_400,
        measured: 38.2,
        state: 'met',
        note: 'checks, files, start, index, verification',
      },
      { name: 'Backup', target: 7200, measured: 7.4, state: 'met', note: 'to checked' },
      {
        name: 'RPO',
        target: 300,
        measured: 40.9,
        state: 'not-guaranteed',
        note: 'a backup once a day alone loses up to 24 hours',
      },
    ],
    runs: [
      exampleRun('backup-20260219-031510-k3f9', 'Back up every node and check what arrived', [
        ['check-nodes', 0, 0.6],
        ['check-store', 0, 0.1],
        ['snapshot', 0.7, 1.4],
        ['fingerprint', 0.6, 2.2],
        ['upload', 2.1, 3.6],
        ['verify', 5.8, 1.4],
      ]),
      exampleRun('rehearse-20260219-031518-w2xa', 'Rehearse a restore beside the live environment', [
        ['prepare-copy', 0.3, 2.1],
        ['restore-files', 2.4, 4.4],
        ['start-database', 6.8, 14.2],
        ['open-graph', 21.0, 10.1],
        ['verify', 31.1, 2.6],
      ]),
      exampleRun('restore-20260219-031559-b81c', 'Restore in place', [
        ['check-files', 0.2, 0.9],
        ['stop-database', 2.4, 2.2],
        ['restore-files', 4.6, 4.1],
        ['start-database', 8.7, 15.3],
        ['start-graph', 24.0, 8.8],
        ['rebuild-index', 32.8, 2.7],
        ['verify', 35.5, 2.5],
      ]),
    ],
    phases: [
      { name: 'start', seconds: 31.2 },
      { name: 'load', seconds: 12.1 },
      { name: 'restore', seconds: 38.2 },
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
    steps: steps.map(([id, offset, seconds]) => ({
      id,
      title: `The step ${id}`,
      status: 'succeeded',
      offset,
      seconds,
    })),
  };
}
