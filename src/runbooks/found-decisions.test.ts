import { expect, test } from 'vitest';
import { aRevert, killedWhen } from '../../test/support/killed-when.ts';
import { directories } from '../../test/support/simulated-ring.ts';
import { environmentOfRestore } from '../cli/runs/run-lookup.ts';
import { Problem } from '../model/problem.ts';
import { listOpenRestores } from './catalog/restore-catalog.ts';
import { restoreRunbook, revertRunbook } from './index.ts';
import {
  accept,
  backup,
  cancelled,
  contextOf,
  emptied,
  environment,
  flip,
  halfRestored,
  isUp,
  keysOf,
  killed,
  left,
  nextOf,
  nodeOf,
  type Process,
  restore,
  resume,
  revert,
  run,
  runOf,
  startedByHand,
  stateOf,
  wordOf,
} from '../../test/support/told-sequences.ts';

test('a restore that succeeded and served is not called half when only its journal is damaged, and its revert can be taken back', async () => {
  const world = await environment();
  const made = runOf(await restore(world));
  await world.played.write();
  const served = keysOf(world);
  flip(world, new RegExp(`^runs/${made}/000007`));
  const back = await revert(world, made);
  expect(wordOf(back)).toBe('succeeded');
  const again = await revert(world, runOf(back));
  expect([wordOf(again), nextOf(again)]).toEqual(['succeeded', '']);
  expect(keysOf(world)).toEqual(served);
});

test('a restore that served unproven, with writes acknowledged on it, is not "never a whole environment" after a revert', async () => {
  const world = await environment();
  world.played.proofFails = true;
  const failed = await restore(world);
  expect(wordOf(failed)).toBe('fingerprint-differs');
  await world.played.write();
  await world.played.write();
  const served = keysOf(world);
  const back = await revert(world, runOf(failed));
  expect(wordOf(back)).toBe('succeeded');
  const again = await revert(world, runOf(back));
  expect([wordOf(again), nextOf(again)]).toEqual(['succeeded', '']);
  expect(keysOf(world)).toEqual(served);
});

test('a bucket emptied after a restore had succeeded and served: what is named keeps what was written since', async () => {
  const world = await environment();
  const { played } = world;
  const made = runOf(await restore(world));
  await played.write();
  const served = keysOf(world);
  await emptied(world);
  for (const node of played.ring.nodes) node.stop();
  played.ring.graph.up = false;
  const story = [`accept: ${wordOf(await accept(world, made))}`];
  const refused = await startedByHand(world);
  story.push(refused?.next ?? 'nothing');
  const back = await revert(world, made);
  story.push(`revert: ${wordOf(back)}`);
  const again = back instanceof Problem ? back : await revert(world, runOf(back));
  story.push(`revert of the revert: ${wordOf(again)}: ${nextOf(again)}`);
  story.push((await played.told()) ?? 'nothing is told');
  expect(keysOf(world), story.join('\n')).toEqual(served);
});

test('a revert that a machine whose clock is behind began, and that stopped the servers, is seen by an accept', async () => {
  const wrong: string[] = [];
  let seen = 0;
  for (let at = 25; at <= 45; at += 1) {
    const world = await environment();
    const made = runOf(await restore(world));
    const { played } = world;
    played.setClock(-7200);
    const work = async (process: Process) =>
      played.begin(process, revertRunbook, { restore: made, newBase: false }, true);
    const dead = await killed(world, at, work);
    played.setClock(0);
    if (!dead) break;
    const [record] = await listOpenRestores(played.bucket);
    if (record?.state !== 'open' || isUp(world)) continue;
    seen += 1;
    const outcome = await accept(world, made);
    if (wordOf(outcome) !== 'restore-being-decided') {
      const told = await played.told();
      wrong.push(`killed at ${at}: accept ${wordOf(outcome)}; graph ${isUp(world) ? 'up' : 'down'}; told ${told}`);
    }
  }
  expect(seen).toBeGreaterThan(2);
  expect(wrong).toEqual([]);
});

