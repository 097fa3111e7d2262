import { expect, test } from 'vitest';
import { beginningOf, type Outcome, Played } from '../../test/support/recovery-history.ts';
import { directories } from '../../test/support/simulated-ring.ts';
import { readJournal } from '../journal/journal-reader.ts';
import { replay } from '../journal/run-state.ts';
import { refuseUnfinishedRestore } from '../cli/runs/unfinished-restore.ts';
import { acquireLease } from '../journal/lease.ts';
import { listRuns } from '../journal/runs.ts';
import { Problem } from '../model/problem.ts';
import { inventoryDocument } from '../model/restore-point.ts';
import { sha256 } from '../model/sha256.ts';
import type { BackupContents } from '../ports/backup-tool.ts';
import type { Runbook } from '../runbook/define.ts';
import { requestCancel } from '../runbook/engine.ts';
import { getPoint, listPoints } from './catalog/point-catalog.ts';
import { listOpenRestores } from './catalog/restore-catalog.ts';
import {
  acceptRunbook,
  backupRunbook,
  rehearseRunbook,
  restoreIntoRunbook,
  restoreRunbook,
  revertRunbook,
  type RunbookServices,
} from './index.ts';

/**
 * Sequences that a person or a second cause makes between two commands, which the drawn histories do not have: a disk that is replaced while a
 * restore waits, servers that somebody starts by hand, a cancel before anything was moved, a kill between two records.
 */
interface Environment {
  readonly played: Played;
  readonly point: string;
}

async function environment(): Promise<Environment> {
  const played = new Played({ faults: [], person: [] }, await beginningOf(3, 1));
  const [first] = await listPoints(played.bucket);
  if (first === undefined) throw new TypeError('the beginning has no point');
  return { played, point: first.id };
}

/** A command to its end, and the time that a lease lasts after it. */
async function run({ played }: Environment, work: (process: ReturnType<Played['newProcess']>) => Promise<Outcome>) {
  const outcome = await work(played.newProcess());
  await played.clock.sleep(40_000);
  return outcome;
}

const restore = async (world: Environment) =>
  run(world, (process) => world.played.begin(process, restoreRunbook, { point: world.point, newBase: false }, true));
const revert = async (world: Environment, of: string) =>
  run(world, (process) => world.played.begin(process, revertRunbook, { restore: of, newBase: false }, true));
const accept = async (world: Environment, of: string, lost: readonly string[] = []) =>
  run(world, (process) => world.played.begin(process, acceptRunbook, { restore: of, lost }, true));
const backup = async (world: Environment) =>
  run(world, (process) => world.played.begin(process, backupRunbook, { cut: 'fuzzy' }));
const asTold = async (world: Environment) => run(world, (process) => world.played.carryOut({ deed: 'told' }, process));

/** The same, with its program killed around its act number `at`; false when it had ended before. */
async function killed(
  { played }: Environment,
  at: number,
  work: (process: ReturnType<Played['newProcess']>) => Promise<Outcome>,
  before = false,
): Promise<boolean> {
  const process = played.newProcess({ at, before, how: 'killed' });
  const first = await Promise.race([work(process), process.death]);
  await played.clock.sleep(40_000);
  return first === 'dead';
}

async function restored(): Promise<Environment & { readonly restore: string }> {
  const world = await environment();
  const outcome = await restore(world);
  expect(wordOf(outcome)).toBe('succeeded');
  await world.played.write();
  return { ...world, restore: runOf(outcome) };
}

/** Ends the run that was left; undefined when there is none. */
async function cancelled({ played }: Environment): Promise<Outcome | undefined> {
  const process = played.newProcess();
  const world = played.worldOf(process);
  const left = (await listRuns({ ...world, store: played.bucket }, { limit: 20 })).find(
    ({ status }) => status === 'interrupted',
  );
  if (left === undefined) return undefined;
  await requestCancel(world, left.run);
  process.end();
  return played.resume(played.newProcess(), left.run);
}

function wordOf(outcome: Outcome): string {
  return outcome instanceof Problem ? outcome.code : (outcome.problem?.code ?? outcome.status);
}

