import { expect, test } from 'vitest';
import { directories } from '../../test/support/simulated-ring.ts';
import type { Problem } from '../model/problem.ts';
import { listOpenRestores } from './catalog/restore-catalog.ts';
import { restoreRunbook, revertRunbook } from './index.ts';
import {
  type Process,
  environment,
  run,
  restore,
  revert,
  accept,
  backup,
  resume,
  killed,
  left,
  wordOf,
  runOf,
  keysOf,
  nodeOf,
  replaceDisk,
  flip,
  emptied,
  startedByHand,
  stateOf,
  cancelled,
} from '../../test/support/told-sequences.ts';

test('a disk that is replaced between the placing of the files and the start: no empty node is started as a success', async () => {
  let seen = 0;
  const wrong: string[] = [];
  for (let at = 60; at <= 200; at += 1) {
    const world = await environment();
    const { ring } = world.played;
    const work = async (process: Process) =>
      world.played.begin(process, restoreRunbook, { point: world.point, newBase: false }, true);
    if (!(await killed(world, at, work, true))) break;
    const placed = ring.nodes.every(({ disk }) =>
      disk.read(`${directories.aside}/placement.json`)?.includes('"placed"'),
    );
    if (!placed || ring.nodes.some(({ up }) => up)) continue;
    const of = (await left(world)) ?? '';
    replaceDisk(nodeOf(world, 1));
    const outcome = await resume(world, of);
    seen += 1;
    if (wordOf(outcome) === 'succeeded' && !nodeOf(world, 1).isItself) wrong.push(`killed at ${at}`);
  }
  expect(seen).toBeGreaterThan(0);
  expect(wrong).toEqual([]);
});

test('what lies aside after a revert of a half done restore, and a bucket that is gone: what is named does not put half data in place of the whole', async () => {
  const wrong: string[] = [];
  let seen = 0;
  for (let at = 72; at <= 100; at += 2) {
    const world = await environment();
    const { played } = world;
    const before = keysOf(world);
    const work = async (process: Process) =>
      played.begin(process, restoreRunbook, { point: world.point, newBase: false }, true);
    if (!(await killed(world, at, work, true))) break;
    const [record] = await listOpenRestores(played.bucket);
    if (record === undefined || played.ring.nodes.some(({ up }) => up)) continue;
    expect(wordOf(await revert(world, record.run))).toBe('succeeded');
    expect(keysOf(world)).toEqual(before);
    seen += 1;
    // The disaster: the bucket is gone, and the servers are down. A person does what is named.
    await emptied(world);
    for (const node of played.ring.nodes) node.stop();
    played.ring.graph.up = false;
    const refused = await startedByHand(world);
    const [, named = ''] = /cardea restore revert (\S+) /.exec(refused?.next ?? '') ?? [];
    if (named === '') continue;
    const back = await revert(world, named);
    const after = keysOf(world);
    const whole = played.ring.nodes.every((node) => node.isItself);
    if (wordOf(back) === 'succeeded' && (!whole || after.join() !== before.join())) {
      const told = await played.told();
      wrong.push(
        `killed at ${at}: named ${refused?.next}; revert ${wordOf(back)}; holds ${after.join()} of ${before.join()}; identities ${whole}; then named: ${told}`,
      );
    }
  }
  expect(seen).toBeGreaterThan(0);
  expect(wrong).toEqual([]);
});

test('a node that had lost its disk before a restore is not started empty by the revert of it', async () => {
  const world = await environment();
  world.played.oracle.blind = true;
  world.played.ring.graph.up = false;
  replaceDisk(nodeOf(world, 1));
  const made = await restore(world);
  expect(wordOf(made)).toBe('succeeded');
  const back = await revert(world, runOf(made));
  expect([wordOf(back), nodeOf(world, 1).up && !nodeOf(world, 1).isItself]).toEqual([expect.anything(), false]);
});

