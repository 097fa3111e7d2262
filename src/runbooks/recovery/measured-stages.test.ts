import { expect, test } from 'vitest';
import { pointTakenAt } from '../../../test/support/example-point.ts';
import { elementsOf, type MeasuredRun, measuredStages } from './measured-stages.ts';

const gib = 1024 ** 3;
const point = pointTakenAt(new Date('2026-02-19T02:00:00Z'), { bytes: 6 * gib });
const nodes = [1, 3, 2].map((size, at) => ({
  node: `n${at}`,
  hostId: `h${at}`,
  datacenter: 'dc1',
  rack: 'r1',
  tokens: [],
  bytes: size * gib,
  files: 1,
  newBytes: 0,
  inventory: 'i',
}));

interface Step {
  readonly seconds: number;
  readonly counts?: Readonly<Record<string, number>>;
  readonly attempts?: number;
}

function runOf(runbook: string, steps: Readonly<Record<string, Step>>, params: object = {}): MeasuredRun {
  const measured = Object.entries(steps).map(([step, { attempts = 1, counts = {}, seconds }]) => [
    step,
    { seconds, attempts, counts },
  ]);
  return {
    run: `${runbook}-x`,
    runbook,
    params: { point: point.id, ...params },
    measured: Object.fromEntries(measured),
  };
}

const rehearsal = runOf('rehearse', {
  'check-point': { seconds: 0.1, counts: { bytes: 6 * gib } },
  'verify-logs': { seconds: 40, counts: { bytes: 9 * gib } },
  'restore-files': { seconds: 100, counts: { bytes: 6 * gib } },
  'place-logs': { seconds: 120, counts: { bytes: 6 * gib } },
  'start-database': { seconds: 60 },
  'open-graph': { seconds: 25 },
  verify: { seconds: 50, counts: { elements: 3_000_000 } },
});

test('H: a rehearsal tells the rates of a restore: files by the largest node, log as every node reads it, elements', () => {
  const whole = { ...point, nodes };
  expect(measuredStages([rehearsal], { points: [whole], nodes: 3 })).toEqual({
    'verify-logs': [{ amount: 9 * gib, seconds: 40 }],
    'stage-files': [{ amount: 3 * gib, seconds: 100 }],
    'stage-logs': [{ amount: 9 * gib, seconds: 120 }],
    'start-database': [{ amount: 2 * gib, seconds: 60 }],
    // Less the start of JanusGraph.
    'rebuild-index': [{ amount: 3_000_000, seconds: 20 }],
    verify: [{ amount: 3_000_000, seconds: 50 }],
  });
  // Of a point that was removed since, its bytes are shared out.
  expect(measuredStages([rehearsal], { points: [], nodes: 3 })['stage-files']).toEqual([
    { amount: 2 * gib, seconds: 100 },
  ]);
});

test('H: a restore in place tells the short stages, too; without staging its steps tell the rates of the bringing', () => {
  const steps = {
    'check-point': { seconds: 1, counts: { bytes: 6 * gib } },
    'check-store': { seconds: 2 },
    'stage-files': { seconds: 100 },
    'stop-graph': { seconds: 3 },
    'stop-database': { seconds: 4 },
    'restore-files': { seconds: 5 },
    'start-database': { seconds: 30 },
  };
  const measured = measuredStages([runOf('restore', steps)], { points: [], nodes: 3 });
  expect(measured).toMatchObject({
    prepare: [{ amount: 0, seconds: 3 }],
    'stage-files': [{ amount: 2 * gib, seconds: 100 }],
    stop: [{ amount: 0, seconds: 7 }],
    'restore-files': [{ amount: 0, seconds: 5 }],
    'start-database': [{ amount: 0, seconds: 30 }],
  });
  const { 'stage-files': _staged, ...late } = { ...steps, 'restore-files': { seconds: 90 } };
  const unstaged = measuredStages([runOf('restore', late, { stage: false })], { points: [], nodes: 3 });
  expect(unstaged['stage-files']).toEqual([{ amount: 2 * gib, seconds: 90 }]);
  expect(unstaged['restore-files']).toBeUndefined();
});

test('H: a step that was tried again, or whose amount is not known, tells nothing', () => {
  const again = runOf('rehearse', {
    'check-point': { seconds: 1 },
    'restore-files': { seconds: 10 },
    verify: { seconds: 50, attempts: 2, counts: { elements: 3 } },
    'start-database': { seconds: 50, attempts: 3 },
  });
  expect(measuredStages([again], { points: [], nodes: 3 })).toEqual({});
});

test('H: elements are counted by the fingerprint of the point, else in proportion by the newest run or point; else unknown', () => {
  const fingerprint = {
    vertices: 1,
    edges: 2,
    properties: 3,
    vertexLabels: {},
    edgeLabels: {},
    propertyKeys: {},
    hash: '',
  };
  expect(elementsOf({ ...point, fingerprint }, { runs: [rehearsal], points: [] })).toBe(6);
  const half = { ...point, bytes: 3 * gib };
  expect(elementsOf(half, { runs: [rehearsal], points: [] })).toBe(1_500_000);
  expect(elementsOf(half, { runs: [], points: [half, { ...point, fingerprint }] })).toBe(3);
  expect(elementsOf(half, { runs: [], points: [half] })).toEqual({
    unknown: 'no run has counted the elements of the graph yet',
  });
});