function runOf(outcome: Outcome): string {
  if (outcome instanceof Problem) throw outcome;
  return outcome.run;
}

function nextOf(outcome: Outcome): string {
  return (outcome instanceof Problem ? outcome : outcome.problem)?.next ?? '';
}

function loseAside({ played }: Environment, name: string): void {
  const disk = played.ring.nodes.find((each) => each.name === name)?.disk;
  disk?.remove(directories.aside);
  disk?.makeFolder(directories.aside);
}

const isUp = ({ played }: Environment) => played.ring.isUp && played.ring.graph.up;
const keysOf = ({ played }: Environment) =>
  [...played.ring.content('edgestore').cells]
    .map((name) => Buffer.from(name.split(' ')[1] ?? '', 'hex').toString())
    .sort();

test('a restore that is resumed after it had started everything again ends so, and leaves the graph up', async () => {
  let seen = 0;
  for (let at = 1; at <= 120; at += 1) {
    const world = await environment();
    // Twice a node does not stop.
    world.played.ring.stopFails = 2;
    const work = async (process: ReturnType<Played['newProcess']>) =>
      world.played.begin(process, restoreRunbook, { point: world.point, newBase: false }, true);
    if (!(await killed(world, at, work, true))) break;
    if ((await world.played.told()) === undefined) continue;
    const outcome = await asTold(world);
    const problem = outcome instanceof Problem ? outcome : outcome.problem;
    if (problem?.state.includes('everything is as it was') !== true) continue;
    seen += 1;
    expect(isUp(world)).toBe(true);
  }
  expect(seen).toBeGreaterThan(5);
});

test.each(['killed', 'drained'] as const)(
  'what a Cassandra acknowledged that was started between the creation of tables and the placing of the log, and then was %s, is named and kept',
  async (how) => {
    let seen = 0;
    for (let at = 100; at <= 190; at += 1) {
      const world = await environment();
      const { ring, played } = { ring: world.played.ring, played: world.played };
      await played.makeTable();
      if (!(await killed(world, at, async (process) => played.carryOut({ deed: 'instant' }, process), true))) break;
      const on = (file: string) =>
        ring.nodes.filter(({ disk }) => disk.read(`${directories.aside}/${file}`) !== undefined);
      if (
        on('drained.json').length < ring.nodes.length ||
        on('logs.json').length > 0 ||
        ring.nodes.some(({ up }) => up)
      )
        continue;
      const cell = { table: 'edgestore', key: 'ffff', column: '00', at: ring.nextMicros() } as const;
      for (const node of ring.nodes) node.start();
      ring.write([cell]);
      for (const node of ring.nodes) {
        if (how === 'killed') node.up = false;
        else node.stop();
      }
      const outcome = await asTold(world);
      expect(wordOf(outcome)).toBe('data-present');
      seen += 1;
      expect(ring.content('edgestore').cells).toContain('edgestore ffff 00');
      expect(wordOf(await revert(world, runOf(outcome)))).toBe('succeeded');
      expect(ring.content('edgestore').cells).not.toContain('edgestore ffff 00');
      expect(isUp(world)).toBe(true);
    }
    expect(seen).toBeGreaterThan(0);
  },
);

test.each((['set-aside', 'restore-files'] as const).flatMap((at) => [0, 400, 1000].map((spare) => ({ at, spare }))))(
  'a restore that meets a full disk at $at, with $spare bytes left, is reverted without room, and says so until then',
  async ({ at, spare }) => {
    const world = await environment();
    const { played } = world;
    await played.write();
    const before = keysOf(world);
    const [, full] = played.ring.nodes;
    if (full === undefined) throw new TypeError('there is no second node');
    full.fills = { at, spare };
    const failed = await run(world, async (process) =>
      played.begin(process, restoreRunbook, { point: world.point, newBase: false, stage: false }, true),
    );
    expect(wordOf(failed)).toBe('disk-full');
    const of = runOf(failed);
    expect(nextOf(failed)).toContain(`cardea restore revert ${of}`);
    expect(wordOf(await asTold(world))).toBe('disk-full');
    const reverted = await revert(world, of);
    expect(wordOf(reverted)).toBe('succeeded');
    expect(keysOf(world)).toEqual(before);
    expect(isUp(world)).toBe(true);
    expect(wordOf(await accept(world, runOf(reverted)))).toBe('succeeded');
    // Marks go when the next restore or revert marks the disks: only then is it known whether another run asks for one.
    expect(full.disk.names(directories.aside).filter((name) => !name.startsWith('mark.'))).toEqual([]);
  },
);

