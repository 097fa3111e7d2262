import { expect, test } from 'vitest';
import { aRestore, aRevert, killedWhen, restoring, reverting, stoppedAlone } from '../../test/support/killed-when.ts';
import {
  accept,
  cancelled,
  environment,
  halfRestored,
  isUp,
  keysOf,
  killed,
  left,
  nextOf,
  nodeOf,
  type Process,
  replaceDisk,
  restore,
  resume,
  revert,
  runOf,
  stateOf,
  wordOf,
} from '../../test/support/told-sequences.ts';
import { listOpenRestores } from './catalog/restore-catalog.ts';

/* One restore, revert or accept at a time: what was left with servers stopped comes to its end before another begins. */

test.each(['resume', 'cancel'] as const)(
  'a restore that was left after it had stopped servers is ended before another change begins, by %s',
  async (way) => {
    const { world, run } = await killedWhen(aRestore, 68, stoppedAlone);
    const { played } = world;
    const named = `cardea run resume ${run}`;
    expect(await played.told()).toBe(named);
    const other = await restore(world);
    expect([wordOf(other), isUp(world)]).toEqual(['change-unfinished', false]);
    expect(nextOf(other)).toContain(`${named}. Or end it, which starts the servers again: cardea run cancel ${run}`);
    // What was refused since hides nothing.
    expect(await played.told()).toBe(named);
    const ended = way === 'resume' ? await resume(world, run) : await cancelled(world, run);
    expect([wordOf(ended), isUp(world)], nextOf(ended)).toEqual([way === 'resume' ? 'succeeded' : 'cancelled', true]);
    const next = way === 'resume' ? await revert(world, run) : await restore(world);
    expect([wordOf(next), isUp(world)], nextOf(next)).toEqual(['succeeded', true]);
  },
);

test.each(['resume', 'cancel'] as const)(
  'a revert that was left after it had stopped servers is ended before another begins, by %s',
  async (way) => {
    const { world, run } = await killedWhen(aRevert(), 46, stoppedAlone);
    const { played } = world;
    const [record] = await listOpenRestores(played.bucket);
    const made = record?.run ?? 'none';
    for (const other of [await revert(world, made), await accept(world, made)]) {
      expect([wordOf(other), isUp(world)]).toEqual(['restore-being-decided', false]);
      expect(nextOf(other)).toContain(`cardea run resume ${run}. Or`);
    }
    expect(await played.told()).toBe(`cardea run resume ${run}`);
    const ended = way === 'resume' ? await resume(world, run) : await cancelled(world, run);
    expect([wordOf(ended), isUp(world)], nextOf(ended)).toEqual([way === 'resume' ? 'succeeded' : 'cancelled', true]);
    const next = await accept(world, way === 'resume' ? run : made);
    expect([wordOf(next), isUp(world)], nextOf(next)).toEqual(['succeeded', true]);
    expect(await played.told()).toBeUndefined();
  },
);

test.each(['half', 'whole'] as const)(
  'a revert that was left after it had recorded what it moved aside is carried on, and no second one begins (%s)',
  async (kind) => {
    const { world, run } = await killedWhen(aRevert(kind === 'half'), 96, (of, _steps, { played }) =>
      played.bucket.objects.has(`restores/${of}.json`),
    );
    const { played } = world;
    const made = (await listOpenRestores(played.bucket)).find((each) => each.run !== run)?.run ?? 'none';
    const second = await revert(world, made);
    expect(wordOf(second)).not.toBe('succeeded');
    expect(await played.told()).toBe(`cardea run resume ${run}`);
    expect(wordOf(await resume(world, run))).toBe('succeeded');
    expect(isUp(world)).toBe(true);
  },
);

test('a change whose journal is gone keeps no other from beginning', async () => {
  const { world, run } = await killedWhen(aRestore, 68, stoppedAlone);
  const { bucket } = world.played;
  for (const key of [...bucket.objects.keys()].filter((each) => each.startsWith(`runs/${run}/`))) bucket.remove(key);
  const other = await restore(world);
  expect([wordOf(other), isUp(world)], nextOf(other)).toEqual(['succeeded', true]);
});

