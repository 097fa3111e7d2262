import { afterEach, expect, test } from 'vitest';
import { fullDisk } from '../../test/support/full-disk.ts';
import { MemoryFiles } from '../../test/support/memory-files.ts';
import { systemClock } from '../adapters/system/clock.ts';
import { asProblem } from '../model/problem.ts';
import type { JobKind, JobParams } from '../ports/node-agent.ts';
import type { NodeFiles } from '../ports/node-files.ts';
import { acceptAside, checkAside, lookAside, revertAside, setAside } from './jobs/aside-jobs.ts';
import type { JobRunners } from './jobs/job-context.ts';
import { clearStage } from './jobs/restore-job.ts';
import { jobStoreIn } from './job-store.ts';
import { JobTable } from './job-table.ts';
import type { NodeParts } from './node-parts.ts';

const run = 'restore-1';
const directories = {
  data: '/var/data',
  commitlog: '/var/commitlog',
  hints: '/var/hints',
  savedCaches: '/var/saved_caches',
  aside: '/var/aside',
};
const oldFile = `${directories.data}/bank/edges/nb-1-big-Data.db`;
const restoredFile = `${directories.data}/bank/edges/nb-2-big-Data.db`;
const stagedFile = `${directories.aside}/staging/bank/edges/nb-2-big-Data.db`;
const [oldData, restoredData] = ['old data '.repeat(10_000), 'restored '.repeat(10_000)];
const context = { signal: new AbortController().signal, progress: () => {}, log: () => {} };
const tables: JobTable[] = [];

afterEach(async () => {
  for (const table of tables.splice(0)) await table.stop();
});

function partsOf(files: NodeFiles): NodeParts {
  return {
    node: 'node-1',
    clock: systemClock,
    files,
    directories,
    database: {
      standing: async () => ({ lock: 'free', seen: undefined, seesAll: true }),
      takeLock: async () => ({ release: async () => {} }),
    },
  } as unknown as NodeParts;
}

async function agentOn(files: NodeFiles): Promise<JobTable> {
  const parts = partsOf(files);
  const runners = {
    'set-aside': async (params: JobParams['set-aside']) => setAside(parts, params, context),
    'check-aside': async () => checkAside(parts),
    'look-aside': async (params: JobParams['look-aside']) => lookAside(parts, params),
    'accept-aside': async (params: JobParams['accept-aside']) => acceptAside(parts, params, context),
    'revert-aside': async (params: JobParams['revert-aside']) => revertAside(parts, params, context),
    'clear-stage': async (params: JobParams['clear-stage']) => clearStage(parts, params),
    'restore-files': async () => files.writeWhole(restoredFile, restoredData),
  } as unknown as JobRunners;
  const jobs = new JobTable({
    store: jobStoreIn('/var/agent', files),
    runners,
    clock: systemClock,
    log: { write: () => {} },
  });
  await jobs.recover();
  tables.push(jobs);
  return jobs;
}

function emptyNode(): MemoryFiles {
  const disk = new MemoryFiles();
  for (const folder of Object.values(directories)) disk.makeFolder(folder);
  disk.write(oldFile, oldData);
  return disk;
}

/** A restore was made, or broke off; then the disk ran full. The agent was started after that. */
async function fullNode(meanwhile: (disk: MemoryFiles) => void = () => {}) {
  const disk = emptyNode();
  await setAside(partsOf(disk.as()), { run }, context);
  meanwhile(disk);
  return { disk, jobs: await agentOn(fullDisk(disk)) };
}

/** How a job of a run ended: its result, or the code that it was refused or failed with. */
async function ended<K extends JobKind>(
  jobs: JobTable,
  [of, step, epoch]: readonly [string, string, number],
  kind: K,
  params: JobParams[K],
): Promise<unknown> {
  try {
    const { id } = await jobs.start({ run: of, step, epoch }, kind, params);
    const status = (await jobs.status(id, 5000))?.status;
    if (status?.state === 'succeeded') return status.result;
    return status?.state === 'failed' ? status.problem.code : status?.state;
  } catch (thrown) {
    return asProblem(thrown, 'Starting it failed').code;
  }
}