test('an accept that was cancelled before it deleted anything leaves the revert possible', async () => {
  let seen = 0;
  for (let at = 1; at <= 40; at += 1) {
    const world = await restored();
    const work = async (process: ReturnType<Played['newProcess']>) =>
      world.played.begin(process, acceptRunbook, { restore: world.restore }, true);
    if (!(await killed(world, at, work))) break;
    const ended = await cancelled(world);
    if (ended === undefined || wordOf(ended) !== 'cancelled' || ('carriesOn' in ended && ended.carriesOn)) continue;
    seen += 1;
    expect(wordOf(await revert(world, world.restore))).toBe('succeeded');
  }
  expect(seen).toBeGreaterThan(3);
});

test('a revert that was cancelled before it moved anything leaves the accept possible, and backups', async () => {
  let seen = 0;
  for (let at = 1; at <= 80; at += 3) {
    const world = await restored();
    const work = async (process: ReturnType<Played['newProcess']>) =>
      world.played.begin(process, revertRunbook, { restore: world.restore, newBase: false }, true);
    if (!(await killed(world, at, work))) break;
    const ended = await cancelled(world);
    if (ended === undefined || wordOf(ended) !== 'cancelled' || ('carriesOn' in ended && ended.carriesOn)) continue;
    seen += 1;
    expect(wordOf(await backup(world))).toBe('succeeded');
    expect(wordOf(await accept(world, world.restore))).toBe('succeeded');
  }
  expect(seen).toBeGreaterThan(3);
});

test('who wants the other decision is told how to end one that has moved nothing yet', async () => {
  const world = await restored();
  const work = async (process: ReturnType<Played['newProcess']>) =>
    world.played.begin(process, acceptRunbook, { restore: world.restore }, true);
  for (let at = 1; ; at += 1) {
    await killed(world, at, work);
    const [record] = await listOpenRestores(world.played.bucket);
    if (record?.state === 'accepting') break;
    await cancelled(world);
  }
  const refused = await revert(world, world.restore);
  expect(wordOf(refused)).toBe('restore-being-decided');
  expect(nextOf(refused)).toMatch(/^It has moved and deleted nothing yet\. To end it so: cardea run cancel accept-/);
});

test('a node that lost its disk while a restore waits: the revert stops nothing, and what is left can be accepted', async () => {
  const world = await restored();
  loseAside(world, 'node-1');
  const refused = await accept(world, world.restore);
  expect(wordOf(refused)).toBe('restore-unfinished');
  expect(nextOf(refused)).toContain(`cardea restore accept ${world.restore} --lost node-1 --confirm local`);
  const reverted = await revert(world, world.restore);
  expect(wordOf(reverted)).toBe('nothing-aside');
  expect(nextOf(reverted)).toContain(`cardea restore accept ${world.restore} --lost node-1 --confirm local`);
  expect(isUp(world)).toBe(true);
  expect(wordOf(await accept(world, world.restore, ['node-1', 'node-2']))).toBe('not-lost');
  expect(wordOf(await accept(world, world.restore, ['node-1']))).toBe('succeeded');
  expect(await listOpenRestores(world.played.bucket)).toEqual([]);
  expect(wordOf(await restore(world))).toBe('succeeded');
});

