import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openNodeFiles } from '../adapters/node-files/node-files.ts';
import { systemClock } from '../adapters/system/clock.ts';
import { RefusedProblem, RetryableProblem } from '../model/problem.ts';
import type { JobKind, JobParams } from '../ports/node-agent.ts';
import type { JobContext, JobRunners } from './jobs/job-context.ts';
import { jobStoreIn } from './job-store.ts';
import { JobTable, jobId } from './job-table.ts';

const point = 'backup-20260219-020000';
const key = { run: 'backup-1', step: 'upload', epoch: 5 };
const uploadParams = { point, mode: 'full' } as const;

let directory: string;
/** Runs of jobs that wait to be told how they end. */
let calls: Array<{
  job: JobKind;
  context: JobContext;
  succeed: (result: unknown) => void;
  fail: (why: unknown) => void;
}>;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cardea-jobs-'));
  calls = [];
});

afterEach(async () => rm(directory, { recursive: true, force: true }));

function table(): JobTable {
  const wait = (job: JobKind) => async (_params: unknown, context: JobContext) =>
    new Promise<never>((resolve, reject) => {
      calls.push({ job, context, succeed: resolve as (result: unknown) => void, fail: reject });
      context.signal.addEventListener('abort', () => reject(context.signal.reason as Error));
    });
  const kinds: JobKind[] = [
    'snapshot',
    'upload',
    'verify',
    'clear-snapshot',
    'delete-backup',
    'set-aside',
    'mark-disk',
    'note-drained',
    'revert-aside',
  ];
  return new JobTable({
    store: jobStoreIn(directory, openNodeFiles(join(directory, 'hashes.json'))),
    runners: Object.fromEntries(kinds.map((kind) => [kind, wait(kind)])) as unknown as JobRunners,
    clock: systemClock,
    log: { write: () => {} },
  });
}

async function call(at: number) {
  await vi.waitFor(() => expect(calls.length).toBeGreaterThan(at));
  const found = calls[at];
  if (found === undefined) throw new TypeError('no such call');
  return found;
}

async function endOf(jobs: JobTable, id: string) {
  return (await jobs.status(id, 5000))?.status;
}

describe('starting a job', () => {
  test('a second start joins the running job and tells its progress', async () => {
    const jobs = table();
    const { id } = await jobs.start(key, 'upload', uploadParams);
    (await call(0)).context.progress({ done: 1, total: 2, unit: 'bytes' });
    const joined = await jobs.start({ ...key, epoch: 6 }, 'upload', uploadParams);
    expect(joined).toEqual({ id, status: { state: 'running', progress: { done: 1, total: 2, unit: 'bytes' } } });
    expect(calls).toHaveLength(1);
    await jobs.stop();
  });

  test('two starts at once run one job', async () => {
    const jobs = table();
    await Promise.all([jobs.start(key, 'upload', uploadParams), jobs.start(key, 'upload', uploadParams)]);
    (await call(0)).succeed({});
    await endOf(jobs, jobId(key, 'upload', uploadParams));
    expect(calls).toHaveLength(1);
  });

  test('what succeeded is reported and not run again, also by the next agent', async () => {
    const jobs = table();
    const { id } = await jobs.start(key, 'upload', uploadParams);
    (await call(0)).succeed({ files: 3 });
    expect(await endOf(jobs, id)).toMatchObject({ state: 'succeeded', result: { files: 3 } });
    const next = table();
    await next.recover();
    expect((await next.start(key, 'upload', uploadParams)).status).toMatchObject({ result: { files: 3 } });
    expect(calls).toHaveLength(1);
  });

  test('what a drain has left is noted anew whenever it is asked for: there may have been another drain', async () => {
    const jobs = table();
    const params = { run: 'restore-1', ranAt: '2026-02-19T03:00:00.000Z' };
    for (const at of [0, 1]) {
      const { id } = await jobs.start(key, 'note-drained', params);
      (await call(at)).succeed({ files: at });
      expect(await endOf(jobs, id)).toMatchObject({ state: 'succeeded', result: { files: at } });
    }
  });

  test('a disk is marked anew whenever it is asked for: another run may have removed the mark', async () => {
    const jobs = table();
    for (const at of [0, 1]) {
      const { id } = await jobs.start(key, 'mark-disk', { run: 'restore-1', keep: [] });
      (await call(at)).succeed({});
      expect(await endOf(jobs, id)).toMatchObject({ state: 'succeeded' });
    }
  });

  test('what failed keeps its problem until it is started again', async () => {
    const jobs = table();
    const { id } = await jobs.start(key, 'upload', uploadParams);
    (await call(0)).fail(new RetryableProblem({ code: 'gone', happened: 'h', state: 's', next: 'n' }));
    expect(await endOf(jobs, id)).toMatchObject({ state: 'failed', problem: { problem: 'retryable', code: 'gone' } });
    expect((await jobs.start(key, 'upload', uploadParams)).status.state).toBe('running');
    (await call(1)).succeed({});
    expect(await endOf(jobs, id)).toMatchObject({ state: 'succeeded' });
  });

  test('other params under the same key are another job', async () => {
    const jobs = table();
    const first = await jobs.start(key, 'delete-backup', { point });
    const second = await jobs.start(key, 'delete-backup', { point: 'backup-20260101-000000' });
    expect(first.id).not.toBe(second.id);
    expect(jobs.newest(key.run, key.step, 'delete-backup')?.id).toBe(second.id);
    await jobs.stop();
  });

  test('one job runs at a time, the next after it', async () => {
    const jobs = table();
    await jobs.start(key, 'upload', uploadParams);
    await jobs.start({ ...key, step: 'other' }, 'set-aside', { run: 'r' });
    (await call(0)).succeed({});
    expect((await call(1)).job).toBe('set-aside');
    expect(calls).toHaveLength(2);
    await jobs.stop();
  });
});