test('a disk that is replaced while a restore moves data aside: the revert does not call an empty node the old data', async () => {
  const wrong: string[] = [];
  let seen = 0;
  for (let at = 60; at <= 160; at += 1) {
    const world = await environment();
    const work = async (process: Process) =>
      world.played.begin(process, restoreRunbook, { point: world.point, newBase: false }, true);
    if (!(await killed(world, at, work))) break;
    const [record] = await listOpenRestores(world.played.bucket);
    if (record === undefined) continue;
    const folder = `${directories.aside}/${record.aside}`;
    const kept = world.played.ring.nodes.every(({ disk }) => disk.read(`${folder}/aside.json`) !== undefined);
    if (!kept) continue;
    replaceDisk(nodeOf(world, 1));
    const back = await revert(world, record.run);
    seen += 1;
    if (wordOf(back) === 'succeeded' && !nodeOf(world, 1).isItself) wrong.push(`killed at ${at}`);
  }
  expect(seen).toBeGreaterThan(0);
  expect(wrong).toEqual([]);
});

test('what a revert left in part old and in part restored, given up with --lost, is not backed up as the environment', async () => {
  const world = await environment();
  const { played } = world;
  const made = runOf(await restore(world));
  await played.write();
  const work = async (process: Process) =>
    played.begin(process, revertRunbook, { restore: made, newBase: false }, true);
  // Two nodes bring the old data back, one refuses; then its disk is replaced.
  nodeOf(world, 1).faults.set('revert-aside', ['refused']);
  const failed = await run(world, work);
  expect(wordOf(failed)).toBe('refused-by-fault');
  const node = nodeOf(world, 1);
  node.disk.remove(directories.aside);
  node.disk.makeFolder(directories.aside);
  const given = await accept(world, made, ['node-1']);
  expect(wordOf(given)).toBe('succeeded');
  const told = await played.told();
  for (const each of played.ring.nodes) each.start();
  await played.ring.startGraph();
  played.oracle.blind = true;
  const saved = await backup(world);
  expect({ told, torn: played.ring.content('edgestore').torn.length > 0, saved: wordOf(saved) }).not.toMatchObject({
    torn: true,
    saved: 'succeeded',
  });
  // That stands until something is restored, and no longer.
  expect(wordOf(saved)).toBe('restore-unfinished');
  expect(wordOf(await restore(world))).toBe('succeeded');
  expect(wordOf(await backup(world))).toBe('succeeded');
});

test('files that an agent had placed on a disk that was replaced since are placed again when the step is done again', async () => {
  const world = await environment();
  nodeOf(world, 2).faults.set('restore-files', ['refused']);
  const failed = await restore(world);
  expect(wordOf(failed)).toBe('refused-by-fault');
  replaceDisk(nodeOf(world, 1));
  const resumed = await resume(world, runOf(failed));
  expect({
    resumed: wordOf(resumed),
    itself: nodeOf(world, 1).isItself,
    torn: world.played.ring.content('edgestore').torn,
  }).toEqual({ resumed: 'succeeded', itself: true, torn: [] });
});

test('a staged file that changed on the disk since it was hashed is not placed by a later restore', async () => {
  const world = await environment();
  const { played } = world;
  let staged = '';
  for (let at = 30; at <= 70; at += 1) {
    const work = async (process: Process) =>
      played.begin(process, restoreRunbook, { point: world.point, newBase: false }, true);
    if (!(await killed(world, at, work, true))) break;
    const { disk } = nodeOf(world, 1);
    staged =
      disk.read(`${directories.aside}/staged.json`) === undefined
        ? ''
        : ([...disk.below(`${directories.aside}/staging`).keys()].find((path) => path.startsWith('bank/')) ?? '');
    if (staged !== '' && played.ring.isUp && played.ring.graph.up) break;
    const of = await left(world);
    if (of !== undefined) await cancelled(world, of);
  }
  expect(staged).not.toBe('');
  const of = (await left(world)) ?? '';
  await cancelled(world, of);
  const { disk } = nodeOf(world, 1);
  const path = `${directories.aside}/staging/${staged}`;
  const text = disk.read(path);
  if (text === undefined) return; // The cancel has removed it: nothing is kept.
  disk.write(
    path,
    text.replace(/"at":(\d)/, (_all, digit: string) => `"at":${(Number(digit) + 1) % 10}`),
  );
  const changed = disk.read(path);
  expect(changed).not.toBe(text);
  const made = await restore(world);
  const placed = disk.read(`${directories.data}/${staged}`);
  expect({ made: wordOf(made), placed: placed === changed ? 'the damaged file' : 'another' }).not.toEqual({
    made: 'succeeded',
    placed: 'the damaged file',
  });
});

