import { expect, test } from 'vitest';
import { beginningOf, type Outcome, Played } from '../../test/support/recovery-history.ts';
import type { SimulatedRing } from '../../test/support/simulated-platform.ts';
import { listRuns } from '../journal/runs.ts';
import { currentLease } from '../journal/lease-record.ts';
import { Problem } from '../model/problem.ts';
import { requestCancel } from '../runbook/engine.ts';
import { listPoints } from './catalog/point-catalog.ts';
import { backupRunbook, rehearseRunbook, restoreIntoRunbook, restoreRunbook } from './index.ts';

/** What is done on a copy, beside what is done in the environment and beside other copies. */
type Process = ReturnType<Played['newProcess']>;
type Work = (process: Process) => Promise<Outcome>;

/** Jobs that bring or take files take a while, on the nodes of the environment and on those of copies. */
async function environment(): Promise<{ readonly played: Played; readonly point: string }> {
  const played = new Played({ faults: [], person: [] }, await beginningOf(3, 1));
  const slow = ({ nodes }: SimulatedRing) => {
    for (const node of nodes) {
      for (const job of ['upload', 'restore-files', 'stage-files'] as const) node.faults.set(job, ['away-and-back']);
    }
  };
  slow(played.ring);
  const { onCopy } = played.ring;
  played.ring.onCopy = (copy) => {
    onCopy(copy);
    slow(copy);
  };
  const [first] = await listPoints(played.bucket);
  if (first === undefined) throw new TypeError('the beginning has no point');
  return { played, point: first.id };
}
type Environment = Awaited<ReturnType<typeof environment>>;

const backup = ({ played }: Environment): Work => {
  return async (process) => played.begin(process, backupRunbook, { cut: 'fuzzy' });
};
const rehearse = ({ played, point }: Environment): Work => {
  return async (process) => played.begin(process, rehearseRunbook, { point });
};
const into = ({ played, point }: Environment, name: string): Work => {
  return async (process) => played.begin(process, restoreIntoRunbook, { point, into: name }, true);
};
const restore = ({ played, point }: Environment): Work => {
  return async (process) => played.begin(process, restoreRunbook, { point, newBase: false }, true);
};

/** One after the other is begun, while those before it are under way. */
async function together({ played }: Environment, ...works: readonly Work[]): Promise<readonly string[]> {
  const going: Array<Promise<Outcome>> = [];
  for (const work of works) {
    const process = played.newProcess();
    going.push(work(process).finally(() => process.end()));
    await played.clock.sleep(3000);
  }
  const words = (await Promise.all(going)).map(wordOf);
  await played.clock.sleep(40_000);
  return words;
}

/** Killed around its act number `at`; false when it had ended before. */
async function killed({ played }: Environment, at: number, work: Work): Promise<boolean> {
  const process = played.newProcess({ at, before: true, how: 'killed' });
  return (await Promise.race([work(process), process.death])) === 'dead';
}

async function statuses({ played }: Environment): Promise<Readonly<Record<string, string>>> {
  const runs = await listRuns({ ...played.worldOf(played.newProcess()), store: played.bucket }, { limit: 20 });
  return Object.fromEntries(runs.map((each) => [each.run, each.status]));
}

function wordOf(outcome: Outcome): string {
  return outcome instanceof Problem ? outcome.code : (outcome.problem?.code ?? outcome.status);
}

const asTold = async ({ played }: Environment) => played.carryOut({ deed: 'told' }, played.newProcess());

test.each([
  ['a backup that is due while a rehearsal runs', [rehearse, backup]],
  ['a rehearsal that begins while a backup runs', [backup, rehearse]],
  ['a copy that is made while a backup runs, and a rehearsal beside both', [backup, rehearse, into]],
  ['a backup that is due while a copy is made', [into, backup]],
  ['a rehearsal beside a restore in place', [restore, rehearse]],
  ['a restore in place while a rehearsal runs', [rehearse, restore]],
  ['two rehearsals of one point', [rehearse, rehearse]],
] as const)('%s: each goes on to its end', async (_name, works) => {
  const world = await environment();
  const words = await together(
    world,
    ...works.map((work) => (work === into ? into(world, 'beside') : work(world, ''))),
  );
  expect(words).toEqual(works.map(() => 'succeeded'));
  expect(world.played.oracle.wrong).toEqual([]);
  expect(await world.played.told()).toSatisfy((told) => told === undefined || !/ run resume /.test(told));
});

