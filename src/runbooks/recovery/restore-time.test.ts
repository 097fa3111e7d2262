import { expect, test } from 'vitest';
import { restoreRunbook } from '../restore.ts';
import { restoreStages, type StageName, stageNames } from './restore-stages.ts';
import { againstRto, type RestoreWork, restoreTime } from './restore-time.ts';

const gb = 1e9;
const work: RestoreWork = {
  files: 100 * gb,
  log: { read: 70 * gb, placed: 50 * gb },
  elements: 800e6,
  createTables: false,
  stage: true,
};
const namesOf = (wanted: RestoreWork) => restoreTime(wanted, {}).stages.map(({ stage }) => stage);
const unknown = { unknown: 'nobody has counted them' };

test('H: every step of a restore is in one stage, and no stage begins before what its steps need', () => {
  const stageOf = new Map<string, StageName>(
    stageNames.flatMap((stage) => restoreStages[stage].steps.map((step) => [step, stage] as const)),
  );
  const steps = restoreRunbook.steps.filter(({ always }) => always === undefined);
  expect([...stageOf.keys()].toSorted()).toEqual(steps.map(({ id }) => id).toSorted());
  const before = (stage: StageName): ReadonlySet<string> =>
    new Set(restoreStages[stage].after.flatMap((each: StageName) => [each, ...before(each)]));
  for (const { id, needs } of steps) {
    const stage = stageOf.get(id);
    // Looks of a moment, between the long ones.
    if (stage === undefined || stage === 'prepare') continue;
    const needed = needs.flatMap((need) => stageOf.get(need) ?? []).filter((each) => each !== stage);
    expect([...before(stage)], id).toEqual(expect.arrayContaining(needed));
  }
});

test('H: the total is the longest way through the stages: what goes on beside a longer one adds nothing', () => {
  const time = restoreTime(work, { 'stage-files': [{ amount: 100 * gb, seconds: 500 }] });
  const seconds = (stage: string) => time.stages.find((each) => each.stage === stage)?.seconds ?? Number.NaN;
  expect(time.stages.filter(({ meanwhile }) => meanwhile).map(({ stage }) => stage)).toEqual([
    'check-files',
    'stage-files',
  ]);
  const all = time.stages.filter(({ meanwhile }) => !meanwhile).reduce((sum, each) => sum + (each.seconds ?? 0), 0);
  expect(time.total.seconds).toBeCloseTo(all);
  expect(time.total.atLeast).toBe(false);
  expect(time.serves.seconds).toBeCloseTo(all - seconds('rebuild-index') - seconds('verify'));
  expect(time.outage.seconds).toBeLessThan(time.serves.seconds);
  expect(time.assumedSeconds).toBeCloseTo(time.total.seconds);
  expect(seconds('stage-files')).toBeCloseTo(500);
  const slower = restoreTime(work, { 'stage-files': [{ amount: 100 * gb, seconds: 5000 }] });
  expect(slower.stages.find(({ stage }) => stage === 'stage-logs')?.meanwhile).toBe(true);
  expect(slower.total.seconds).toBeGreaterThan(time.total.seconds + 3000);
});

test('H: a stage of which nothing is known makes the total a least, and never green', () => {
  const time = restoreTime({ ...work, elements: unknown }, {});
  expect(time.stages.at(-1)).toMatchObject({ stage: 'verify', seconds: null, from: 'unknown', why: unknown.unknown });
  expect(time.total.atLeast).toBe(true);
  expect(time.serves.atLeast).toBe(false);
  expect(againstRto(time, 1e9)).toBe('unknown');
  expect(againstRto(time, time.total.seconds * 1.1)).toBe('near');
  expect(againstRto(time, time.total.seconds - 1)).toBe('missed');
  const logless = restoreTime({ ...work, log: unknown }, {});
  expect(logless.serves.atLeast).toBe(true);
  expect(logless.outage.atLeast).toBe(true);
});

test('H: a forecast is missed above the objective, near it above 80 %, and kept below', () => {
  const time = restoreTime(work, {});
  const { seconds } = time.total;
  expect([seconds / 1.01, seconds / 0.81, seconds / 0.79].map((rto) => againstRto(time, rto))).toEqual([
    'missed',
    'near',
    'kept',
  ]);
});

test('H: a restore to a point has no stages of a log, and without staging the outage has the bringing', () => {
  const point = { ...work, log: undefined };
  expect(namesOf(point).filter((stage) => stage.includes('log'))).toEqual([]);
  const late = restoreTime({ ...work, stage: false }, {});
  expect(late.stages.map(({ stage }) => stage)).not.toContain('stage-files');
  expect(late.outage.seconds).toBeGreaterThan(restoreTime(work, {}).outage.seconds + 400);
  expect(late.stages.find(({ stage }) => stage === 'restore-files')?.of).toEqual({ amount: 100 * gb, unit: 'bytes' });
  expect(namesOf({ ...work, createTables: true })).toContain('create-tables');
});
