import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { playHistory } from '../../test/support/recovery-history.ts';
import { directories } from '../../test/support/simulated-ring.ts';
import { action as cancel } from '../cli/commands/run-cancel/action.ts';
import type { CliContext } from '../cli/context.ts';
import { pointId } from '../model/identifiers.ts';
import { Problem } from '../model/problem.ts';
import { updatePoint } from './catalog/point-catalog.ts';
import { outageOf } from './steps/standard-steps.ts';
import { listOpenRestores } from './catalog/restore-catalog.ts';
import { restoreIntoRunbook, restoreRunbook, revertRunbook } from './index.ts';
import {
  type Process,
  environment,
  run,
  restore,
  revert,
  accept,
  resume,
  killed,
  left,
  wordOf,
  nextOf,
  runOf,
  isUp,
  keysOf,
  namesAside,
  nodeOf,
  startedByHand,
  stateOf,
  slowServers,
  cancelled,
  halfRestored,
} from '../../test/support/told-sequences.ts';

test('a restore that was killed while it created tables is carried on, also where servers take their time to start and to stop', async () => {
  const wrong: string[] = [];
  let seen = 0;
  for (let at = 60; at <= 190; at += 5) {
    const world = await environment();
    const { played } = world;
    await played.makeTable();
    const deeds = await slowServers(world);
    if (!(await killed(world, at, async (process) => played.carryOut({ deed: 'instant' }, process), true))) break;
    const of = await left(world);
    if (of === undefined) continue;
    const state = await stateOf(world, of);
    if (state?.steps['create-tables']?.status !== 'running') continue;
    seen += 1;
    deeds.length = 0;
    const first = await resume(world, of);
    if (wordOf(first) !== 'succeeded') {
      const second = await resume(world, of);
      wrong.push(`killed at ${at}: ${wordOf(first)}, then ${wordOf(second)}; ${deeds.join(', ')}`);
    }
  }
  expect(seen).toBeGreaterThan(0);
  expect(wrong).toEqual([]);
});

test('a restore is not carried on over servers that a revert, which was left, has stopped', async () => {
  const wrong: string[] = [];
  let seen = 0;
  for (let at = 84; at <= 130; at += 1) {
    const world = await environment();
    const { played } = world;
    const work = async (process: Process) =>
      played.begin(process, restoreRunbook, { point: world.point, newBase: false }, true);
    if (!(await killed(world, at, work, true))) break;
    const of = await left(world);
    if (of === undefined) continue;
    const before = await stateOf(world, of);
    if (before?.steps['start-database']?.status !== 'succeeded' || before.steps['start-graph']?.status === 'succeeded')
      continue;
    let stopped = false;
    for (let second = 30; second <= 60 && !stopped; second += 1) {
      const back = async (process: Process) =>
        played.begin(process, revertRunbook, { restore: of, newBase: false }, true);
      if (!(await killed(world, second, back, true))) break;
      const [record] = await listOpenRestores(played.bucket);
      if (record?.state !== 'open') break;
      stopped = played.ring.nodes.every(({ up }) => !up);
      // One that was left with the graph stopped comes to its end before another begins.
      const idle = stopped ? undefined : await left(world);
      if (idle !== undefined && idle !== of) await cancelled(world, idle);
    }
    if (!stopped) continue;
    seen += 1;
    const first = await resume(world, of);
    const again = await resume(world, of);
    if (wordOf(again) !== 'succeeded' && nextOf(again).includes(`cardea run resume ${of}`))
      wrong.push(`killed at ${at}: ${wordOf(first)}, ${wordOf(again)}: ${nextOf(again)}`);
    if (seen >= 3) break;
  }
  expect(seen).toBeGreaterThan(0);
  expect(wrong).toEqual([]);
});

test('one damaged document of a step, or none, leaves a restore that has started its database a way to its end', async () => {
  const world = await environment();
  const { played } = world;
  const before = new Set(played.bucket.objects.keys());
  nodeOf(world, 1).startFails = 1;
  // To an instant: of what a restore to a point sets aside, nothing need be noted.
  const failed = await run(world, (process) => played.carryOut({ deed: 'instant' }, process));
  const of = runOf(failed);
  const documents = [...played.bucket.objects.keys()].filter(
    (key) => !before.has(key) && key.startsWith(`runs/${of}/results/place-logs-`),
  );
  expect(documents).toHaveLength(1);
  for (const key of documents) played.bucket.remove(key);
  played.oracle.blind = true;
  const story: string[] = [wordOf(failed)];
  for (let turn = 0; turn < 2; turn += 1) {
    const outcome = await resume(world, of);
    story.push(`${wordOf(outcome)}: ${nextOf(outcome)}`);
  }
  expect(isUp(world), story.join('\n')).toBe(true);
});