test('a disk that is replaced after a revert had brought its data back, before the start, is not started as the old data', async () => {
  const wrong: string[] = [];
  let seen = 0;
  for (let at = 40; at <= 90; at += 1) {
    const world = await environment();
    const { played } = world;
    const made = runOf(await restore(world));
    const work = async (process: Process) =>
      played.begin(process, revertRunbook, { restore: made, newBase: false }, true);
    if (!(await killed(world, at, work, true))) break;
    const of = await left(world);
    const state = of === undefined ? undefined : await stateOf(world, of);
    if (
      of === undefined ||
      state?.steps['bring-back']?.status !== 'succeeded' ||
      played.ring.nodes.some(({ up }) => up)
    )
      continue;
    seen += 1;
    replaceDisk(nodeOf(world, 1));
    const outcome = await resume(world, of);
    if (wordOf(outcome) === 'succeeded' && !nodeOf(world, 1).isItself) wrong.push(`killed at ${at}`);
  }
  expect(seen).toBeGreaterThan(0);
  expect(wrong).toEqual([]);
});

test('a node that lost its disk while a restore was interrupted before its first move is not started empty when the restore ends', async () => {
  const wrong: string[] = [];
  let seen = 0;
  for (let at = 40; at <= 80; at += 1) {
    const world = await environment();
    const { played } = world;
    const work = async (process: Process) =>
      played.begin(process, restoreRunbook, { point: world.point, newBase: false }, true);
    if (!(await killed(world, at, work, true))) break;
    const of = await left(world);
    const state = of === undefined ? undefined : await stateOf(world, of);
    if (of === undefined || state?.steps['look-services']?.status !== 'succeeded') continue;
    if (state.steps['stop-graph'] === undefined || state.steps['set-aside'] !== undefined) continue;
    replaceDisk(nodeOf(world, 1));
    played.oracle.blind = true;
    seen += 1;
    const ended = await cancelled(world, of);
    if (nodeOf(world, 1).up && !nodeOf(world, 1).isItself) wrong.push(`killed at ${at}: ${wordOf(ended)}`);
  }
  expect(seen).toBeGreaterThan(0);
  expect(wrong).toEqual([]);
});

test('a restore that cannot be carried on, and of which one node lost what it kept, leaves some way on', async () => {
  const world = await environment();
  const { played } = world;
  nodeOf(world, 1).faults.set('restore-files', ['refused']);
  const failed = await run(world, (process) =>
    played.begin(process, restoreRunbook, { point: world.point, newBase: false, stage: false }, true),
  );
  const of = runOf(failed);
  expect(wordOf(failed)).toBe('refused-by-fault');
  // Its disk is replaced, and an object of the point turns out to be damaged.
  replaceDisk(nodeOf(world, 1));
  flip(world, /^medusa\/.*node-1.*\/data\/bank\/.*\.db$/);
  const ways: Record<string, string> = {
    told: (await played.told()) ?? 'nothing',
    resume: wordOf(await resume(world, of)),
    revert: wordOf(await revert(world, of)),
    accept: wordOf(await accept(world, of)),
    'accept --lost': wordOf(await accept(world, of, ['node-1'])),
    'accept --lost --unproven': wordOf(await accept(world, of, ['node-1'], true)),
    cancel: await cancelled(world, of).then(wordOf, (thrown: unknown) => (thrown as Problem).code),
    restore: wordOf(await restore(world)),
    instant: wordOf(await run(world, (process) => played.carryOut({ deed: 'instant' }, process))),
  };
  expect(Object.values(ways), JSON.stringify(ways, null, 2)).toContain('succeeded');
});