test('a node that loses its disk in the middle of a revert: what is left is given up, and a restore brings the graph back', async () => {
  const world = await restored();
  const work = async (process: ReturnType<Played['newProcess']>) =>
    world.played.begin(process, revertRunbook, { restore: world.restore, newBase: false }, true);
  for (let at = 1; ; at += 1) {
    await killed(world, at, work);
    const [record] = await listOpenRestores(world.played.bucket);
    if (record?.state === 'reverting' && !world.played.ring.isUp) break;
    await cancelled(world);
  }
  loseAside(world, 'node-1');
  const resumed = await asTold(world);
  const named = /cardea restore accept \S+ --lost node-1 --confirm local/;
  // Asked before the first move, else met in the middle of it.
  expect(nextOf(resumed)).toMatch(named);
  const given = await accept(world, world.restore, ['node-1']);
  expect(wordOf(given)).toBe('succeeded');
  expect(await listOpenRestores(world.played.bucket)).toEqual([]);
  expect(wordOf(await restore(world))).toBe('succeeded');
  expect(isUp(world)).toBe(true);
});

test('a revert that is killed while it records its end is finished before anything that it moved aside is decided', async () => {
  let seen = 0;
  for (let at = 60; at <= 110; at += 1) {
    const world = await restored();
    const before = keysOf(world);
    const work = async (process: ReturnType<Played['newProcess']>) =>
      world.played.begin(process, revertRunbook, { restore: world.restore, newBase: false }, true);
    if (!(await killed(world, at, work))) break;
    const records = await listOpenRestores(world.played.bucket);
    const second = records.find(({ run: other }) => other !== world.restore);
    if (second === undefined) continue;
    seen += 1;
    if (records.some(({ run: each }) => each === world.restore)) {
      expect(wordOf(await revert(world, second.run))).toBe('restore-unfinished');
      expect(wordOf(await accept(world, second.run))).toBe('restore-unfinished');
    }
    // No second revert of the same restore begins beside what the first one kept.
    expect(wordOf(await revert(world, world.restore))).not.toBe('succeeded');
    const finished = await world.played.resume(world.played.newProcess(), second.run);
    expect(wordOf(finished)).toBe('succeeded');
    expect((await listOpenRestores(world.played.bucket)).map((record) => record.run)).toEqual([second.run]);
    const back = await revert(world, second.run);
    expect(wordOf(back)).toBe('succeeded');
    expect(keysOf(world)).toEqual(before);
    expect(wordOf(await accept(world, runOf(back)))).toBe('succeeded');
    expect(await world.played.told()).toBeUndefined();
  }
  expect(seen).toBeGreaterThan(0);
});

test('what was written and acknowledged between a kill and its resume is not lost by the resumed undo', async () => {
  let seen = 0;
  for (let at = 55; at <= 95; at += 1) {
    const world = await environment();
    const { played } = world;
    const work = async (process: ReturnType<Played['newProcess']>) => played.carryOut({ deed: 'undo' }, process);
    if (!(await killed(world, at, work, true))) break;
    const moved = [...played.bucket.objects.keys()].some((key) => /^restores\/[^/]+\.json$/.test(key));
    if (moved || !played.ring.isUp || played.ring.graph.up) continue;
    // Somebody brings the service back by hand.
    await played.ring.startGraph();
    const last = played.writes;
    await played.write();
    await played.write();
    await played.clock.sleep(20_000);
    if (wordOf(await asTold(world)) !== 'succeeded') continue;
    seen += 1;
    const wanted = [last + 1, last + 2].map((each) => `w${String(each).padStart(4, '0')}`);
    expect(keysOf(world)).toEqual(expect.arrayContaining(wanted));
  }
  expect(seen).toBeGreaterThan(3);
});

test('an accept that is resumed asks every node again whether it keeps the old data, before the first delete', async () => {
  let seen = 0;
  for (let at = 4; at <= 16; at += 1) {
    const world = await restored();
    const { played } = world;
    const work = async (process: ReturnType<Played['newProcess']>) =>
      played.begin(process, acceptRunbook, { restore: world.restore }, true);
    if (!(await killed(world, at, work))) break;
    const marker = `${directories.aside}/${world.restore}/aside.json`;
    const keeping = () => played.ring.nodes.filter(({ disk }) => disk.read(marker) !== undefined).length;
    if (keeping() < 3) continue;
    loseAside(world, 'node-1');
    await asTold(world);
    seen += 1;
    expect(keeping()).toBe(2);
  }
  expect(seen).toBeGreaterThan(3);
});