test('the same of a revert that has brought its data back', async () => {
  const world = await environment();
  const { played } = world;
  const made = runOf(await restore(world));
  const before = new Set(played.bucket.objects.keys());
  nodeOf(world, 1).startFails = 1;
  const failed = await revert(world, made);
  const of = runOf(failed);
  const documents = [...played.bucket.objects.keys()].filter(
    (key) => !before.has(key) && key.startsWith(`runs/${of}/results/bring-back-`),
  );
  expect(documents).toHaveLength(1);
  for (const key of documents) played.bucket.remove(key);
  played.oracle.blind = true;
  const story: string[] = [wordOf(failed)];
  for (let turn = 0; turn < 2; turn += 1) {
    story.push(`told: ${await played.told()}`);
    const outcome = await run(world, (process) => played.carryOut({ deed: 'told' }, process));
    story.push(`${wordOf(outcome)}: ${nextOf(outcome)}`);
  }
  expect(isUp(world), story.join('\n')).toBe(true);
});

test('a restore that was cancelled with its data half in place is carried on by the resume that is named, to its end', async () => {
  const wrong: string[] = [];
  for (const at of [72, 76, 80, 84, 88, 92, 96]) {
    const world = await environment();
    const work = async (process: Process) =>
      world.played.begin(process, restoreRunbook, { point: world.point, newBase: false }, true);
    if (!(await killed(world, at, work, true))) break;
    const of = (await left(world)) ?? '';
    const state = await stateOf(world, of);
    if (state?.steps['set-aside'] === undefined) continue;
    const story = [wordOf(await cancelled(world, of)), await world.played.told()];
    const resumed = await resume(world, of);
    story.push(wordOf(resumed), await world.played.told());
    if (!isUp(world)) wrong.push(`killed at ${at}: ${story.join(' | ')}`);
  }
  expect(wrong).toEqual([]);
});

test('a half placed restore that was cancelled and resumed is not accepted: its old data is the only whole one', async () => {
  const world = await environment();
  const before = keysOf(world);
  const half = await halfRestored(world);
  const story = [`cancel: ${wordOf(await cancelled(world, half))}`];
  story.push(`resume: ${wordOf(await resume(world, half))}`, `told: ${await world.played.told()}`);
  const accepted = await accept(world, half);
  const kept = world.played.ring.nodes.every(
    ({ disk }) => disk.read(`${directories.aside}/${half}/aside.json`) !== undefined,
  );
  story.push(`accept: ${wordOf(accepted)}`, `the ring holds ${keysOf(world).join()} of ${before.join()}`);
  expect(kept || isUp(world), story.join('\n')).toBe(true);
});

test.each(['restore', 'revert'] as const)(
  'a %s that was cut short together with its servers, by a power failure, is carried on by what is named',
  async (what) => {
    const wrong: string[] = [];
    let seen = 0;
    for (let at = 56; at <= 120; at += 2) {
      const world = await environment();
      const { played } = world;
      const made = what === 'revert' ? runOf(await restore(world)) : '';
      const work = async (process: Process) =>
        what === 'revert'
          ? played.begin(process, revertRunbook, { restore: made, newBase: false }, true)
          : played.begin(process, restoreRunbook, { point: world.point, newBase: false }, true);
      if (!(await killed(world, at, work, true))) break;
      const of = await left(world);
      const steps = of === undefined ? undefined : (await stateOf(world, of))?.steps;
      const pivot = what === 'revert' ? 'bring-back' : 'set-aside';
      if (steps?.[pivot]?.status !== 'succeeded' || steps['start-database']?.status !== 'succeeded') continue;
      // The simulated proof of a restore needs no server.
      if (what === 'restore' && steps['start-graph']?.status === 'succeeded') continue;
      seen += 1;
      for (const node of played.ring.nodes) node.up = false;
      played.ring.graph.up = false;
      const story: string[] = [];
      for (let turn = 0; turn < 2 && !isUp(world); turn += 1) {
        const told = await played.told();
        const outcome = await run(world, (process) => played.carryOut({ deed: 'told' }, process));
        story.push(`${told?.split(',')[0]}: ${wordOf(outcome)}`);
      }
      if (!isUp(world)) wrong.push(`killed at ${at}: ${story.join(' | ')}`);
    }
    expect(seen).toBeGreaterThan(0);
    expect(wrong).toEqual([]);
  },
);

