import { expect, test } from 'vitest';
import type { RunEvent, RunEventBody } from '../../journal/event.ts';
import type { ProblemDocument } from '../../model/problem.ts';
import { runText } from './run-text.ts';
import { runReplay } from './run-model.ts';
import { runLog } from './live-run-view.ts';

const began = Date.parse('2026-02-19T02:00:00.000Z');
const actor = { name: 'ana', via: 'cli', host: 'ops1' } as const;
const holder = { host: 'ops1', machine: 'm', pid: 4711, started: '99' };
const steps = [
  { id: 'check-nodes', title: 'Every node is up, seen by all, on one schema' },
  { id: 'fingerprint', title: 'Fingerprint of the quiet graph' },
  { id: 'upload', title: 'Medusa uploads every snapshot' },
  { id: 'verify', title: 'What the snapshots held is in the store; new bytes read back and equal' },
];
const problem: ProblemDocument = {
  problem: 'failed',
  code: 'file-truncated',
  happened: 'A file in the store is shorter than the snapshot held.',
  state: 'The point is failed.',
  next: 'Look at the store.',
  details: ['local-rack1-sts-0: janusgraph/edgestore/nb-1-big-Data.db: 10 of 4,096 bytes'],
};

/** A journal from pairs of seconds after the start and what happened. */
function journal(entries: ReadonlyArray<readonly [number, RunEventBody]>): readonly RunEvent[] {
  return entries.map(([seconds, event], index) => ({
    kind: 'run-event',
    version: 1,
    run: 'backup-20260219-020000-k3f9',
    sequence: index + 1,
    previous: '0'.repeat(64),
    at: new Date(began + seconds * 1000).toISOString(),
    epoch: 1,
    event,
  }));
}

const MiB = 1024 * 1024;
const untilUpload = journal([
  [
    0,
    {
      type: 'run-started',
      runbook: 'backup',
      runbookVersion: 1,
      environment: 'local',
      params: {},
      planHash: 'h',
      actor,
      holder,
      leased: true,
    },
  ],
  [0.1, { type: 'step-started', step: 'check-nodes', attempt: 1 }],
  [0.5, { type: 'step-succeeded', step: 'check-nodes', result: {}, seconds: 0.4 }],
  [0.5, { type: 'step-skipped', step: 'fingerprint', reason: 'cut is fuzzy' }],
  [1, { type: 'step-started', step: 'upload', attempt: 1 }],
  [11, { type: 'step-progress', step: 'upload', progress: { done: 100 * MiB, total: 1200 * MiB, unit: 'bytes' } }],
  [21, { type: 'step-progress', step: 'upload', progress: { done: 450 * MiB, total: 1200 * MiB, unit: 'bytes' } }],
]);
const toTheEnd = journal([
  ...untilUpload.map((event) => [(Date.parse(event.at) - began) / 1000, event.event] as const),
  [42, { type: 'step-succeeded', step: 'upload', result: {}, seconds: 41 }],
  [42, { type: 'step-started', step: 'verify', attempt: 1 }],
  [43, { type: 'step-failed', step: 'verify', attempt: 1, problem, seconds: 1, retryAt: '2026-02-19T02:00:45.000Z' }],
  [45, { type: 'step-started', step: 'verify', attempt: 2 }],
  [47, { type: 'step-failed', step: 'verify', attempt: 2, problem, seconds: 2 }],
  [48, { type: 'run-failed', problem, seconds: 48 }],
]);

function drawn(events: readonly RunEvent[], seconds: number, columns = 110): string {
  const replay = runReplay(steps);
  for (const event of events) replay.event(event);
  if (replay.model === undefined) throw new TypeError('no run in the journal');
  return runText(replay.model, { now: began + seconds * 1000, columns }).join('\n');
}