test.each(['undo', 'instant', 'restore'] as const)(
  '%s that was interrupted while it prepared is not carried on over a newer history',
  async (deed) => {
    // Before the 31st deed it has noted no history that could have changed.
    for (const at of [32, 40, 50, 54, 60, 66, 70]) {
      const world = await environment();
      const { played } = world;
      if (!(await killed(world, at, async (process) => played.carryOut({ deed }, process), true))) break;
      const other = await restore(world);
      await played.write();
      if (wordOf(other) === 'succeeded') expect(wordOf(await accept(world, runOf(other)))).toBe('succeeded');
      await played.write();
      const before = keysOf(world);
      if ((await played.told()) === undefined) continue;
      expect(wordOf(await asTold(world))).toBe(wordOf(other) === 'succeeded' ? 'history-changed' : 'succeeded');
      if (wordOf(other) === 'succeeded') expect(keysOf(world)).toEqual(before);
    }
  },
);

test.each(['restore', 'instant'] as const)(
  '%s: ids that were given out between a kill and its resume are not given out again',
  async (deed) => {
    let seen = 0;
    for (let at = 30; at <= 110; at += 1) {
      const world = await environment();
      const { ring, bucket } = world.played;
      if (!(await killed(world, at, async (process) => world.played.carryOut({ deed }, process), true))) break;
      const keys = [...bucket.objects.keys()];
      const moved = keys.some((key) => /^restores\/[^/]+\.json$/.test(key));
      if (moved || !keys.some((key) => key.endsWith('/ids.json')) || ring.graph.up) continue;
      // Somebody starts everything again, ids are given out, and then the nodes die.
      for (const node of ring.nodes) node.start();
      await ring.startGraph();
      await world.played.write();
      ring.graph.up = false;
      for (const node of ring.nodes) node.stop();
      const outcome = await asTold(world);
      if (wordOf(outcome) !== 'succeeded') continue;
      seen += 1;
      expect(ring.doubled).toBe(false);
    }
    expect(seen).toBeGreaterThan(3);
  },
);

test('a revert, and the accept of it, end the runs that they decide', async () => {
  const world = await environment();
  const { played } = world;
  const work = async (process: ReturnType<Played['newProcess']>) =>
    played.begin(process, restoreRunbook, { point: world.point, newBase: false }, true);
  for (let at = 80; (await listOpenRestores(played.bucket)).length === 0; at += 1) await killed(world, at, work, true);
  const [record] = await listOpenRestores(played.bucket);
  const statuses = async () => {
    const process = played.newProcess();
    const runs = await listRuns({ ...played.worldOf(process), store: played.bucket }, { limit: 20 });
    process.end();
    return Object.fromEntries(runs.map(({ run: id, status }) => [id, status]));
  };
  const restoring = record?.run ?? '';
  expect((await statuses())[restoring]).toBe('interrupted');
  const reverted = await revert(world, restoring);
  expect(wordOf(reverted)).toBe('succeeded');
  expect((await statuses())[restoring]).toBe('cancelled');
  expect(wordOf(await accept(world, runOf(reverted)))).toBe('succeeded');
  expect(Object.values(await statuses())).not.toContain('interrupted');
});

test('a restore that serves and cannot be proven is kept by the word of a person, and backups go on', async () => {
  const world = await environment();
  world.played.proofFails = true;
  const first = await restore(world);
  expect(wordOf(first)).toBe('fingerprint-differs');
  const refused = await accept(world, runOf(first));
  expect(wordOf(refused)).toBe('restore-unfinished');
  expect(nextOf(refused)).toContain(`cardea restore accept ${runOf(first)} --unproven --confirm local`);
  const kept = await run(world, async (process) =>
    world.played.begin(process, acceptRunbook, { restore: runOf(first), unproven: true }, true),
  );
  expect(wordOf(kept)).toBe('succeeded');
  expect(wordOf(await backup(world))).toBe('succeeded');
});

