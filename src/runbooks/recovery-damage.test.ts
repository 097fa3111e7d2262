import { expect, test } from 'vitest';
import { beginningOf, type Outcome, Played } from '../../test/support/recovery-history.ts';
import { Problem } from '../model/problem.ts';
import { findingsKey, knownFindings, recordFindings } from './catalog/finding-catalog.ts';
import { listPoints } from './catalog/point-catalog.ts';
import { acceptRunbook, backupRunbook, restoreRunbook, revertRunbook } from './index.ts';

/**
 * One flipped bit in an object that Cardea keeps for itself: it is named or told anew from what else is known, and it stops no backup, no restore
 * and no way back. Objects of points and of the log are in test/unit/flipped-bits.test.ts.
 */
async function environment() {
  const played = new Played({ faults: [], person: [] }, await beginningOf(3, 1));
  const [first] = await listPoints(played.bucket);
  if (first === undefined) throw new TypeError('the beginning has no point');
  const run = async (work: (process: ReturnType<Played['newProcess']>) => Promise<Outcome>) => {
    const outcome = await work(played.newProcess());
    await played.clock.sleep(40_000);
    return outcome;
  };
  return {
    played,
    run,
    restore: async () =>
      run(async (process) => played.begin(process, restoreRunbook, { point: first.id, newBase: false }, true)),
    revert: async (restore: string) =>
      run(async (process) => played.begin(process, revertRunbook, { restore, newBase: false }, true)),
    accept: async (restore: string) => run(async (process) => played.begin(process, acceptRunbook, { restore }, true)),
    backup: async () =>
      run(async (process) => played.begin(process, backupRunbook, { cut: 'fuzzy', retention: false })),
    flip(key: RegExp): string {
      const [found] = [...played.bucket.objects.keys()].filter((each) => key.test(each));
      if (found === undefined) throw new TypeError(`no object like ${key.source}`);
      const body = Uint8Array.from(played.bucket.objects.get(found) ?? []);
      const at = Math.floor(body.length / 2);
      body[at] = (body[at] ?? 0) ^ 1;
      played.bucket.set(found, body);
      played.oracle.blind = true;
      return found;
    },
    /** A restore that is killed with its data half in place. */
    async halfRestore(): Promise<string> {
      const process = played.newProcess({ at: 100, before: true, how: 'killed' });
      const going = played.begin(process, restoreRunbook, { point: first.id, newBase: false }, true);
      expect(await Promise.race([going, process.death])).toBe('dead');
      await played.clock.sleep(40_000);
      const key = [...played.bucket.objects.keys()].find((each) => /^restores\/restore-[^/]+\.json$/.test(each)) ?? '';
      return key.slice('restores/'.length, -'.json'.length);
    },
    isUp: () => played.ring.isUp && played.ring.graph.up,
  };
}

function wordOf(outcome: Outcome): string {
  return outcome instanceof Problem ? outcome.code : (outcome.problem?.code ?? outcome.status);
}

function runOf(outcome: Outcome): string {
  if (outcome instanceof Problem) throw outcome;
  return outcome.run;
}

test.each([
  ['the record of a restore that was accepted', /^restores\/restore-[^/]+\.json$/],
  ['the order of the shipping', /^environment\/shipping\.json$/],
  ['the newest timeline', /^timelines\/t0002\.json$/],
])('%s: backups and restores go on', async (_what, key) => {
  const world = await environment();
  const first = await world.restore();
  expect(wordOf(await world.accept(runOf(first)))).toBe('succeeded');
  await world.played.write();
  world.flip(key);
  expect(wordOf(await world.backup())).toBe('succeeded');
  const again = await world.restore();
  expect(wordOf(again)).toBe('succeeded');
  expect(wordOf(await world.revert(runOf(again)))).toBe('succeeded');
  expect(world.isUp()).toBe(true);
});

test.each([
  ['the record', /^restores\/restore-[^/]+\.json$/],
  ['the ids', /^restores\/restore-[^/]+\/ids\.json$/],
  ['the order of the shipping', /^environment\/shipping\.json$/],
  ['the oldest timeline', /^timelines\/t0001\.json$/],
])('%s of a restore that is half done: it is carried on, and it is reverted', async (_what, key) => {
  for (const back of [false, true]) {
    const world = await environment();
    const half = await world.halfRestore();
    world.flip(key);
    const way = back
      ? await world.revert(half)
      : await world.run(async (process) => world.played.resume(process, half, { confirmed: true }));
    expect(wordOf(way)).toBe('succeeded');
    expect(world.isUp()).toBe(true);
    expect(await world.played.told()).toMatch(/^cardea restore accept /);
    expect(world.played.ring.doubled).toBe(false);
  }
});

test('the journal of a restore that is half done: it is reverted', async () => {
  const world = await environment();
  const half = await world.halfRestore();
  world.flip(new RegExp(`^runs/${half}/000007`));
  expect(wordOf(await world.backup())).toBe('restore-unfinished');
  expect(wordOf(await world.accept(half))).toBe('restore-unfinished');
  expect(wordOf(await world.revert(half))).toBe('succeeded');
  expect(world.isUp()).toBe(true);
});

test('findings that cannot be read count as new, are named, and begin no baseline anew', async () => {
  const { played } = await environment();
  const { bucket } = played;
  const nothing = { all: [], allNew: [], counts: {} };
  await recordFindings(bucket, 'backup-20260219-020000', nothing, { at: new Date(0), first: true });
  const key = findingsKey('backup-20260219-020000');
  bucket.set(key, bucket.text(key).replace('"counts"', '"countt"'));
  expect((await knownFindings(bucket)).damaged).toEqual([expect.stringContaining(key)]);
});