const reverting = (jobs: JobTable, mayBeAbsent = false) =>
  ended(jobs, ['revert-1', 'bring-back', 7], 'revert-aside', { run, ...(mayBeAbsent ? { mayBeAbsent } : {}) });

test('an accept frees a disk that is full: it needs no byte before it has deleted the old data', async () => {
  const { disk, jobs } = await fullNode();
  expect(await ended(jobs, ['accept-1', 'check-kept', 7], 'look-aside', { run })).toMatchObject({ phase: 'kept' });
  expect(await ended(jobs, ['accept-1', 'delete-aside', 7], 'accept-aside', { run })).toEqual({
    bytes: oldData.length,
  });
  expect([...disk.below(directories.aside)]).toEqual([]);
  // What could not be written down before is written down once there is room.
  expect(disk.below('/var/agent').get('epoch.json')).toContain('7');
  expect(await ended(jobs, ['accept-0', 'delete-aside', 6], 'accept-aside', { run })).toBe('stale-epoch');
});

test('a job that moves data is not begun while its record cannot be written, and the problem names the disk', async () => {
  const { jobs } = await fullNode();
  const refused = jobs.start({ run: 'restore-2', step: 'set-aside', epoch: 7 }, 'set-aside', { run: 'restore-2' });
  await expect(refused).rejects.toMatchObject({ kind: 'refused', code: 'disk-full' });
  await expect(refused).rejects.toMatchObject({ next: expect.stringContaining('cardea restore revert') });
});

test('a job that was begun before goes on although its record cannot be written anew', async () => {
  const disk = emptyNode();
  const before = await agentOn(fullDisk(disk, disk.as(), 100_000));
  expect(await ended(before, ['restore-1', 'set-aside', 7], 'set-aside', { run })).toMatchObject({
    bytes: oldData.length,
  });
  expect(await ended(before, ['restore-1', 'restore-files', 7], 'restore-files', {} as never)).toBeUndefined();
  await before.stop();
  const restore = (jobs: JobTable) => ended(jobs, ['restore-1', 'restore-files', 8], 'restore-files', {} as never);
  disk.remove(restoredFile);
  disk.write('/var/agent/jobs/filler.txt', restoredData.repeat(2));
  // As the agent died in the middle of it.
  for (const [name, text] of disk.below('/var/agent/jobs')) {
    if (!name.includes('restore-files')) continue;
    const died = { ...(JSON.parse(text) as object), status: { state: 'running' } };
    disk.write(`/var/agent/jobs/${name}`, JSON.stringify(died));
  }
  const after = await agentOn(fullDisk(disk));
  // It is not the record that stops it, but what it has to write itself; once there is room it ends.
  expect(await restore(after)).toBe('disk-full');
  const problem = { code: 'disk-full', happened: expect.stringContaining('The job restore-files failed') };
  expect(after.newest(run, 'restore-files', 'restore-files')?.status).toMatchObject({ state: 'failed', problem });
  disk.remove('/var/agent/jobs/filler.txt');
  expect(await restore(after)).toBeUndefined();
});

test('a revert brings the old data back on a disk that what was restored has filled: it needs no byte', async () => {
  const { disk, jobs } = await fullNode((each) => each.write(restoredFile, restoredData));
  expect(await ended(jobs, ['revert-1', 'check-aside', 7], 'check-aside', {})).toEqual({ aside: ['restore-1'] });
  expect(await reverting(jobs)).toMatchObject({ path: `${directories.aside}/revert-${run}` });
  expect(disk.read(oldFile)).toBe(oldData);
  const look = async (of: string) => ended(jobs, ['accept-1', 'check-kept', 8], 'look-aside', { run: of });
  expect(await look(run)).toMatchObject({ phase: null });
  expect(await look(`revert-${run}`)).toMatchObject({ phase: 'kept' });
  // What it displaced is what fills the disk, and is counted although there was no room to write how much it is.
  expect(await ended(jobs, ['accept-1', 'delete-aside', 8], 'accept-aside', { run: `revert-${run}` })).toEqual({
    bytes: restoredData.length,
  });
  expect([...disk.below(directories.aside)]).toEqual([]);
});

