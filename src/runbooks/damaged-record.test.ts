import { expect, test } from 'vitest';
import {
  accept,
  backup,
  environment,
  type Environment,
  flip,
  halfRestored,
  isUp,
  keysOf,
  nextOf,
  restore,
  revert,
  runOf,
  wordOf,
} from '../../test/support/told-sequences.ts';
import { restoreDecisions } from '../cli/runs/undecided-restore.ts';

/* Damaged records of restores whose journals are gone: the runs that decided them tell, or the nodes. */

function forget({ played }: Environment, prefix: string): void {
  for (const key of Array.from(played.bucket.objects.keys())) if (key.startsWith(prefix)) played.bucket.remove(key);
}

async function damagedRecords({ played }: Environment): Promise<readonly string[]> {
  const process = played.newProcess();
  const found = await restoreDecisions({ ...played.worldOf(process), store: played.bucket });
  process.end();
  return found.damagedRecords;
}

test.each([
  { gone: 'its own journal is gone', all: false },
  { gone: 'so is that of the run that accepted it', all: true },
])(
  'the damaged record of a restore that was accepted keeps nobody from a backup and a restore: $gone',
  async ({ all }) => {
    const world = await environment();
    const made = runOf(await restore(world));
    const accepted = await accept(world, made);
    expect(wordOf(accepted)).toBe('succeeded');
    forget(world, `runs/${made}/`);
    if (all) forget(world, `runs/${runOf(accepted)}/`);
    flip(world, new RegExp(`^restores/${made}\\.json$`));
    expect(await damagedRecords(world)).toEqual([expect.stringContaining(made)]);
    const saved = await backup(world);
    const again = await restore(world);
    expect([wordOf(saved), wordOf(again)], `${nextOf(saved)}\n${nextOf(again)}`).toEqual(['succeeded', 'succeeded']);
  },
);

test('while the nodes keep what such a restore has moved aside, a backup and a restore are refused, and what they name brings it back', async () => {
  const world = await environment();
  const before = keysOf(world);
  const half = await halfRestored(world);
  forget(world, `runs/${half}/`);
  flip(world, new RegExp(`^restores/${half}\\.json$`));
  const [saved, again] = [await backup(world), await restore(world)];
  const named = `cardea restore revert ${half} --confirm local`;
  expect([wordOf(saved), wordOf(again)]).toEqual(['restore-unfinished', 'restore-open']);
  expect([nextOf(saved), nextOf(again)]).toEqual([expect.stringContaining(named), expect.stringContaining(named)]);
  const back = await revert(world, half);
  expect([wordOf(back), isUp(world), keysOf(world)], nextOf(back)).toEqual(['succeeded', true, before]);
});