test('a record that was made anew, of a restore whose journal is gone, keeps a backup from recording its half placed data', async () => {
  const wrong: string[] = [];
  let seen = 0;
  for (let at = 80; at <= 190; at += 2) {
    const world = await environment();
    const { played } = world;
    const work = async (process: Process) =>
      played.begin(process, restoreRunbook, { point: world.point, newBase: false }, true);
    if (!(await killed(world, at, work, true))) break;
    const [record] = await listOpenRestores(played.bucket);
    if (record === undefined || !played.ring.isUp || played.ring.graph.up) continue;
    await emptied(world);
    await played.bucket.put(
      'timelines/t0001.json',
      `${JSON.stringify({ kind: 'timeline', version: 1, id: 't0001', environment: 'local', exclusions: [], openedAt: '2026-02-19T02:00:00.000000Z', why: 'anew' })}\n`,
    );
    nodeOf(world, 1).faults.set('check-aside', ['refused']);
    const back = await revert(world, record.run);
    seen += 1;
    const told = await played.told();
    const saved = await backup(world);
    if (wordOf(saved) === 'succeeded')
      wrong.push(`killed at ${at}: revert ${wordOf(back)}; told ${told}; backup ${wordOf(saved)}`);
  }
  expect(seen).toBeGreaterThan(0);
  expect(wrong).toEqual([]);
});

test('a bit that flips in the record of a restore that was reverted and is decided long since names no way that stops the servers', async () => {
  const world = await environment();
  const { played } = world;
  const made = runOf(await restore(world));
  nodeOf(world, 1).faults.set('revert-aside', ['refused']);
  expect(wordOf(await revert(world, made))).toBe('refused-by-fault');
  const back = await revert(world, made);
  expect(wordOf(back)).toBe('succeeded');
  expect(wordOf(await accept(world, runOf(back)))).toBe('succeeded');
  expect(await played.told()).toBeUndefined();
  flip(world, new RegExp(`^restores/${made}\\.json$`));
  const story: string[] = [];
  for (let turn = 0; turn < 3; turn += 1) {
    const told = await played.told();
    story.push(`told: ${told}`);
    if (told === undefined) break;
    const outcome = await run(world, (process) => played.carryOut({ deed: 'told' }, process));
    story.push(`${wordOf(outcome)}: ${nextOf(outcome)}`);
  }
  expect(isUp(world), story.join('\n')).toBe(true);
  expect(story).toEqual(['told: undefined']);
});

test('of a revert that met a lost disk in its middle the status names the way that works', async () => {
  const world = await environment();
  const { played } = world;
  const made = runOf(await restore(world));
  await played.write();
  nodeOf(world, 1).faults.set('revert-aside', ['refused']);
  expect(wordOf(await revert(world, made))).toBe('refused-by-fault');
  const node = nodeOf(world, 1);
  node.disk.remove(directories.aside);
  node.disk.makeFolder(directories.aside);
  const first = (await played.told()) ?? '';
  const outcome = await run(world, (process) => played.carryOut({ deed: 'told' }, process));
  expect([wordOf(outcome), nextOf(outcome)]).toEqual(['nothing-aside', expect.stringContaining('--lost node-1')]);
  const second = (await played.told()) ?? '';
  expect(second, `first named: ${first}`).toContain('cardea restore accept');
});

test('the way that status names for a restore whose journal is gone is found by the command line', async () => {
  const world = await environment();
  const { played } = world;
  const half = await halfRestored(world);
  for (const key of Array.from(played.bucket.objects.keys()))
    if (key.startsWith(`runs/${half}/`)) played.bucket.remove(key);
  played.oracle.blind = true;
  const told = (await played.told()) ?? '';
  expect(told).toContain(`cardea restore revert ${half} --confirm local`);
  await expect(environmentOfRestore(contextOf(world), half, { named: undefined, confirmed: 'local' })).resolves.toBe(
    'local',
  );
});

test('after the loss of the bucket in the middle of a restore the command that is named brings the old data back', async () => {
  const world = await environment();
  const half = await halfRestored(world);
  await emptied(world);
  const refused = await startedByHand(world);
  expect(refused?.next).toBe(`Bring the old data back: cardea restore revert ${half} --confirm local`);
  await expect(environmentOfRestore(contextOf(world), half, { named: undefined, confirmed: 'local' })).resolves.toBe(
    'local',
  );
});