describe('epochs', () => {
  test('one that leaps too far is refused and not remembered; an agent that has seen none may join an old environment', async () => {
    const jobs = table();
    await jobs.start({ ...key, epoch: 2_000_000 }, 'upload', uploadParams);
    await expect(jobs.start({ ...key, epoch: 3_000_001 }, 'upload', uploadParams)).rejects.toMatchObject({
      code: 'epoch-leap',
      next: expect.stringContaining('cardea agents bind'),
    });
    expect(jobs.highestEpoch).toBe(2_000_000);
    await jobs.start({ ...key, epoch: 3_000_000 }, 'upload', uploadParams);
    await jobs.stop();
  });

  test('a person may set it back: what runs is lost, and the next agent knows it too', async () => {
    const jobs = table();
    const { id } = await jobs.start({ ...key, epoch: 99_999_999 }, 'upload', uploadParams);
    await call(0);
    await jobs.beginAt(4);
    expect(await endOf(jobs, id)).toEqual({ state: 'lost' });
    const next = table();
    await next.recover();
    expect(next.highestEpoch).toBe(4);
    await next.start({ run: 'backup-2', step: 'upload', epoch: 5 }, 'upload', uploadParams);
    await next.stop();
  });

  test('the refusal of a lower epoch names the run to carry on', async () => {
    const jobs = table();
    await jobs.start({ ...key, epoch: 7 }, 'upload', uploadParams);
    await expect(jobs.start({ ...key, epoch: 6 }, 'upload', uploadParams)).rejects.toMatchObject({
      code: 'stale-epoch',
      next: expect.stringMatching(/cardea run resume backup-1.* above 7 /),
    });
    await jobs.stop();
  });

  test('a job that is not admitted fails with the reason, and touches nothing', async () => {
    const jobs = new JobTable({
      store: jobStoreIn(directory, openNodeFiles(join(directory, 'hashes.json'))),
      runners: { upload: async () => Promise.reject(new TypeError('it ran')) } as unknown as JobRunners,
      clock: systemClock,
      log: { write: () => {} },
      admit: async () => {
        throw new RefusedProblem({ code: 'bucket-changed', happened: 'h', state: 's', next: 'n' });
      },
    });
    const { id } = await jobs.start(key, 'upload', uploadParams);
    expect(await endOf(jobs, id)).toMatchObject({ state: 'failed', problem: { code: 'bucket-changed' } });
  });

  test('a lower epoch than ever seen is refused, also by the next agent', async () => {
    const jobs = table();
    await jobs.start({ ...key, epoch: 7 }, 'upload', uploadParams);
    await expect(jobs.start(key, 'upload', uploadParams)).rejects.toThrow(RefusedProblem);
    await jobs.stop();
    const next = table();
    await next.recover();
    expect(next.highestEpoch).toBe(7);
    await expect(next.start(key, 'verify', { point, knownPoints: [] })).rejects.toMatchObject({ code: 'stale-epoch' });
  });

  test('a fault in the ending of a job that had to end is in the log, with its trace; the job is lost all the same', async () => {
    const said: unknown[] = [];
    const running = Promise.withResolvers<void>();
    const upload = async (_params: unknown, { signal }: JobContext) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new TypeError('planted')));
        running.resolve();
      });
    const jobs = new JobTable({
      store: jobStoreIn(directory, openNodeFiles(join(directory, 'hashes.json'))),
      runners: { upload } as unknown as JobRunners,
      clock: systemClock,
      log: { write: (event, fields) => void said.push({ event, ...fields }) },
    });
    const { id } = await jobs.start(key, 'upload', uploadParams);
    await running.promise;
    await jobs.stop();
    expect((await jobs.status(id))?.status).toEqual({ state: 'lost' });
    expect(said).toContainEqual({
      event: 'job broke off',
      id,
      problem: expect.objectContaining({ trace: expect.arrayContaining(['TypeError: planted']) as unknown }) as unknown,
    });
  });

  test('a higher epoch ends what an older one still runs; that is lost, not failed', async () => {
    const jobs = table();
    const { id } = await jobs.start(key, 'upload', uploadParams);
    await call(0);
    await jobs.start({ run: 'restore-2', step: 'set-aside', epoch: 6 }, 'set-aside', { run: 'restore-2' });
    expect((await call(1)).job).toBe('set-aside');
    expect(await endOf(jobs, id)).toEqual({ state: 'lost' });
    await jobs.stop();
  });

  test.each(['clear-snapshot', 'delete-backup'] as const)('%s of a point ends the work on that point', async (job) => {
    const jobs = table();
    const { id } = await jobs.start(key, 'upload', uploadParams);
    await call(0);
    await jobs.start({ ...key, step: 'clean-up' }, job, { point });
    expect((await call(1)).job).toBe(job);
    expect(await endOf(jobs, id)).toEqual({ state: 'lost' });
    await jobs.stop();
  });

  test('clearing another point leaves the work alone', async () => {
    const jobs = table();
    await jobs.start(key, 'upload', uploadParams);
    const { context } = await call(0);
    await jobs.start({ ...key, step: 'clean-up' }, 'clear-snapshot', { point: 'backup-20260101-000000' });
    expect(context.signal.aborted).toBe(false);
    await jobs.stop();
  });
});

