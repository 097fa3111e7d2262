import { expect, test } from 'vitest';
import { z } from 'zod';
import { testWorld } from '../../../test/support/engine-world.ts';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { hanging, runbookOf, start } from '../../../test/support/runbook-sketch.ts';
import { configSchema } from '../../model/config.ts';
import { pointTakenAt } from '../../../test/support/example-point.ts';
import { FailedProblem } from '../../model/problem.ts';
import type { Proof, RestorePoint } from '../../model/restore-point.ts';
import type { Platform } from '../../ports/platform.ts';
import type { Runbook } from '../../runbook/define.ts';
import { requestCancel, resumeRun } from '../../runbook/engine.ts';
import { createPoint, listPoints, removePoint } from './point-catalog.ts';
import { choosePointsToRemove, removePoints } from './point-removal.ts';

const clock = new FakeClock('2026-03-31T02:00:00Z');
const config = configSchema.parse({ name: 'bank', environments: { prod: { platform: { kind: 'sandbox' } } } });

/** One node whose agent notes what it is asked for. */
function services(...points: readonly RestorePoint[]) {
  const bucket = new MemoryStore();
  const jobs: string[] = [];
  /** What the agent answers to a job, when it is not success. */
  const failing = new Map<string, Error>();
  const platform = {
    environment: 'prod',
    bucket,
    nodes: [{ name: 'node-0' }],
    agent: () => ({
      run: async (_key: unknown, kind: string, { point }: { point: string }) => {
        jobs.push(`${kind} ${point}`);
        const failure = failing.get(`${kind} ${point}`);
        if (failure !== undefined) throw failure;
        return {};
      },
    }),
  } as unknown as Platform;
  const [prod] = Object.values(config.environments);
  if (prod === undefined) throw new TypeError('the configuration has no environment');
  const given = { platform, config: prod, clock };
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  const context = {
    services: given,
    run: 'backup-20260331-020000-abcd',
    step: 'retention',
    epoch: 1,
    signal: new AbortController().signal,
    progress: () => {},
    log,
  };
  return {
    given,
    context,
    jobs,
    lines,
    log,
    failing,
    bucket,
    made: Promise.all(points.map(async (point) => createPoint(bucket, point))),
  };
}

function pointOf(day: string, proof: Proof): RestorePoint {
  const at = new Date(`2026-${day.slice(0, 2)}-${day.slice(2)}T02:00:00Z`);
  return pointTakenAt(at, { proof, replicationFactor: 1, bytes: 10 });
}

const points = [
  pointOf('0101', 'checked'),
  pointOf('0102', 'proven'),
  pointOf('0328', 'failed'),
  pointOf('0329', 'checked'),
  pointOf('0330', 'checked'),
  pointOf('0331', 'checked'),
];

test('B5: what goes is removed on the nodes and from the catalogue, and every good point that stays is looked at', async () => {
  const { given, log, context, jobs, bucket, made } = services(...points);
  await made;
  const choice = await choosePointsToRemove(given, log);
  // The one that goes, and four good ones that stay.
  expect(choice).toEqual({ kept: 5, bytes: 50, going: [{ point: 'backup-20260101-020000', why: 'older than 30d' }] });
  await removePoints(context, choice);
  expect((await listPoints(bucket)).map(({ id }) => id)).not.toContain('backup-20260101-020000');
  // A point that had failed its check is kept for the record; it would fail again.
  expect(jobs).toEqual([
    'delete-backup backup-20260101-020000',
    'verify backup-20260331-020000',
    'verify backup-20260330-020000',
    'verify backup-20260329-020000',
    'verify backup-20260102-020000',
  ]);
});

test('B5: after a kill in the midst of it the same points go, and those that stay are looked at all the same', async () => {
  const { given, log, context, jobs, bucket, made } = services(...points);
  await made;
  const choice = await choosePointsToRemove(given, log);
  await removePoint(bucket, pointOf('0101', 'checked'));
  await removePoints(context, choice);
  expect(jobs.filter((job) => job.startsWith('verify'))).toHaveLength(4);
});

test('nothing that goes, nothing to look at', async () => {
  const { given, log, context, jobs, made } = services(pointOf('0330', 'checked'));
  await made;
  await removePoints(context, await choosePointsToRemove(given, log));
  expect(jobs).toEqual([]);
});

test('a point whose removal broke off is not listed as good, and the next backup removes the rest of it', async () => {
  const { given, log, context, failing, bucket, made } = services(...points);
  await made;
  const choice = await choosePointsToRemove(given, log);
  failing.set('delete-backup backup-20260101-020000', faulty('medusa-failed', 'The disk of the store is full.'));
  await expect(removePoints(context, choice)).rejects.toMatchObject({ code: 'medusa-failed' });
  const left = (await listPoints(bucket)).find(({ id }) => id === 'backup-20260101-020000');
  expect(left).toMatchObject({
    proof: 'failed',
    failure: 'it was being removed by backup-20260331-020000-abcd, because it is older than 30d',
  });
  expect(await choosePointsToRemove(given, log)).toEqual(choice);
  failing.clear();
  await removePoints(context, choice);
  expect((await listPoints(bucket)).map(({ id }) => id)).not.toContain('backup-20260101-020000');
});