test('a restore that is half done and whose journal is damaged is among the decisions of the status, with the way back', async () => {
  const world = await environment();
  const half = await halfRestored(world);
  flip(world, new RegExp(`^runs/${half}/000007`));
  await expect(world.played.told()).resolves.toContain(`cardea restore revert ${half}`);
});

test('a restore that succeeded, whose journal is damaged since, is accepted, or the refusal does not call it half done', async () => {
  const world = await environment();
  const made = runOf(await restore(world));
  await world.played.write();
  flip(world, new RegExp(`^runs/${made}/000007`));
  const outcome = await accept(world, made, [], true);
  expect([wordOf(outcome), nextOf(outcome)]).toEqual(['succeeded', '']);
});

test('what a revert of a half done restore moved aside is decided also when the journal of that revert is damaged', async () => {
  const world = await environment();
  const half = await halfRestored(world);
  const back = runOf(await revert(world, half));
  flip(world, new RegExp(`^runs/${back}/000007`));
  const ways = {
    accept: wordOf(await accept(world, back)),
    revert: wordOf(await revert(world, back)),
    restore: wordOf(await restore(world)),
  };
  expect(Object.values(ways), JSON.stringify(ways)).toContain('succeeded');
});

test('a half done restore whose record is missing is not called one that moved nothing', async () => {
  const world = await environment();
  const { played } = world;
  const half = await halfRestored(world);
  played.bucket.remove(`restores/${half}.json`);
  played.oracle.blind = true;
  const story = [`told: ${await played.told()}`];
  const back = await revert(world, half);
  story.push(
    `revert: ${wordOf(back)}: ${back instanceof Problem ? back.happened : back.problem?.happened} ${nextOf(back)}`,
  );
  if (wordOf(back) === 'succeeded') return;
  const ended = await cancelled(world, half);
  story.push(`cancel: ${wordOf(ended)}`, `told: ${await played.told()}`);
  const again = await revert(world, half);
  story.push(`revert: ${wordOf(again)}: ${again instanceof Problem ? again.happened : again.problem?.happened}`);
  expect([wordOf(back), wordOf(again)], story.join('\n')).toContain('succeeded');
});

test('a restore that finished and whose record is missing is accepted or reverted', async () => {
  const world = await environment();
  const { played } = world;
  const made = runOf(await restore(world));
  played.bucket.remove(`restores/${made}.json`);
  played.oracle.blind = true;
  const told = await played.told();
  const [back, kept] = [await revert(world, made), await accept(world, made)];
  const story = [back, kept].map(
    (each) => `${wordOf(each)}: ${each instanceof Problem ? each.happened : each.problem?.happened}`,
  );
  expect([wordOf(back), wordOf(kept)], [`told: ${told}`, ...story].join('\n')).toContain('succeeded');
});

test('a half done restore that a listing does not show yet is not overtaken by another', async () => {
  const world = await environment();
  const { played } = world;
  const half = await halfRestored(world);
  const { children } = played.bucket;
  played.bucket.children = async function* (prefix, options) {
    for await (const child of children.call(played.bucket, prefix, options)) if (!child.includes(half)) yield child;
  };
  played.oracle.blind = true;
  const second = await restore(world);
  played.bucket.children = children;
  const told = await played.told();
  expect({ second: wordOf(second), told }).not.toMatchObject({ second: 'succeeded' });
});

test('of a restore that serves and cannot be proven, following what status names loses nothing that was acknowledged since', async () => {
  const world = await environment();
  const { played } = world;
  played.proofFails = true;
  expect(wordOf(await restore(world))).toBe('fingerprint-differs');
  await played.write();
  const served = keysOf(world);
  const story: string[] = [];
  for (let turn = 0; turn < 4; turn += 1) {
    const told = await played.told();
    if (told === undefined) break;
    // The first of the two ways that are named; where it has failed, the other one.
    const which = turn === 0 ? 0 : 1;
    const ways = told.split(', or to go back: ');
    const [, verb = '', of = ''] = /^cardea (?:run|restore) (\w+) (\S+)/.exec(ways[which] ?? ways[0] ?? '') ?? [];
    const outcome =
      verb === 'resume'
        ? await resume(world, of)
        : verb === 'accept'
          ? await accept(world, of)
          : await revert(world, of);
    story.push(`${verb} ${of}: ${wordOf(outcome)}`);
  }
  const aside = played.ring.nodes
    .flatMap(({ disk }) => disk.names(directories.aside))
    .filter((name) => name.startsWith('re'));
  expect(keysOf(world).join() === served.join() || aside.length > 0, story.join('\n')).toBe(true);
});