test('a clock that is set back does not make what is named for a copy one that is refused', async () => {
  const wrong = await playHistory({
    faults: [],
    size: 5,
    racks: 1,
    store: { away: { from: 266, calls: 78 } },
    person: [
      { deed: 'restore', together: true, which: 0 },
      { deed: 'into', which: 0, base: true },
      { deed: 'rehearse', which: 1, clock: -7200, base: true },
    ],
    back: false,
  });
  expect(wrong).toEqual([]);
});

test('the cancel of a restore that has its data half in place says so, and how it goes on', async () => {
  const world = await environment();
  const { played } = world;
  const half = await halfRestored(world);
  const process = played.newProcess();
  const { signer } = played.worldOf(process);
  const platform = played.ring.platformFor(process);
  const folder = mkdtempSync(join(tmpdir(), 'cardea-reading-'));
  const said: unknown[] = [];
  const context = {
    flags: { json: true, plan: false, quiet: true, color: false },
    output: {
      live: false,
      columns: 120,
      note: (text: string) => said.push(text),
      warn: (text: string) => said.push(text),
    },
    interrupt: { say: () => undefined },
    signal: process.signal,
    actor: { name: 'dana', via: 'cli', host: 'here' },
    clock: played.clock,
    ids: { token: (length: number) => 'a'.repeat(length) },
    config: async () => ({ config: { environments: { local: {} } } }),
    environment: async () => ({
      name: 'local',
      config: { platform: { kind: 'sandbox' } },
      auditKey: join(folder, 'key'),
      operatorKeys: [signer?.publicKey ?? ''],
    }),
    platform: async () => ({ ...platform, bucket: { ...platform.bucket, look: async () => undefined } }),
  } as unknown as CliContext;
  const outcome = await cancel(context, { id: half, env: undefined });
  rmSync(folder, { recursive: true });
  expect(await stateOf(world, half)).toMatchObject({ status: 'cancelled' });
  expect(JSON.stringify([outcome.text, outcome.problem ?? null])).toContain(`cardea run resume ${half}`);
});

test('going back and forth does not end in a revert that can never be finished', async () => {
  const world = await environment();
  let last = runOf(await restore(world));
  const story: string[] = [];
  for (let turn = 1; turn <= 12; turn += 1) {
    const back = await revert(world, last);
    story.push(`${turn}: ${wordOf(back)}`);
    if (wordOf(back) !== 'succeeded') {
      const of = back instanceof Problem ? last : back.run;
      story.push(`told: ${await world.played.told()}`, `resume: ${wordOf(await resume(world, of))}`);
      break;
    }
    last = runOf(back);
  }
  expect(story.at(-1), story.join('\n')).toBe('12: succeeded');
});

test('servers may not be started by hand on restored data whose ids were not moved ahead yet', async () => {
  const wrong: string[] = [];
  let seen = 0;
  for (let at = 84; at <= 120; at += 1) {
    const world = await environment();
    const { played } = world;
    // Two more servers were started since the point: each has been given a block of ids.
    for (let turn = 0; turn < 2; turn += 1) {
      played.ring.graph.up = false;
      await played.ring.startGraph();
    }
    expect(played.ring.doubled).toBe(false);
    const work = async (process: Process) =>
      played.begin(process, restoreRunbook, { point: world.point, newBase: false }, true);
    if (!(await killed(world, at, work, true))) break;
    const of = await left(world);
    const steps = of === undefined ? undefined : (await stateOf(world, of))?.steps;
    if (steps?.['start-database']?.status !== 'succeeded' || steps['make-sound']?.status === 'succeeded') continue;
    // A power failure; then a person types `cardea sandbox up`.
    for (const node of played.ring.nodes) node.up = false;
    played.ring.graph.up = false;
    const refused = await startedByHand(world);
    if (refused !== undefined) continue;
    seen += 1;
    for (const node of played.ring.nodes) node.start();
    await played.ring.startGraph();
    if (played.ring.doubled) wrong.push(`killed at ${at}: ids are given out twice`);
  }
  expect(wrong, `allowed ${seen} times`).toEqual([]);
});

test('a damaged marker of what was staged does not keep every later restore from beginning', async () => {
  const world = await environment();
  const { disk } = nodeOf(world, 1);
  // As a torn page leaves it, or an agent of a newer version that was taken back.
  disk.write(`${directories.aside}/staged.json`, '{"kind":"staged","version":2}');
  const first = await restore(world);
  const second = await restore(world);
  expect([wordOf(first), wordOf(second)], nextOf(second)).toContain('succeeded');
});