describe('another run that moves data', () => {
  test('makes the answers of the earlier one untrue: its job is done anew', async () => {
    const jobs = table();
    const restore = { run: 'restore-1', step: 'set-aside', epoch: 5 };
    const { id } = await jobs.start(restore, 'set-aside', { run: 'restore-1' });
    (await call(0)).succeed({});
    expect(await endOf(jobs, id)).toMatchObject({ state: 'succeeded' });
    await jobs.start({ run: 'revert-2', step: 'bring-back', epoch: 6 }, 'revert-aside', { run: 'restore-1' });
    (await call(1)).succeed({});
    await jobs.start({ ...restore, epoch: 7 }, 'set-aside', { run: 'restore-1' });
    expect((await call(2)).job).toBe('set-aside');
    await jobs.stop();
  });
});

describe('the death of an agent', () => {
  test('a job that it ran is lost, and starting its key runs it anew', async () => {
    const dead = table();
    const { id } = await dead.start(key, 'upload', uploadParams);
    await call(0);
    const next = table();
    await next.recover();
    expect((await next.status(id))?.status).toEqual({ state: 'lost' });
    await next.start(key, 'upload', uploadParams);
    (await call(1)).succeed({ files: 1 });
    expect(await endOf(next, id)).toMatchObject({ state: 'succeeded' });
  });

  test('what was never started is unknown', async () => {
    const jobs = table();
    expect(await jobs.status('nothing')).toBeUndefined();
    expect(jobs.newest('r', 's', 'upload')).toBeUndefined();
  });

  test('a record holds the params and the outcome as a document', async () => {
    const jobs = table();
    const params: JobParams['upload'] = uploadParams;
    const { id } = await jobs.start(key, 'upload', params);
    (await call(0)).succeed({ files: 1 });
    await endOf(jobs, id);
    const text = await readFile(join(directory, 'jobs', `${id}.json`), 'utf8');
    expect(JSON.parse(text)).toMatchObject({ kind: 'agent-job', version: 1, job: 'upload', params, epoch: 5 });
  });
});
