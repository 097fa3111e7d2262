import { expect, test } from 'vitest';
import { timelineId } from '../../../model/identifiers.ts';
import { instantOf } from '../../../model/instant.ts';
import type { WindowReport } from '../../../model/window.ts';
import { windowText } from './text.ts';

const now = instantOf('2026-02-19T03:00:00.000000Z');
const look = { environment: 'prod', now, objective: '5m' };
const first = timelineId.parse('t0001');
const second = timelineId.parse('t0002');

const report: WindowReport = {
  timeline: first,
  oldest: '2026-02-18T02:03:11.000000Z',
  settled: '2026-02-19T02:59:49.400000Z',
  newest: '2026-02-19T02:59:59.400000Z',
  rpoSeconds: 0.6,
  gaps: [],
  stretches: [
    {
      from: '2026-02-18T02:03:11.000000Z',
      to: '2026-02-19T02:59:59.400000Z',
      base: 'backup-20260218-020000',
      timeline: first,
    },
  ],
  streams: [
    { node: 'node-1', hostId: 'a', newest: '2026-02-19T02:59:59.400000Z', lagSeconds: 0.6, clockLead: 0, problems: [] },
  ],
  warnings: [],
  baseWanted: null,
  bases: [{ point: 'backup-20260218-020000', timeline: first, proof: 'proven', from: null, to: null, why: null }].map(
    (base) => ({ ...base, from: '2026-02-18T02:03:11.000000Z', to: '2026-02-19T02:59:59.400000Z' }),
  ),
  timelines: [
    {
      id: first,
      parent: null,
      forkedAt: null,
      exclusions: [],
      openedAt: '2026-02-01T00:00:00.000000Z',
      current: true,
      why: 'shipped',
    },
  ],
};

test('G1, H: the answer stands first: from when to when, and what a disaster now would lose', () => {
  expect(windowText(report, look)).toBe(
    [
      'prod can be restored to any instant of t0001',
      '  from     2026-02-18T02:03:11.000000Z  24 h 56 min ago',
      '  to       2026-02-19T02:59:59.400000Z  0.6 s ago',
      '  settled  2026-02-19T02:59:49.400000Z  complete transactions up to here',
      '',
      'A disaster now would lose the last 0.6 s.',
      '',
      'No gaps.',
      '',
      'Bases that a restore would use',
      '  from 2026-02-18T02:03:11.000000Z  backup-20260218-020000 (proven, t0001)',
      '',
      'Nodes',
      '  node-1  0.6 s behind',
    ].join('\n'),
  );
});

test('gaps, warnings and troubled nodes are told with their reasons', () => {
  const text = windowText(
    {
      ...report,
      rpoSeconds: 400,
      gaps: [{ from: '2026-02-18T05:00:00.000000Z', to: '2026-02-18T05:03:20.000000Z', reason: 'its disk was full' }],
      warnings: ['take a backup'],
      streams: report.streams.map((stream) => ({
        ...stream,
        newest: null,
        lagSeconds: null,
        problems: ['piece 7 is missing'],
      })),
    },
    look,
  );
  expect(text).toContain('would lose the last 6 min 40 s: over the objective of 5m.');
  expect(text).toContain('  ! take a backup');
  expect(text).toContain(
    '  after 2026-02-18T05:00:00.000000Z\n  up to 2026-02-18T05:03:20.000000Z  (3 min 20 s)\n    its disk was full',
  );
  expect(text).toContain('  node-1  ships no log\n    ! piece 7 is missing');
});

test('without a window it says so, and why each point serves nothing', () => {
  const text = windowText(
    {
      ...report,
      oldest: null,
      newest: null,
      settled: null,
      rpoSeconds: null,
      stretches: [],
      bases: report.bases.map((base) => ({ ...base, from: null, to: null, why: 'its log begins later' })),
    },
    look,
  );
  expect(text).toContain('prod cannot be restored to an instant (timeline t0001).');
  expect(text).toContain('backup-20260218-020000: its log begins later');
});

test('timelines are a tree: what came out of what, where, and without which transactions', () => {
  const child: WindowReport['timelines'][number] = {
    id: second,
    parent: first,
    forkedAt: '2026-02-18T12:00:00.000000Z',
    exclusions: ['2026-02-18T11:00:00.000001Z'],
    openedAt: '2026-02-18T13:00:00.000000Z',
    current: true,
    why: 'restored',
  };
  const text = windowText(
    {
      ...report,
      rpoSeconds: null,
      timelines: [...report.timelines.map((each) => ({ ...each, current: false })), child],
    },
    look,
  );
  expect(text).toContain('t0001 is closed; nothing is written to it any more.');
  expect(text).toContain(
    [
      'Timelines',
      '  t0001  closed  shipped ←',
      '    t0002  open  restored',
      '        from t0001 at 2026-02-18T12:00:00.000000Z',
      '        without the transaction of 2026-02-18T11:00:00.000001Z',
    ].join('\n'),
  );
});