test('a kept point that is found damaged is marked failed by name, and the others are looked at all the same', async () => {
  const { given, log, context, jobs, lines, failing, bucket, made } = services(...points);
  await made;
  const damage = 'node-0: medusa/node-0/data/md-1-big-Data.db is not in the store.';
  failing.set('verify backup-20260330-020000', faulty('backup-damaged', damage));
  await removePoints(context, await choosePointsToRemove(given, log));
  expect((await listPoints(bucket)).find(({ id }) => id === 'backup-20260330-020000')).toMatchObject({
    proof: 'failed',
    failure: damage,
  });
  expect(jobs.filter((job) => job.startsWith('verify'))).toHaveLength(4);
  expect(lines).toContainEqual(`WARNING: backup-20260330-020000 is damaged and was marked failed: ${damage}`);
});

test('a look that could not be finished says nothing about the point', async () => {
  const { given, log, context, failing, bucket, made } = services(...points);
  await made;
  failing.set('verify backup-20260330-020000', faulty('store-failed', 'The store answered with an error.'));
  await expect(removePoints(context, await choosePointsToRemove(given, log))).rejects.toMatchObject({
    code: 'store-failed',
  });
  expect((await listPoints(bucket)).find(({ id }) => id === 'backup-20260330-020000')?.proof).toBe('checked');
});

/** A run that reads the point, and how it goes on. */
async function reader(bucket: MemoryStore, point: string, startedAt = '2026-03-31T01:00:00Z') {
  const step = hanging();
  const stop = new AbortController();
  const world = { ...testWorld(), store: bucket, clock: new FakeClock(startedAt) };
  const runbook: Runbook = {
    ...runbookOf([{ id: 'restore-files', run: step.run }], z.object({ point: z.string() })),
    name: 'rehearse',
    copyOf: () => 'rehearsal-aaaa',
  };
  const going = start(world, runbook, { params: { point }, signal: stop.signal });
  await step.started;
  return {
    run: world.events[0]?.run ?? '',
    async interrupt() {
      stop.abort();
      await going;
    },
    async cancel() {
      stop.abort();
      const { run } = await going;
      await requestCancel(world, run);
      await resumeRun(world.another(undefined, bucket), () => runbook, { run, services: undefined });
    },
  };
}

test('a point that a rehearsal reads stays while it runs and while it can be resumed, and goes when it has ended', async () => {
  const { given, log, lines, context, jobs, bucket, made } = services(...points);
  await made;
  const old = 'backup-20260101-020000';
  const rehearsal = await reader(bucket, old);
  expect((await choosePointsToRemove(given, log)).going).toEqual([]);
  expect(lines).toEqual([`keeping ${old}, older than 30d: it is needed by ${rehearsal.run}, which has not ended`]);
  await rehearsal.interrupt();
  expect((await choosePointsToRemove(given, log)).going).toEqual([]);

  const later = await reader(bucket, old, '2026-03-31T01:30:00Z');
  await later.cancel();
  expect((await choosePointsToRemove(given, log)).going).toEqual([]);
  expect(jobs).toEqual([]);
  await removePoints(context, { kept: 0, bytes: 0, going: [] });
});

test('a point whose only reader was cancelled goes, and one that a run forgot forty days ago', async () => {
  const { given, log, bucket, made } = services(...points);
  await made;
  await (await reader(bucket, 'backup-20260101-020000')).cancel();
  await (await reader(bucket, 'backup-20260101-020000', '2026-02-18T02:00:00Z')).interrupt();
  expect((await choosePointsToRemove(given, log)).going).toHaveLength(1);
});

test('a point that a rehearsal has begun to read since it was chosen stays, as good as it was', async () => {
  const { given, log, lines, context, jobs, bucket, made } = services(...points);
  await made;
  const choice = await choosePointsToRemove(given, log);
  const { run } = await reader(bucket, 'backup-20260101-020000');
  expect(await removePoints(context, choice)).toEqual([]);
  expect(jobs).toEqual([]);
  expect(lines.at(-1)).toBe(
    `keeping backup-20260101-020000, older than 30d: it is needed by ${run}, which has not ended`,
  );
  expect((await listPoints(bucket)).find(({ id }) => id === 'backup-20260101-020000')?.proof).toBe('checked');
});

test('a rehearsal that begins between the look and the mark is seen after the mark, which is taken back', async () => {
  const { given, log, context, jobs, bucket, made } = services(...points);
  await made;
  const id = 'backup-20260101-020000';
  const choice = await choosePointsToRemove(given, log);
  const put = bucket.put.bind(bucket);
  let began = false;
  bucket.put = async (key, body, condition) => {
    const info = await put(key, body, condition);
    if (key === `${id}.json` && !began) {
      began = true;
      await reader(bucket, id);
    }
    return info;
  };
  expect(await removePoints(context, choice)).toEqual([]);
  expect(began).toBe(true);
  expect(jobs).toEqual([]);
  const point = (await listPoints(bucket)).find((each) => each.id === id);
  expect(point?.proof).toBe('checked');
  expect(point).not.toHaveProperty('failure');
});

function faulty(code: string, happened: string): FailedProblem {
  return new FailedProblem({ code, happened, state: 'Nothing was changed.', next: 'Look at the store.' });
}

test('a point of another environment is never chosen nor removed, not even when an older choice names it', async () => {
  const old = pointTakenAt(new Date('2026-01-01T02:00:00Z'), { environment: 'staging', replicationFactor: 1 });
  const { given, log, context, jobs, bucket, made } = services(old, ...points.slice(3));
  await made;
  expect((await choosePointsToRemove(given, log)).going).toEqual([]);
  await removePoints(context, { kept: 3, bytes: 0, going: [{ point: old.id, why: 'older than 30d' }] });
  expect((await listPoints(bucket)).map(({ id }) => id)).toContain(old.id);
  expect(jobs.filter((job) => job.includes(old.id))).toEqual([]);
});