test('nothing but the proof of a restore is left out by the word of a person', async () => {
  const world = await environment();
  const work = async (process: ReturnType<Played['newProcess']>) =>
    world.played.begin(process, restoreRunbook, { point: world.point, newBase: false }, true);
  for (let at = 80; (await listOpenRestores(world.played.bucket)).length === 0; at += 1)
    await killed(world, at, work, true);
  const [record] = await listOpenRestores(world.played.bucket);
  const refused = await run(world, async (process) =>
    world.played.begin(process, acceptRunbook, { restore: record?.run, unproven: true }, true),
  );
  expect(wordOf(refused)).toBe('restore-unfinished');
  expect(nextOf(refused)).not.toContain('--unproven');
});

/** Somebody with write access to the bucket puts other data there, with a manifest and an inventory that say so. */
async function exchangeFiles({ played: { bucket }, point }: Environment): Promise<void> {
  const planted = JSON.stringify([{ table: 'edgestore', key: keyOf('EVIL'), column: keyOf('c'), at: 1 }]);
  const { nodes } = await getPoint(bucket, point);
  for (const { node, inventory } of nodes) {
    const manifest = `medusa/${node}/${point}/meta/manifest.json`;
    const contents = JSON.parse(bucket.text(manifest)) as BackupContents;
    const evil = new Set<string>();
    const files = contents.files.map((each) => {
      if (!each.table.startsWith('edgestore')) return each;
      evil.add(`${each.table}/${each.path}`);
      bucket.set(each.key, planted);
      return { ...each, bytes: planted.length };
    });
    bucket.set(manifest, JSON.stringify({ ...contents, files }));
    const { point: id, tables } = inventoryDocument.read(bucket.text(inventory), inventory);
    const changed = tables.map((table) => ({
      ...table,
      files: table.files.map((file) =>
        evil.has(`${table.table}/${file.path}`) ? { ...file, bytes: planted.length, sha256: sha256(planted) } : file,
      ),
    }));
    bucket.set(inventory, inventoryDocument.write({ point: id, node, tables: changed }));
  }
}

const keyOf = (text: string) => Buffer.from(text).toString('hex');

test('files that somebody exchanged together with their inventory after a restore had checked them are not placed', async () => {
  const seen = new Set<string>();
  for (let at = 30; at <= 120; at += 3) {
    const world = await environment();
    const work = async (process: ReturnType<Played['newProcess']>) =>
      world.played.begin(process, restoreRunbook, { point: world.point, newBase: false, stage: at % 2 === 0 }, true);
    if (!(await killed(world, at, work, true))) break;
    const moved = (await listOpenRestores(world.played.bucket)).length > 0;
    await exchangeFiles(world);
    if ((await world.played.told()) === undefined) continue;
    const word = wordOf(await asTold(world));
    seen.add(`${word}${moved ? ' after the move' : ''}`);
    // Placed before the exchange.
    if (word !== 'succeeded') expect(word).toBe('inventory-changed');
    expect(keysOf(world)).not.toContain('EVIL');
    // Nothing was stopped for it.
    if (!moved) expect(isUp(world)).toBe(true);
  }
  expect(seen).toContain('inventory-changed');
  expect(seen).toContain('inventory-changed after the move');
  expect(seen).toContain('succeeded after the move');
});

