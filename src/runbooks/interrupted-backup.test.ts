import { expect, test } from 'vitest';
import { killedWhen } from '../../test/support/killed-when.ts';
import { backup, environment, nextOf, type Process, resume, wordOf } from '../../test/support/told-sequences.ts';
import { backupRunbook } from './index.ts';

/* A backup that was interrupted and is carried on later. */

test('the point of a backup that was interrupted stays until the backup has ended', async () => {
  const { world, run } = await killedWhen(
    async () => {
      const world = await environment();
      return { world, work: async (process: Process) => world.played.begin(process, backupRunbook, { cut: 'fuzzy' }) };
    },
    30,
    async (_run, steps) => steps['record-taken']?.status === 'succeeded',
  );
  const { played } = world;
  await played.clock.sleep(31 * 24 * 3_600_000);
  for (let count = 0; count < 4; count += 1) {
    await played.write();
    expect(wordOf(await backup(world))).toBe('succeeded');
  }
  const again = await resume(world, run);
  expect(wordOf(again), nextOf(again)).toBe('succeeded');
});