test('a disk that is lost while a revert was left is given up by what the revert names when it is carried on', async () => {
  const { world, run } = await killedWhen(aRevert(), 46, stoppedAlone);
  const { played } = world;
  const [record] = await listOpenRestores(played.bucket);
  const made = record?.run ?? 'none';
  replaceDisk(nodeOf(world, 2));
  const early = await accept(world, made, ['node-2']);
  expect(wordOf(early)).toBe('restore-being-decided');
  const again = await resume(world, run);
  expect(nextOf(again)).toContain(`cardea restore accept ${made} --lost node-2 --confirm local`);
  const story = [`resume: ${wordOf(again)}: ${nextOf(again)}`];
  const given = await accept(world, made, ['node-2']);
  story.push(`accept: ${wordOf(given)}: ${nextOf(given)}`);
  const anew = await restore(world);
  expect([wordOf(anew), isUp(world)], `${story.join('\n')} ${nextOf(anew)}`).toEqual(['succeeded', true]);
});

test('a restore that was interrupted at its beginning is not carried out over what was restored and written since', async () => {
  const { world, run } = await killedWhen(
    async () => {
      const world = await environment();
      return { world, work: async (process: Process) => world.played.carryOut({ deed: 'instant' }, process) };
    },
    2,
    (_run, steps) => steps['check-point'] !== undefined && steps['note-history'] === undefined,
  );
  const { played } = world;
  const other = await restore(world);
  expect([wordOf(other), wordOf(await accept(world, runOf(other)))]).toEqual(['succeeded', 'succeeded']);
  await played.write();
  const living = keysOf(world);
  const story = [`${run}, then ${runOf(other)}`, `told: ${await played.told()}`];
  const again = await resume(world, run);
  story.push(`resume: ${wordOf(again)}: ${nextOf(again)}`, `told: ${await played.told()}`);
  expect([wordOf(again), keysOf(world)], story.join('\n')).toEqual(['history-changed', living]);
});

test('a restore that was left at its beginning, while another one was half done, is not carried out over what that one brought and was written since', async () => {
  const world = await environment();
  const { played } = world;
  const half = await halfRestored(world);
  // Somebody begins another one, and is killed before he is refused.
  let at = 1;
  let other: string | undefined;
  for (; at < 6; at += 1) {
    if (!(await killed(world, at, restoring(world)))) continue;
    other = await left(world);
    if (other !== undefined && other !== half) break;
  }
  const begun = other ?? 'none';
  expect((await stateOf(world, begun))?.steps['note-history']).toBeUndefined();
  expect(wordOf(await resume(world, half))).toBe('succeeded');
  expect(wordOf(await accept(world, half))).toBe('succeeded');
  await played.write();
  const living = keysOf(world);
  const again = await resume(world, begun);
  expect([wordOf(again), keysOf(world)], nextOf(again)).toEqual(['history-changed', living]);
});

test('the commands that the resume of a restore names start the servers again, where the revert of it was left, too', async () => {
  let at = 20;
  for (; at < 80; at += 1) {
    const { world, run } = await killedWhen(
      aRestore,
      68,
      (_run, steps) => steps['open-record']?.status === 'succeeded' && steps['set-aside'] === undefined,
    );
    if (!(await killed(world, at, reverting(world, run)))) break;
    const second = await left(world);
    if (second === undefined || second === run) continue;
    const steps = (await stateOf(world, second))?.steps ?? {};
    if (steps['stop-database']?.status !== 'succeeded' || steps['begin-decision'] !== undefined) continue;
    const story = [`told: ${await world.played.told()}`];
    const refused = await resume(world, run);
    story.push(`resume of ${run}: ${wordOf(refused)}: ${nextOf(refused)}`);
    const named = [...nextOf(refused).matchAll(/cardea run cancel (\S+-\w+)/g)].map(([, each = '']) => each);
    const ends: string[] = [];
    for (const each of named) ends.push(wordOf(await cancelled(world, each)));
    story.push(`cancel of ${named.join(', ')}: ${ends.join(', ')}`, `then told: ${await world.played.told()}`);
    expect([named, ends, isUp(world)], story.join('\n')).toEqual([[second, run], ['cancelled', 'cancelled'], true]);
    return;
  }
  throw new TypeError(`no moment like that up to ${at}`);
});