test('a damaged marker of what lies aside on one node leaves some way to decide the restore', async () => {
  const world = await environment();
  const made = runOf(await restore(world));
  const { disk } = nodeOf(world, 1);
  const file = `${directories.aside}/${made}/aside.json`;
  disk.write(file, (disk.read(file) ?? '').replace('"kept"', '"kepu"'));
  const outcomes = {
    accept: await accept(world, made),
    'accept --lost': await accept(world, made, ['node-1']),
    revert: await revert(world, made),
    restore: await restore(world),
  };
  const ways = Object.entries(outcomes).map(([way, outcome]) => `${way}: ${wordOf(outcome)}: ${nextOf(outcome)}`);
  expect(Object.values(outcomes).map(wordOf), ways.join('\n')).toContain('succeeded');
});

test('while a revert is left after it had exchanged the data, who starts servers is told to finish that revert', async () => {
  const wrong: string[] = [];
  let seen = 0;
  for (let at = 56; at <= 120; at += 3) {
    const world = await environment();
    const { played } = world;
    const made = runOf(await restore(world));
    const work = async (process: Process) =>
      played.begin(process, revertRunbook, { restore: made, newBase: false }, true);
    if (!(await killed(world, at, work, true))) break;
    const of = await left(world);
    const steps = of === undefined ? undefined : (await stateOf(world, of))?.steps;
    if (of === undefined || steps?.['bring-back']?.status !== 'succeeded') continue;
    seen += 1;
    for (const node of played.ring.nodes) node.up = false;
    played.ring.graph.up = false;
    const refused = await startedByHand(world);
    if (refused !== undefined && !refused.next.includes(of))
      wrong.push(`killed at ${at}: ${refused.happened} ${refused.next}`);
  }
  expect(seen).toBeGreaterThan(0);
  expect(wrong).toEqual([]);
});

test('what a revert moves aside of a broken-off restore stays half, also where that journal is damaged while the revert was left', async () => {
  const { world, run } = await killedWhen(
    aRevert(true),
    40,
    (_run, steps) => steps['bring-back']?.status === 'succeeded' && steps['record-reverted'] === undefined,
  );
  const { played } = world;
  const made = (await listOpenRestores(played.bucket)).find((each) => each.run !== run)?.run ?? 'none';
  flip(world, new RegExp(`^runs/${made}/0`));
  const again = await resume(world, run);
  expect(wordOf(again), nextOf(again)).toBe('succeeded');
  const whole = keysOf(world);
  const told = await played.told();
  const back = await revert(world, run);
  expect([told, wordOf(back), keysOf(world)], nextOf(back)).toEqual([
    `cardea restore accept ${run} --confirm local`,
    'half-restored',
    whole,
  ]);
});

test('what an earlier revert had told the nodes of a broken-off restore is believed by the next one, where neither of the two journals can be read', async () => {
  const { world, run } = await killedWhen(
    aRevert(true),
    40,
    (_run, steps, { played }) =>
      steps['bring-back'] !== undefined &&
      steps['bring-back'].status !== 'succeeded' &&
      played.ring.nodes.some(({ begun }) => begun.has('revert-aside')),
  );
  const { played } = world;
  const made = (await listOpenRestores(played.bucket)).find((each) => each.run !== run)?.run ?? 'none';
  await played.clock.sleep(60_000);
  flip(world, new RegExp(`^runs/${made}/0`));
  flip(world, new RegExp(`^runs/${run}/0`));
  const again = await revert(world, made);
  expect(wordOf(again), nextOf(again)).toBe('succeeded');
  const whole = keysOf(world);
  expect(await played.told()).toBe(`cardea restore accept ${runOf(again)} --confirm local`);
  const back = await revert(world, runOf(again));
  expect([wordOf(back), keysOf(world)], nextOf(back)).toEqual(['half-restored', whole]);
});
