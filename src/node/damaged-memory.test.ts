import { expect, test } from 'vitest';
import { HastyClock } from '../../test/support/hasty-clock.ts';
import { MemoryFiles } from '../../test/support/memory-files.ts';
import { jobStoreIn } from './job-store.ts';
import { JobTable } from './job-table.ts';
import { shippingStateIn } from './shipping/shipping-state.ts';
import type { JobRunners } from './jobs/job-context.ts';

/* What an agent remembers, damaged. */

const key = { run: 'restore-20260219-020300-k3f9', step: 'check-aside', epoch: 7 };

test.each([
  ['has a flipped bit', (text: string) => text.replace('"agent-job"', '"agent-jnb"')],
  [
    'is of a job that this version does not have',
    (text: string) => text.replace(/"job": ?"check-aside"/, '"job":"move-index"'),
  ],
])('an agent starts where one record of its earlier jobs %s', async (_what, change) => {
  const disk = new MemoryFiles();
  const table = () =>
    new JobTable({
      store: jobStoreIn('/agent', disk.as()),
      runners: { 'check-aside': async () => ({ aside: [] }) } as unknown as JobRunners,
      clock: new HastyClock(),
      log: { write: () => {} },
    });
  const first = table();
  const { id } = await first.start(key, 'check-aside', {});
  await first.status(id, 1000);
  await first.stop();
  const file = `/agent/jobs/${id}.json`;
  const text = disk.read(file) ?? '';
  expect(change(text)).not.toBe(text);
  disk.write(file, change(text));
  const next = table();
  await next.recover();
  expect(next.highestEpoch).toBe(7);
  expect((await next.start({ ...key, epoch: 8 }, 'check-aside', {})).id).toBe(id);
});

test('an agent whose memory of its shipping has a flipped bit is one without that memory, as where the file is gone', async () => {
  const disk = new MemoryFiles();
  const store = shippingStateIn('/agent', disk.as());
  const without = await store.load();
  await store.save({ after: null, paused: true, order: 3 });
  const text = disk.read('/agent/shipping.json') ?? '';
  disk.write('/agent/shipping.json', text.replace('"paused"', '"pausee"'));
  await expect(store.load()).resolves.toEqual(without);
});