test('what is named for a copy whose name is taken is a command that removes it', async () => {
  const world = await environment();
  const into = async () =>
    run(world, (process) =>
      world.played.begin(process, restoreIntoRunbook, { point: world.point, into: 'beside' }, true),
    );
  expect(wordOf(await into())).toBe('succeeded');
  const refused = await into();
  expect([wordOf(refused), nextOf(refused)]).toEqual([
    'copy-exists',
    expect.stringContaining('cardea sandbox down local~beside --confirm local~beside'),
  ]);
});

test('a restore whose files are all in place is carried on although its point was found damaged since', async () => {
  const wrong: string[] = [];
  let seen = 0;
  for (let at = 82; at <= 100; at += 2) {
    const world = await environment();
    const { played } = world;
    const work = async (process: Process) =>
      played.begin(process, restoreRunbook, { point: world.point, newBase: false }, true);
    if (!(await killed(world, at, work, true))) break;
    const of = await left(world);
    const steps = of === undefined ? undefined : (await stateOf(world, of))?.steps;
    if (of === undefined || steps?.['restore-files']?.status !== 'succeeded') continue;
    seen += 1;
    // As a rehearsal of it in the meantime does.
    await updatePoint(played.bucket, pointId.parse(world.point), (each) => ({
      ...each,
      proof: 'failed',
      failure: 'damaged',
    }));
    const told = (await played.told()) ?? '';
    const resumed = await resume(world, of);
    if (told.includes('run resume') && wordOf(resumed) !== 'succeeded')
      wrong.push(`killed at ${at}: ${told.split(',')[0]}: ${wordOf(resumed)}: ${nextOf(resumed)}`);
  }
  expect(seen).toBeGreaterThan(0);
  expect(wrong).toEqual([]);
});

test('a graph that served all the time was away no longer because its restore was resumed', async () => {
  const outages = async (down: boolean) => {
    const seen: Array<{ readonly before: number | undefined; readonly after: number | undefined }> = [];
    for (let at = 100; at <= 140; at += 2) {
      const world = await environment();
      const work = async (process: Process) =>
        world.played.begin(process, restoreRunbook, { point: world.point, newBase: false }, true);
      if (!(await killed(world, at, work, true))) break;
      const of = await left(world);
      const steps = of === undefined ? {} : ((await stateOf(world, of))?.steps ?? {});
      if (of === undefined || steps['start-graph']?.status !== 'succeeded') continue;
      const results = Object.fromEntries(Object.values(steps).map(({ step, result }) => [step, result]));
      await world.played.clock.sleep(3_600_000);
      if (down) world.played.ring.graph.up = false;
      const outcome = await resume(world, of);
      expect(wordOf(outcome)).toBe('succeeded');
      if (outcome instanceof Problem) throw outcome;
      seen.push({ before: outageOf(results), after: outageOf(outcome.results) });
    }
    expect(seen.length).toBeGreaterThan(0);
    return seen;
  };
  for (const { before, after } of await outages(false)) expect(after).toBe(before);
  for (const { after } of await outages(true)) expect(after).toBeGreaterThan(3600);
});

test.each(['restore', 'revert'] as const)(
  'servers may not be started by hand before a %s that was cut short has started JanusGraph, and what is named works',
  async (what) => {
    const wrong: string[] = [];
    let seen = 0;
    for (let at = 50; at <= 120; at += 1) {
      const world = await environment();
      const { played } = world;
      const made = what === 'revert' ? runOf(await restore(world)) : '';
      const work = async (process: Process) =>
        what === 'revert'
          ? played.begin(process, revertRunbook, { restore: made, newBase: false }, true)
          : played.begin(process, restoreRunbook, { point: world.point, newBase: false }, true);
      if (!(await killed(world, at, work, true))) break;
      const of = await left(world);
      const steps = of === undefined ? undefined : (await stateOf(world, of))?.steps;
      if (of === undefined || steps === undefined) continue;
      if (steps[what === 'revert' ? 'bring-back' : 'set-aside'] === undefined || steps['start-graph'] !== undefined)
        continue;
      if (namesAside(world).size === 0) continue;
      seen += 1;
      for (const node of played.ring.nodes) node.up = false;
      played.ring.graph.up = false;
      const refused = await startedByHand(world);
      if (refused?.next.includes(`cardea run resume ${of}`) !== true) {
        wrong.push(`killed at ${at}: ${refused?.happened ?? 'allowed'} ${refused?.next ?? ''}`);
      }
    }
    expect(seen).toBeGreaterThan(5);
    expect(wrong).toEqual([]);
  },
);