test('a run under way shows each step with its state, bytes, rate and time left', () => {
  expect(drawn(untilUpload, 22)).toBe(
    [
      'backup local  backup-20260219-020000-k3f9  running  22 s',
      '  ✔ check-nodes  Every node is up, seen by all, on one schema                                           0.4 s',
      '  – fingerprint  Fingerprint of the quiet graph · skipped: cut is fuzzy',
      '  ▸ upload       Medusa uploads every snapshot · 450 MiB of 1.2 GiB · 35.0 MiB/s · 21 s left             21 s',
      '  ○ verify       What the snapshots held is in the store; new bytes read back and equal',
    ].join('\n'),
  );
});

test('a failed run shows where and why', () => {
  expect(drawn(toTheEnd, 500)).toBe(
    [
      'backup local  backup-20260219-020000-k3f9  FAILED  48 s',
      '  ✔ check-nodes  Every node is up, seen by all, on one schema                                           0.4 s',
      '  – fingerprint  Fingerprint of the quiet graph · skipped: cut is fuzzy',
      '  ✔ upload       Medusa uploads every snapshot                                                           41 s',
      '  ✖ verify       What the snapshots held is in the store; new bytes read back a… · failed 2 times       2.0 s',
      '                 A file in the store is shorter than the snapshot held.',
      '                 - local-rack1-sts-0: janusgraph/edgestore/nb-1-big-Data.db: 10 of 4,096 bytes',
    ].join('\n'),
  );
});

test('a run that nobody carries out any more stands still', () => {
  const replay = runReplay(steps);
  for (const event of untilUpload) replay.event(event);
  const { model } = replay;
  if (model === undefined) throw new TypeError('no run in the journal');
  const left = { ...model, state: { ...model.state, status: 'interrupted' as const } };
  const lines = runText(left, { now: began + 3_600_000, columns: 110 });
  expect(lines[0]).toBe('backup local  backup-20260219-020000-k3f9  INTERRUPTED  21 s');
  expect(lines[3]).toBe('  ■ upload       Medusa uploads every snapshot · stopped');
});

test('on a narrow terminal titles give way, numbers stay, and no line is wider', () => {
  const lines = drawn(untilUpload, 22, 80).split('\n');
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(lines.find((line) => line.includes('upload'))).toContain('450 MiB of 1.2 GiB · 35.0 MiB/s · 21 s left');
});

test('where there is no terminal each change of state is one line, and progress one in ten seconds', () => {
  const log = runLog(steps);
  const lines: Array<string | undefined> = [];
  for (const event of toTheEnd) {
    lines.push(log.event(event));
    if (event.event.type === 'step-progress') {
      const soon = new Date(Date.parse(event.at) + 500);
      lines.push(log.progress(event.event.step, event.event.progress, soon));
    }
  }
  expect(lines.filter((line) => line !== undefined)).toEqual([
    '02:00:00 backup local: run backup-20260219-020000-k3f9 started',
    '02:00:00 check-nodes: started',
    '02:00:00 check-nodes: done in 0.4 s',
    '02:00:00 fingerprint: skipped: cut is fuzzy',
    '02:00:01 upload: started',
    '02:00:11 upload: 100 MiB of 1.2 GiB',
    '02:00:21 upload: 450 MiB of 1.2 GiB · 35.0 MiB/s · 21 s left',
    '02:00:42 upload: done in 41 s',
    '02:00:42 verify: started',
    '02:00:43 verify: attempt 1 failed: A file in the store is shorter than the snapshot held; again at 02:00:45',
    '02:00:45 verify: started, attempt 2',
    '02:00:47 verify: attempt 2 failed: A file in the store is shorter than the snapshot held',
    '02:00:48 run backup-20260219-020000-k3f9 FAILED after 48 s: A file in the store is shorter than the snapshot held',
  ]);
});

test('what is reported live is shown at once, also before the journal has it', () => {
  const replay = runReplay(steps);
  for (const event of untilUpload) replay.event(event);
  replay.progress('upload', { done: 800 * MiB, total: 1200 * MiB, unit: 'bytes' }, began + 31_000);
  const upload = replay.model?.steps.find((step) => step.id === 'upload');
  expect(upload?.progress?.done).toBe(800 * MiB);
  expect(upload?.rate).toBe(35 * MiB);
});
