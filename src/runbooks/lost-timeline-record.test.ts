import { expect, test } from 'vitest';
import {
  accept,
  backup,
  environment,
  keysOf,
  nextOf,
  restore,
  runOf,
  wordOf,
} from '../../test/support/told-sequences.ts';
import { Problem } from '../model/problem.ts';
import { currentTimeline } from './catalog/timeline-record.ts';
import { listPoints } from './catalog/point-catalog.ts';

/* The store has lost the record of one timeline; everything else is whole. */

test('the record of the current timeline is lost: the next restore does not begin a second life of it, into which the first is replayed', async () => {
  const world = await environment();
  const { played } = world;
  const one = runOf(await restore(world));
  expect(wordOf(await accept(world, one))).toBe('succeeded');
  await played.clock.sleep(60_000);
  // Written on t0002, and given up by the second restore.
  await played.write();
  await played.write();
  const abandoned = keysOf(world);
  await played.clock.sleep(60_000);
  await played.ring.ship();
  expect(await currentTimeline(played.bucket)).toBe('t0002');
  played.bucket.remove('timelines/t0002.json');
  const two = runOf(await restore(world));
  const base = keysOf(world);
  const gone = abandoned.filter((key) => !base.includes(key));
  expect(gone.length).toBeGreaterThan(0);
  expect(wordOf(await accept(world, two))).toBe('succeeded');
  await played.clock.sleep(60_000);
  await played.write();
  await played.clock.sleep(60_000);
  await played.ring.ship();
  const wanted = keysOf(world);
  const third = await played.carryOut({ deed: 'instant' }, played.newProcess());
  await played.clock.sleep(40_000);
  const refused = third instanceof Problem;
  const ghosts = keysOf(world).filter((key) => gone.includes(key));
  expect({ ghosts, lost: refused ? [] : wanted.filter((key) => !keysOf(world).includes(key)) }).toEqual({
    ghosts: [],
    lost: [],
  });
});

test('the record of the current timeline is lost: a restore to newest does not bring the history back that was left, in place of what was acknowledged', async () => {
  const world = await environment();
  const { played } = world;
  const one = runOf(await restore(world));
  expect(wordOf(await accept(world, one))).toBe('succeeded');
  await played.clock.sleep(60_000);
  await played.write();
  await played.clock.sleep(60_000);
  await played.ring.ship();
  const wanted = keysOf(world);
  played.bucket.remove('timelines/t0002.json');
  const outcome = await played.carryOut({ deed: 'instant' }, played.newProcess());
  await played.clock.sleep(40_000);
  const now = keysOf(world);
  const changed = {
    lost: wanted.filter((key) => !now.includes(key)),
    ghosts: now.filter((key) => !wanted.includes(key)),
  };
  expect(wordOf(outcome) === 'succeeded' ? changed : { lost: [], ghosts: [] }).toEqual({ lost: [], ghosts: [] });
});

test.each(['the only timeline', 'the parent of the current timeline'])(
  'the record of %s is lost: after the backup that is named, instants can be restored again',
  async (which) => {
    const world = await environment();
    const { played } = world;
    if (which !== 'the only timeline') {
      expect(wordOf(await accept(world, runOf(await restore(world))))).toBe('succeeded');
      await played.clock.sleep(60_000);
      await played.write();
    }
    const lost = 't0001';
    played.bucket.remove(`timelines/${lost}.json`);
    const story: string[] = [];
    for (let each = 0; each < 2; each += 1) {
      story.push(`backup: ${wordOf(await backup(world))}`);
      await played.clock.sleep(60_000);
      await played.write();
      await played.clock.sleep(60_000);
      await played.ring.ship();
    }
    const outcome = await played.carryOut({ deed: 'instant' }, played.newProcess());
    await played.clock.sleep(40_000);
    story.push(`newest: ${wordOf(outcome)}: ${nextOf(outcome)}`);
    expect(wordOf(outcome), story.join('\n')).toBe('succeeded');
  },
);

test('the record of the current timeline is lost: a backup does not call what it takes a base of the timeline that was left', async () => {
  const world = await environment();
  const { played } = world;
  const one = runOf(await restore(world));
  expect(wordOf(await accept(world, one))).toBe('succeeded');
  await played.clock.sleep(60_000);
  await played.write();
  await played.clock.sleep(60_000);
  await played.ring.ship();
  played.bucket.remove('timelines/t0002.json');
  const saved = await backup(world);
  const [newest] = await listPoints(played.bucket);
  // Refused, or of another timeline than the one that was left.
  expect([wordOf(saved), newest?.timeline]).not.toEqual(['succeeded', 't0001']);
});