test('a rehearsal asks no agent of the environment for anything, so that its epochs meet no others', async () => {
  const world = await environment();
  const { ring } = world.played;
  expect(await together(world, rehearse(world))).toEqual(['succeeded']);
  expect(ring.nodes.map(({ begun }) => [...begun])).toEqual([[], [], []]);
  const [copy] = world.played.made;
  expect(copy?.nodes.map(({ begun }) => [...begun])).toEqual([['restore-files'], ['restore-files'], ['restore-files']]);
});

test('while both are under way each is listed as running, and each holds a lease of its own', async () => {
  const world = await environment();
  const { played } = world;
  const both = together(world, backup(world), rehearse(world));
  await played.clock.sleep(5000);
  const seen = await statuses(world);
  const running = Object.entries(seen).flatMap(([run, status]) => (status === 'running' ? [run] : []));
  expect(running.map((run) => run.slice(0, 6)).sort()).toEqual(['backup', 'rehear']);
  const rehearsal = running.find((run) => run.startsWith('rehearse-')) ?? '';
  expect(await currentLease(played.bucket)).toMatchObject({ run: running.find((run) => run.startsWith('backup-')) });
  const copy = `rehearsal-${rehearsal.slice(-4)}`;
  expect(await currentLease(played.bucket, copy)).toMatchObject({ run: rehearsal, copy, epoch: 1 });
  expect(await both).toEqual(['succeeded', 'succeeded']);
});

test('two runs in the environment still exclude each other, and so do two that make one copy', async () => {
  const world = await environment();
  expect(await together(world, backup(world), restore(world))).toEqual(['succeeded', 'environment-busy']);
  const other = await environment();
  expect(await together(other, into(other, 'beside'), into(other, 'beside'), into(other, 'another'))).toEqual([
    'succeeded',
    'copy-busy',
    'succeeded',
  ]);
});

test('the first of two rehearsals that ends is recorded, and the other one says so', async () => {
  const world = await environment();
  const { played, point } = world;
  await together(world, rehearse(world), rehearse(world));
  const runs = Object.keys(await statuses(world)).filter((run) => run.startsWith('rehearse-'));
  const proven = (await listPoints(played.bucket)).find(({ id }) => id === point)?.proven?.run ?? '';
  expect(runs).toContain(proven);
  const second = runs.find((run) => run !== proven) ?? '';
  const outcome = await played.resume(played.newProcess(), second);
  expect(outcome).toMatchObject({
    results: { 'record-proof': { proven: true, why: `while this rehearsal ran, ${proven} has proved it` } },
  });
});

test('a backup and a rehearsal that were killed are both named, and both are carried on', async () => {
  let seen = 0;
  for (let at = 6; at <= 46; at += 8) {
    const world = await environment();
    const { played } = world;
    const ends = await Promise.all([killed(world, at, backup(world)), killed(world, at, rehearse(world))]);
    await played.clock.sleep(40_000);
    const left = Object.values(await statuses(world)).filter((status) => status === 'interrupted');
    expect(left).toHaveLength(ends.filter((dead) => dead).length);
    for (const _ of left) expect(wordOf(await asTold(world))).toBe('succeeded');
    expect(await played.told()).toBeUndefined();
    expect([...played.ring.copies.keys()]).toEqual([]);
    seen += left.length;
  }
  expect(seen).toBeGreaterThan(6);
});

test('a rehearsal that was left is named although a newer one has succeeded, and a cancel removes its copy', async () => {
  const world = await environment();
  const { played } = world;
  for (let at = 20; played.ring.copies.size === 0; at += 4) await killed(world, at, rehearse(world));
  await played.clock.sleep(40_000);
  expect(await together(world, rehearse(world))).toEqual(['succeeded']);
  const left = Object.entries(await statuses(world)).find(([, status]) => status === 'interrupted')?.[0] ?? '';
  expect(await played.told()).toBe(`cardea run resume ${left}`);
  expect(played.ring.copies.size).toBe(1);
  await requestCancel(played.worldOf(played.newProcess()), left);
  expect(wordOf(await asTold(world))).toBe('cancelled');
  expect(played.ring.copies.size).toBe(0);
});

test('a copy whose name another run has taken since is not carried on over it', async () => {
  const world = await environment();
  const { played } = world;
  await killed(world, 5, into(world, 'beside'));
  await played.clock.sleep(40_000);
  expect(played.ring.copies.size).toBe(0);
  expect(await together(world, into(world, 'beside'))).toEqual(['succeeded']);
  const copy = played.ring.copies.get('beside');
  expect(wordOf(await asTold(world))).toBe('copy-exists');
  expect(played.ring.copies.get('beside')).toBe(copy);
  expect(copy?.graph.up).toBe(true);
  expect(await played.told()).toBeUndefined();
});