test('what a restore has brought and never placed is freed before anything is asked or moved', async () => {
  const { disk, jobs } = await fullNode((each) => each.write(stagedFile, restoredData));
  expect(await ended(jobs, ['revert-1', 'clear-stage', 7], 'clear-stage', {})).toEqual({});
  expect(disk.read(stagedFile)).toBeUndefined();
  expect(disk.below('/var/agent').get('epoch.json')).toContain('7');
  expect(await reverting(jobs)).toMatchObject({ path: `${directories.aside}/revert-${run}` });
});

test('a revert leaves a node in place that the restore had not come to when its disk was full', async () => {
  const disk = emptyNode();
  disk.write(`${directories.data}/system/local/nb-1-big-Data.db`, 'who it is');
  const jobs = await agentOn(fullDisk(disk));
  expect(await ended(jobs, [run, 'set-aside', 6], 'set-aside', { run })).toBe('disk-full');
  expect(await reverting(jobs, true)).toMatchObject({ path: null });
  expect(disk.read(oldFile)).toBe(oldData);
  const other = { run: `revert-${run}` };
  expect(await ended(jobs, ['accept-1', 'check-kept', 8], 'look-aside', other)).toMatchObject({ phase: 'kept' });
  expect(await ended(jobs, ['accept-1', 'delete-aside', 8], 'accept-aside', other)).toEqual({ bytes: 0 });
  expect([...disk.below(directories.aside)]).toEqual([]);
});

test.each([
  ['that was whole', false],
  ['that broke off', true],
])('killed at any change on a full disk, a revert of a restore %s is completed by the same job', async (_, half) => {
  let kills = 0;
  for (let at = 0; ; at += 1) {
    const disk = emptyNode();
    let left = half ? 7 : Number.POSITIVE_INFINITY;
    const dying = disk.as(async () => {
      if (left <= 0) throw new Error('killed');
      left -= 1;
    });
    await setAside(partsOf(dying), { run }, context).catch(() => undefined);
    left = at;
    const full = fullDisk(disk, dying);
    const revert = async () => revertAside(partsOf(full), { run }, context);
    const died = await revert().then(
      () => false,
      () => true,
    );
    left = Number.POSITIVE_INFINITY;
    await revert();
    expect(disk.read(oldFile)).toBe(oldData);
    expect(await lookAside(partsOf(full), { run: `revert-${run}` })).toMatchObject({ phase: 'kept' });
    if (!died) break;
    kills += 1;
  }
  expect(kills).toBeGreaterThan(5);
});

test('an agent starts on a full disk although a job died with the last one', async () => {
  const disk = emptyNode();
  const record = {
    kind: 'agent-job',
    version: 1,
    run,
    step: 'restore-files',
    epoch: 7,
    job: 'restore-files',
    params: {},
    startedAt: new Date().toISOString(),
    status: { state: 'running' },
  };
  disk.write('/var/agent/jobs/restore-1.restore-files.restore-files.44136fa3.json', JSON.stringify(record));
  const jobs = await agentOn(fullDisk(disk));
  expect(jobs.newest(run, 'restore-files', 'restore-files')?.status).toEqual({ state: 'lost' });
});

test('a fault of a full disk below any operation is named as that', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  const quota = new Error('it failed', { cause: Object.assign(new Error('over quota'), { code: 'EDQUOT' }) });
  for (const thrown of [full, quota]) {
    expect(asProblem(thrown, 'The job upload failed')).toMatchObject({ kind: 'failed', code: 'disk-full' });
  }
});

test('an accept that died on a full disk is still an accept, and nothing brings half of it back', async () => {
  const { disk } = await fullNode();
  const folder = `${directories.aside}/${run}`;
  const files = fullDisk(disk);
  const dying: NodeFiles = {
    ...files,
    remove: async () => {
      throw new Error('killed');
    },
  };
  await expect(acceptAside(partsOf(dying), { run }, context)).rejects.toThrow('killed');
  expect(await lookAside(partsOf(files), { run })).toMatchObject({ phase: 'accepting' });
  await acceptAside(partsOf(files), { run }, context);
  expect([...disk.below(folder)]).toEqual([]);
});