test.each([rehearseRunbook, restoreIntoRunbook])(
  'files that somebody exchanged after $name had looked at the point are not placed in its copy',
  async (runbook) => {
    let seen = 0;
    for (let at = 6; at <= 40; at += 1) {
      const world = await environment();
      const params = { point: world.point, ...(runbook === restoreIntoRunbook ? { into: 'beside' } : {}) };
      const work = async (process: ReturnType<Played['newProcess']>) =>
        world.played.begin(process, runbook as Runbook<unknown, RunbookServices>, params, true);
      if (!(await killed(world, at, work))) break;
      const process = world.played.newProcess();
      const [left] = await listRuns({ ...world.played.worldOf(process), store: world.played.bucket }, { limit: 1 });
      process.end();
      if (left?.status !== 'interrupted') continue;
      const { events } = await readJournal(world.played.bucket, left.run);
      if (replay(events)?.steps['check-point']?.status !== 'succeeded') continue;
      await exchangeFiles(world);
      const outcome = await run(world, (again) => world.played.resume(again, left.run));
      for (const copy of world.played.made) {
        const keys = [...copy.content('edgestore').cells].map((name) => name.split(' ')[1]);
        expect(keys).not.toContain(keyOf('EVIL'));
      }
      if (wordOf(outcome) === 'inventory-changed') seen += 1;
    }
    expect(seen).toBeGreaterThan(0);
  },
);

test('a graph that claims its ids in another table is backed up and restored by nobody, and nothing is stopped for it', async () => {
  const world = await environment();
  world.played.ring.lacks.add('ids');
  const refused = await backup(world);
  expect(wordOf(refused)).toBe('graph-form-unsupported');
  expect(refused).toMatchObject({ status: 'refused' });
  // A point that was taken before anybody asked.
  const { bucket } = world.played;
  const { nodes } = await getPoint(bucket, world.point);
  for (const { node, inventory } of nodes) {
    const { point: id, tables } = inventoryDocument.read(bucket.text(inventory), inventory);
    const changed = tables.map((each) =>
      each.table.startsWith('janusgraph_ids-') ? { ...each, table: `system_properties-${'0'.repeat(32)}` } : each,
    );
    bucket.set(inventory, inventoryDocument.write({ point: id, node, tables: changed }));
  }
  expect(wordOf(await restore(world))).toBe('graph-form-unsupported');
  expect(isUp(world)).toBe(true);
});

test('tables in which JanusGraph was never started are backed up, and restored to its first start', async () => {
  const world = await environment();
  const { ring } = world.played;
  ring.lacks.add('settings');
  expect(wordOf(await backup(world))).toBe('succeeded');
  const [{ id } = { id: world.point }] = await listPoints(world.played.bucket);
  expect(id).not.toBe(world.point);
  const restoring = await restore({ ...world, point: id });
  expect(wordOf(restoring)).toBe('succeeded');
  expect(isUp(world)).toBe(true);
  expect(ring.lacks.has('settings')).toBe(false);
  expect(wordOf(await accept(world, runOf(restoring)))).toBe('succeeded');
});

test('the old mixed index is gone when a restore is reverted: it is made anew', async () => {
  const world = await restored();
  world.played.ring.indexesAside.clear();
  // What the oracle would want is the old index itself.
  world.played.oracle.blind = true;
  expect(wordOf(await revert(world, world.restore))).toBe('succeeded');
  expect(world.played.ring.graph.index).toBe('rebuilt');
  expect(isUp(world)).toBe(true);
});

test('what has moved nothing is neither accepted nor reverted, and the way to end it is named', async () => {
  const world = await environment();
  const work = async (process: ReturnType<Played['newProcess']>) =>
    world.played.begin(process, restoreRunbook, { point: world.point, newBase: false }, true);
  expect(await killed(world, 50, work, true)).toBe(true);
  const [left] = await listRuns(
    { ...world.played.worldOf(world.played.newProcess()), store: world.played.bucket },
    { limit: 1 },
  );
  for (const decide of [accept, revert]) {
    const refused = await decide(world, left?.run ?? '');
    expect(wordOf(refused)).toBe('restore-unfinished');
    expect(nextOf(refused)).toContain(`cardea run cancel ${left?.run}`);
  }
  expect(wordOf((await cancelled(world)) ?? (new TypeError('nothing was left') as never))).toBe('cancelled');
  expect(isUp(world)).toBe(true);
});

