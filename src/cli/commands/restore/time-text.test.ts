import { expect, test } from 'vitest';
import { pointTakenAt } from '../../../../test/support/example-point.ts';
import { RetryableProblem } from '../../../model/problem.ts';
import { timeOfPlan, timeText } from './time-text.ts';

const gib = 1024 ** 3;
const point = pointTakenAt(new Date('2026-02-19T02:00:00Z'), { bytes: 100 * gib });
const step = (seconds: number, counts: Record<string, number> = {}) => ({ attempts: 1, seconds, counts });
const rehearsal = {
  run: 'rehearse-20260219-030000-k3f9',
  runbook: 'rehearse',
  params: { point: point.id },
  measured: {
    'check-point': step(1, { bytes: 100 * gib }),
    'verify-logs': step(240, { bytes: 48 * gib }),
    'restore-files': step(400),
    'place-logs': step(600, { bytes: 48 * gib }),
    'start-database': step(1200),
    'open-graph': step(905),
    verify: step(1200, { elements: 50_000_000 }),
  },
};
const read = {
  runs: [rehearsal],
  points: [point],
  log: { read: 24 * gib, placed: 24 * gib },
  createTables: false,
  stage: true,
  nodes: 1,
  rto: '4h',
};

test('H: a plan tells each stage with its seconds, what was measured and what is assumed, beside the objective', () => {
  const text = timeText(timeOfPlan(point, read));
  expect(text.split('\n').map((line) => line.trimEnd())).toMatchInlineSnapshot(`
    [
      "  time  54 min 4 s until the graph is checked (objective 4 h 0 min)",
      "        serves after 19 min 4 s; is away for 10 min 17 s of that",
      "        19 s of the total are assumed; measured by rehearse-20260219-030000-k3f9",
      "        STAGE                 TIME  FROM                       OF  GRAPH  NOTE",
      "        prepare              5.0 s  assumed",
      "        check-files          5.0 s  assumed                               beside a longer stage",
      "        plan-logs            1.2 s  assumed              24.0 GiB",
      "        verify-logs      2 min 1 s  measured             24.0 GiB",
      "        stage-files     6 min 40 s  measured              100 GiB",
      "        stage-logs       5 min 1 s  measured             24.0 GiB         beside a longer stage",
      "        stop                 5.0 s  assumed                        away",
      "        restore-files        1.0 s  assumed                        away",
      "        place-logs           1.0 s  assumed                        away",
      "        start-database  10 min 4 s  measured             24.0 GiB  away",
      "        make-sound           1.0 s  assumed                        away",
      "        start-graph          5.0 s  assumed                        away",
      "        rebuild-index   15 min 0 s  measured  50,000,000 elements",
      "        verify          20 min 0 s  measured  50,000,000 elements",
    ]
  `);
});

test('H: what cannot be read is assumed or unknown with its reason, and the plan is there all the same', () => {
  const away = new RetryableProblem({ code: 'no-answer', happened: 'Not read in time (20 s).', state: 's', next: 'n' });
  const log = { unknown: 'The schemas of the log were not read in time (20 s).' };
  const time = timeOfPlan(point, { ...read, runs: away, points: away, log });
  expect(time).toMatchObject({ verdict: 'unknown', objective: 14_400, measuredBy: [], total: { atLeast: true } });
  expect(time.unread).toEqual([away.happened, away.happened]);
  expect(timeText(time)).toContain('at least');
  expect(timeText(time)).toContain('no run of this environment has measured a restore');
  expect(timeText(time)).toContain(log.unknown);
});

test('H: a restore to a point without log has no stages of one', () => {
  const { stages } = timeOfPlan(point, { ...read, log: undefined });
  expect(stages.map(({ stage }) => stage)).toEqual([
    'prepare',
    'check-files',
    'stage-files',
    'stop',
    'restore-files',
    'start-database',
    'make-sound',
    'start-graph',
    'rebuild-index',
    'verify',
  ]);
});
