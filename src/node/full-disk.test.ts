import { afterEach, expect, test } from 'vitest';
import { MemoryFiles } from '../../test/support/memory-files.ts';
import { systemClock } from '../adapters/system/clock.ts';
import type { NodeFiles } from '../ports/node-files.ts';
import { acceptAside, lookAside, setAside } from './jobs/aside-jobs.ts';
import type { JobRunners } from './jobs/job-context.ts';
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
const tables: JobTable[] = [];

afterEach(async () => {
  for (const table of tables.splice(0)) await table.stop();
});

/** Nothing more can be written than was freed since. */
function fullDisk(disk: MemoryFiles, files: NodeFiles): NodeFiles {
  const used = () => [...disk.below('/var').values()].reduce((sum, text) => sum + text.length, 0);
  const capacity = used();
  const room = (bytes: number) => {
    if (used() + bytes > capacity) {
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    }
  };
  return {
    ...files,
    writeWhole: async (path, text) => {
      room(text.length);
      await files.writeWhole(path, text);
    },
    append: async (path, bytes, like) => {
      room(bytes.length);
      await files.append(path, bytes, like);
    },
  };
}

/** A restore was made; then the disk ran full. The agent was started after that. */
async function fullNode() {
  const disk = new MemoryFiles();
  for (const folder of Object.values(directories)) disk.makeFolder(folder);
  disk.write(`${directories.data}/bank/edges/nb-1-big-Data.db`, 'old data '.repeat(10_000));
  const parts = (files: NodeFiles) =>
    ({
      node: 'node-1',
      clock: systemClock,
      files,
      directories,
      database: {
        standing: async () => ({ lock: 'free', seen: undefined, seesAll: true }),
        takeLock: async () => ({ release: async () => {} }),
      },
    }) as unknown as NodeParts;
  const context = { signal: new AbortController().signal, progress: () => {}, log: () => {} };
  await setAside(parts(disk.as()), { run }, context);
  const files = fullDisk(disk, disk.as());
  const runners = {
    'set-aside': async () => ({}),
    'look-aside': async (params: { run: string }) => lookAside(parts(files), params),
    'accept-aside': async (params: { run: string }) => acceptAside(parts(files), params, context),
  } as unknown as JobRunners;
  const jobs = new JobTable({
    store: jobStoreIn('/var/agent', files),
    runners,
    clock: systemClock,
    log: { write: () => {} },
  });
  await jobs.recover();
  tables.push(jobs);
  return { disk, jobs };
}

test('an accept frees a disk that is full: it needs no byte before it has deleted the old data', async () => {
  const { disk, jobs } = await fullNode();
  const look = await jobs.start({ run: 'accept-1', step: 'check-kept', epoch: 7 }, 'look-aside', { run });
  expect((await jobs.status(look.id, 5000))?.status).toMatchObject({ state: 'succeeded', result: { phase: 'kept' } });
  const accept = await jobs.start({ run: 'accept-1', step: 'delete-aside', epoch: 7 }, 'accept-aside', { run });
  expect((await jobs.status(accept.id, 5000))?.status).toMatchObject({ state: 'succeeded' });
  expect([...disk.below(directories.aside)]).toEqual([]);
  // What could not be written down before is written down once there is room.
  expect(disk.below('/var/agent').get('epoch.json')).toContain('7');
  await expect(
    jobs.start({ run: 'accept-0', step: 'delete-aside', epoch: 6 }, 'accept-aside', { run }),
  ).rejects.toMatchObject({ code: 'stale-epoch' });
});

test('a job that moves data is not begun while its record cannot be written', async () => {
  const { jobs } = await fullNode();
  await expect(
    jobs.start({ run: 'restore-2', step: 'set-aside', epoch: 7 }, 'set-aside', { run: 'restore-2' }),
  ).rejects.toThrow('ENOSPC');
});

test('an accept that died on a full disk is still an accept, and nothing brings half of it back', async () => {
  const { disk } = await fullNode();
  const folder = `${directories.aside}/${run}`;
  const files = fullDisk(disk, disk.as());
  const dying: NodeFiles = {
    ...files,
    remove: async () => {
      throw new Error('killed');
    },
  };
  const parts = (of: NodeFiles) => ({ node: 'node-1', files: of, directories }) as unknown as NodeParts;
  const context = { signal: new AbortController().signal, progress: () => {}, log: () => {} };
  await expect(acceptAside(parts(dying), { run }, context)).rejects.toThrow('killed');
  expect(await lookAside(parts(files), { run })).toEqual({ phase: 'accepting' });
  await acceptAside(parts(files), { run }, context);
  expect([...disk.below(folder)]).toEqual([]);
});