test('a bucket that is emptied in the middle of a restore: no server is started on half placed data, and the old data comes back', async () => {
  const world = await environment();
  const { played } = world;
  const before = keysOf(world);
  const work = async (process: ReturnType<Played['newProcess']>) =>
    played.begin(process, restoreRunbook, { point: world.point, newBase: false }, true);
  for (let at = 95; (await listOpenRestores(played.bucket)).length === 0; at += 1) await killed(world, at, work, true);
  const aside = new Set(
    played.ring.nodes.flatMap(({ disk }) =>
      disk
        .names(directories.aside)
        .filter((name) => disk.read(`${directories.aside}/${name}/aside.json`) !== undefined),
    ),
  );
  const [name = ''] = aside;
  for (const key of played.bucket.objects.keys()) played.bucket.remove(key);
  played.oracle.blind = true;
  const process = played.newProcess();
  await expect(
    refuseUnfinishedRestore({ ...played.worldOf(process), store: played.bucket }, 'local', aside),
  ).rejects.toMatchObject({
    code: 'restore-unfinished',
    next: `Bring the old data back: cardea restore revert ${name} --confirm local`,
  });
  // As a command does, which asks the agents for the highest that they have seen.
  await (await acquireLease(played.worldOf(process), { environment: 'local', run: 'before', above: 50 })).release();
  process.end();
  expect(wordOf(await revert(world, name))).toBe('succeeded');
  expect(keysOf(world)).toEqual(before);
  expect(isUp(world)).toBe(true);
});

test('a restore is not accepted while a revert of it that has stopped servers was left', async () => {
  let seen = 0;
  for (let at = 25; at <= 45; at += 1) {
    const world = await restored();
    const work = async (process: ReturnType<Played['newProcess']>) =>
      world.played.begin(process, revertRunbook, { restore: world.restore, newBase: false }, true);
    if (!(await killed(world, at, work))) break;
    const [record] = await listOpenRestores(world.played.bucket);
    if (record?.state !== 'open' || isUp(world)) continue;
    seen += 1;
    const refused = await accept(world, world.restore);
    expect(wordOf(refused)).toBe('restore-being-decided');
    expect(nextOf(refused)).toContain('cardea run cancel revert-');
    await cancelled(world);
    expect(isUp(world)).toBe(true);
    expect(wordOf(await accept(world, world.restore))).toBe('succeeded');
  }
  expect(seen).toBeGreaterThan(2);
});

test('a second restore while an accept has broken off is refused, and names no way that is closed', async () => {
  const world = await environment();
  const made = await restore(world);
  if (made instanceof Problem) throw made;
  world.played.ring.nodes[1]?.faults.set('accept-aside', ['refused']);
  expect(await accept(world, made.run)).toMatchObject({ status: 'failed' });
  const second = await restore(world);
  expect(second).toMatchObject({ status: 'refused', problem: { code: 'restore-open' } });
  if (second instanceof Problem) throw second;
  expect(second.problem?.happened).toContain(made.run);
  expect(second.problem?.next).toBe('Decide that one first: cardea status local names the command.');
  expect(await world.played.told()).toMatch(/^cardea run resume accept-/);
  expect(await asTold(world)).toMatchObject({ status: 'succeeded' });
});

test('the way back of a restore whose program was killed is open at once, while any other run waits for its lease', async () => {
  let reverted = 0;
  for (let at = 40; reverted < 3; at += 9) {
    const world = await environment();
    const { played, point } = world;
    const process = played.newProcess({ at, before: false, how: 'killed' });
    const params = { point, newBase: false };
    await Promise.race([played.begin(process, restoreRunbook, params, true), process.death]);
    const [open] = await listOpenRestores(played.bucket);
    if (open === undefined) continue;
    await expect(played.told()).resolves.toContain(`cardea restore revert ${open.run}`);
    expect(await played.begin(played.newProcess(), backupRunbook, { cut: 'fuzzy' })).toMatchObject({
      code: 'environment-busy',
    });
    const back = { restore: open.run, newBase: false };
    expect(wordOf(await played.begin(played.newProcess(), revertRunbook, back, true))).toBe('succeeded');
    reverted += 1;
  }
});
