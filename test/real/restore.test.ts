import { readdirSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { exactId } from '../../src/graph/codec/byte-reader.ts';
import { VertexIds } from '../../src/graph/codec/element-id.ts';
import { fingerprintGraph } from '../../src/graph/fingerprint.ts';
import { readGlobalSettings } from '../../src/graph/global-settings.ts';
import type { Fingerprint, RestorePoint } from '../../src/model/restore-point.ts';
import { takeLock } from '../../src/host/file-lock.ts';
import { lookAtRun } from '../../src/runbook/look-at-run.ts';
import { rolesOf } from '../../src/runbooks/steps/restored-roles.ts';
import { marked } from '../../src/host/detached-process.ts';
import { getPoint, listPoints, updatePoint } from '../../src/runbooks/catalog/point-catalog.ts';
import { testInFull } from '../support/in-full.ts';
import {
  claimsBelow,
  filesBelow,
  killNow,
  loadSample,
  sandboxUp,
  strayProcesses,
  type TestSandbox,
} from '../support/sandbox.ts';

/** Every way back and forth between the states of one graph. One node; the tests run in the order of the file, each from the state the last one left. */
const taken = z.object({ point: z.string() });
const ran = z.object({ run: z.string(), ok: z.literal(true) });
const sound = z.object({
  ok: z.literal(true),
  fingerprint: z.looseObject({ hash: z.string() }),
  findings: z.array(z.unknown()).length(0),
  known: z.array(z.object({ kind: z.string(), element: z.string() })),
});

let sandbox: TestSandbox;
let point: RestorePoint;
/** Ids of vertices that were made after the backup, by a server that had claimed its ids after the backup, too. */
let issued: readonly bigint[];
/** The graph as the first restore found it. */
let damaged: Fingerprint;
/** A vertex that lost its mark of existence before the backup: old damage, which every state of this file has. */
let ghost: string;
let restore: string;
let revert: string;

beforeAll(async () => {
  sandbox = await sandboxUp(1);
  await loadSample(sandbox.platform, 'ways-back');
  ghost = await makeGhost();
  point = await backUp();
  await sandbox.platform.database.execute(
    "INSERT INTO system_auth.roles (role, can_login, is_superuser) VALUES ('joiner', true, false)",
  );
  await restartGraph();
  issued = await addVertices(20);
  await sandbox.platform.graph.submit('g.V().hasLabel("account").limit(7).drop().iterate(); g.tx().commit(); []');
  damaged = await fingerprint();
});

afterAll(async () => {
  await sandbox?.down();
});

test('C3 C4: a restore in place brings a damaged graph back to what the point recorded', async () => {
  expect(damaged.hash).not.toBe(point.fingerprint?.hash);
  restore = await restoreInPlace(point.id);
  const { fingerprint: now, known } = await sandbox.answer(sound, 'check', 'local');
  expect(now).toEqual(point.fingerprint);
  expect(known).toContainEqual({ kind: 'ghost-vertex', element: `vertex ${ghost}` });
  for (const folder of ['hints', 'saved_caches']) expect(filesBelow(nodeFolder(folder))).toEqual([]);
});

test('a graph that had a ghost before its backup is recorded with it, and proven with it', async () => {
  expect(point.findings).toMatchObject({ checked: true, fresh: 0, kinds: { 'ghost-vertex': 1 } });
  await sandbox.answer(z.unknown(), 'rehearse', 'local', point.id);
  expect(await getPoint(sandbox.platform.bucket, point.id)).toMatchObject({ proof: 'proven' });
});

test('a role that was made after the backup is there after the restore', async () => {
  expect(await roles()).toContain('joiner');
  const [step] = await restoredRolesOf(restore);
  expect(step).toEqual({ kept: sandbox.platform.nodes.map(({ name }) => name), ofPoint: [], differ: false });
});

test('Cassandra holds its lock while it runs, so no agent can move its files', async () => {
  expect(await takeLock(nodeFolder('cassandra.lock'), { make: false })).toBe('taken');
});

test('no id that was given out after the backup is given out again after the restore', async () => {
  await expectNewIds();
});

test('after a restore only the running instance is registered', async () => {
  const { database, keyspace, graph } = sandbox.platform;
  const running = await graph.submit<string>('graph.getConfiguration().getUniqueGraphId()');
  expect((await readGlobalSettings(database, keyspace)).instances).toEqual(running);
});

test('C3: restore revert brings back exactly what the restore had found', async () => {
  ({ run: revert } = await sandbox.answer(
    ran,
    'restore',
    'revert',
    restore,
    '--env',
    'local',
    '--confirm',
    'local',
    '--without-base',
  ));
  expect(await fingerprint()).toEqual(damaged);
  await sandbox.answer(sound, 'check', 'local');
});

test('the revert can be reverted in its turn, also when the disk was wiped meanwhile', async () => {
  await wipeDisk();
  ({ run: revert } = await sandbox.answer(
    ran,
    'restore',
    'revert',
    revert,
    '--env',
    'local',
    '--confirm',
    'local',
    '--without-base',
  ));
  const { fingerprint: now } = await sandbox.answer(sound, 'check', 'local');
  // The restored graph, with what was written to it before it was set aside.
  expect(now['vertices']).toBe((point.fingerprint?.vertices ?? 0) + issued.length);
});

test('restore accept frees the space', async () => {
  const decided = await sandbox.cardea('restore', 'accept', restore, '--env', 'local', '--confirm', 'local');
  expect(decided).toMatchObject({ json: { problem: { code: 'restore-closed' } } });
  await sandbox.answer(ran, 'restore', 'accept', revert, '--env', 'local', '--confirm', 'local');
  const left = filesBelow(nodeFolder('aside')).filter((file) => !file.endsWith('/placement.json'));
  // Marks of runs stay until the next one marks the disk: they are empty.
  expect(left.filter((file) => !/\/mark\.[^/]+$/.test(file) || statSync(file).size > 0)).toEqual([]);
  expect(filesBelow(join(sandbox.directory, 'graph', 'aside'))).toEqual([]);
});

test('B5: retention removes old points through Medusa, and never the newest proven one', async () => {
  const { bucket } = sandbox.platform;
  // Proved by the file about kills; here it is only what the rule has to spare.
  await updatePoint(bucket, point.id, (each) => ({
    ...each,
    proof: 'proven',
    proven: { at: each.takenAt, run: each.run, seconds: { restore: 1, start: 1, open: 1, check: 1 } },
  }));
  const config = shortRetention();
  const second = await backUp('--config', config);
  expect((await listPoints(bucket)).map(({ id }) => id)).toEqual([second.id, point.id]);
  const third = await backUp('--config', config);
  expect((await listPoints(bucket)).map(({ id }) => id)).toEqual([third.id, point.id]);
  const left: string[] = [];
  for await (const { key } of bucket.list('')) if (key.includes(second.id) && !key.startsWith('runs/')) left.push(key);
  expect(left).toEqual([]);
});

testInFull(
  'a backup goes on beside a rehearsal, and its retention keeps the point that the rehearsal reads',
  async () => {
    const { bucket } = sandbox.platform;
    const [read] = await listPoints(bucket);
    if (read === undefined) throw new TypeError('there is a point');
    const rehearsal = sandbox.begin(['rehearse', 'local', read.id]);
    await vi.waitFor(async () => expect((await sandbox.status()).copies).toHaveLength(1), 60_000);
    const listed = z.array(z.looseObject({ run: z.string(), status: z.string() }));
    const [beside] = await sandbox.answer(listed, 'runs', 'local');
    expect(beside).toMatchObject({ run: expect.stringMatching(/^rehearse-/), status: 'running' });
    const config = shortRetention();
    // It does not end before the backup; what it has asked of the agents of its copy goes on.
    process.kill(rehearsal.pid, 'SIGSTOP');
    const newer = await backUp('--config', config).finally(() => process.kill(rehearsal.pid, 'SIGCONT'));
    expect((await listPoints(bucket)).map(({ id }) => id)).toEqual([newer.id, read.id, point.id]);
    const logs = await sandbox.cardea('logs', newer.run, 'choose-points');
    expect(logs.stdout).toContain(`it is needed by ${beside?.run}, which has not ended`);

    expect(await rehearsal.ended).toMatchObject({ exitCode: 0, json: { ok: true } });
    expect(await getPoint(bucket, read.id)).toMatchObject({ proof: 'proven', proven: { run: beside?.run } });
    // As it was, so that the point of this file is the proven one.
    const { proven: _, ...checked } = await getPoint(bucket, read.id);
    await updatePoint(bucket, read.id, () => ({ ...checked, proof: 'checked' }));
    const last = await backUp('--config', config);
    expect((await listPoints(bucket)).map(({ id }) => id)).toEqual([last.id, point.id]);
  },
);

test('B5 C3: the proven point still restores, onto an empty disk and with nobody left to ask for ids', async () => {
  await wipeDisk();
  restore = await restoreInPlace(point.id);
  const { fingerprint: now, known } = await sandbox.answer(sound, 'check', 'local');
  expect(now).toEqual(point.fingerprint);
  expect(known).toContainEqual({ kind: 'ghost-vertex', element: `vertex ${ghost}` });
  const [node = ''] = sandbox.platform.nodes.map(({ name }) => name);
  expect(await restoredRolesOf(restore)).toEqual([{ kept: [], ofPoint: [node], differ: false }]);
  expect(await roles()).not.toContain('joiner');
  await expectNewIds();
});

test('B5 C3: restore --into leaves the newest point running beside the live environment, apart from it', async () => {
  const before = await sandbox.status();
  const [newest] = await listPoints(sandbox.platform.bucket);
  await sandbox.answer(ran, 'restore', 'local', '--to', newest?.id ?? '', '--into', 'look');
  const status = await sandbox.status();
  expect({ ...status, copies: [] }).toEqual(before);
  expect(status.copies).toEqual([join(sandbox.directory, 'copies', 'look')]);

  const copy = await sandbox.platform.copies.open('look');
  const [count] = (await copy?.graph.submit<number>('g.V().count().next()')) ?? [];
  await copy?.close();
  expect(count).toBe(newest?.fingerprint?.vertices);
  expect(await sandbox.platform.copies.connectionsToLive('look')).toEqual([]);
  expect(socketsBetween(sandbox.directory, join(sandbox.directory, 'copies', 'look'))).toEqual([]);
  expect(filesHeldBelow(join(sandbox.directory, 'copies', 'look'), status.graph.index)).toEqual([]);
});

test('a name that a copy has already is refused for another', async () => {
  const again = await sandbox.cardea('restore', 'local', '--to', point.id, '--into', 'look');
  expect(again).toMatchObject({ exitCode: 3, json: { problem: { code: 'copy-exists' } } });
});

test('the copy is taken down by its own name, and the live environment stays', async () => {
  const { nodes, graph } = await sandbox.status();
  await sandbox.answer(z.unknown(), 'sandbox', 'down', 'local~look', '--confirm', 'local~look');
  const after = await sandbox.status();
  expect(after).toMatchObject({ state: 'up', copies: [], nodes, graph });
  expect(strayProcesses(sandbox.home, after)).toEqual([]);
  expect(claimsBelow(sandbox.home)).toEqual([sandbox.directory]);
});

/** One CQL delete of the mark of existence of a vertex that nothing else in this file looks at. */
async function makeGhost(): Promise<string> {
  const { graph, database, keyspace } = sandbox.platform;
  const [id] = await graph.submit<string>(
    'v = graph.addVertex("name", "a ghost"); graph.tx().commit(); [v.id() as String]',
  );
  const { partitions } = await readGlobalSettings(database, keyspace);
  const key = new VertexIds(partitions).toKey(exactId(BigInt(id ?? 0)));
  await database.execute(`DELETE FROM "${keyspace}".edgestore WHERE key = ? AND column1 = ?`, [key, Buffer.of(2)]);
  return String(id);
}

async function backUp(...flags: string[]): Promise<RestorePoint> {
  const { point: id } = await sandbox.answer(taken, ...flags, 'backup', 'local', '--quiesced');
  return getPoint(sandbox.platform.bucket, id);
}

function shortRetention(): string {
  return sandbox.writeConfig(
    'short.config.ts',
    "export default { name: 'janusgraph-banking', environments: { local: { platform: { kind: 'sandbox' }, backup: { retention: { keep: '1s', atLeast: 1 } } } } };",
  );
}

async function restoreInPlace(to: string): Promise<string> {
  return (await sandbox.answer(ran, 'restore', 'local', '--to', to, '--confirm', 'local', '--without-base')).run;
}

async function fingerprint(): Promise<Fingerprint> {
  return fingerprintGraph(sandbox.platform.database, sandbox.platform.keyspace);
}

function nodeFolder(name: string): string {
  return join(sandbox.directory, 'nodes', sandbox.platform.nodes[0]?.name ?? '', name);
}

async function restartGraph(): Promise<void> {
  const { signal } = new AbortController();
  await sandbox.platform.graphLifecycle.stopAll(signal);
  await sandbox.platform.graphLifecycle.startAll(signal);
}

async function addVertices(count: number): Promise<readonly bigint[]> {
  const ids = await sandbox.platform.graph.submit<string | number>(
    '(1..count).collect { g.addV("customer").next().id() as String }.with { ids -> g.tx().commit(); ids }',
    { count },
  );
  expect(ids).toHaveLength(count);
  return ids.map(BigInt);
}

/** Ids of normal vertices count up within each of the graph's partitions, whose number stands above the three bits of the kind. */
async function expectNewIds(): Promise<void> {
  const { partitions } = await readGlobalSettings(sandbox.platform.database, sandbox.platform.keyspace);
  const partitionOf = (id: bigint) => (id >> 3n) % BigInt(partitions);
  const fresh = await addVertices(issued.length);
  const shared = fresh.flatMap((id) =>
    issued.filter((old) => partitionOf(old) === partitionOf(id)).map((old) => ({ id, old })),
  );
  expect(shared.filter(({ id, old }) => id <= old)).toEqual([]);
  expect(fresh.filter((id) => issued.includes(id))).toEqual([]);
}

async function roles(): Promise<readonly string[]> {
  const rows = await sandbox.platform.database.execute('SELECT role FROM system_auth.roles');
  return rows.map(({ role }) => z.string().parse(role));
}

/** What the step that moved the files of that run says of roles and passwords. */
async function restoredRolesOf(run: string): Promise<readonly unknown[]> {
  const state = await lookAtRun(sandbox.platform.bucket, run);
  const result = state?.steps['restore-files'];
  return result?.status === 'succeeded' ? [rolesOf(sandbox.platform, { 'restore-files': result.result })] : [];
}

/** The node dies as by a power cut, and its disk is new. */
async function wipeDisk(): Promise<void> {
  killNow((await sandbox.status()).nodes[0]?.pid);
  await vi.waitFor(async () => expect((await sandbox.status()).nodes[0]?.pid).toBeNull(), { timeout: 10_000 });
  for (const folder of ['data', 'commitlog', 'hints', 'saved_caches']) {
    rmSync(nodeFolder(folder), { recursive: true, force: true });
  }
}

/** Seen from the live side: sockets whose far end is at an address of the live network, held by a process of the copy, and the other way round. */
function socketsBetween(live: string, copy: string): readonly string[] {
  const networks = { live: networkOf(live), copy: networkOf(copy) };
  const pids = { copy: new Set(marked(copy).map(({ pid }) => pid)) };
  const ofLive = marked(live).filter(({ pid }) => !pids.copy.has(pid));
  const found = (holders: readonly { pid: number }[], network: string) =>
    holders.flatMap(({ pid }) => {
      const own = new Set(linksOf(pid).flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
      return farEnds()
        .filter(({ inode, address }) => own.has(inode) && address.startsWith(`${network}.`))
        .map(({ address }) => `${pid} to ${address}`);
    });
  return [...found(marked(copy), networks.live), ...found(ofLive, networks.copy)];
}

function networkOf(directory: string): string {
  return z.object({ network: z.string() }).parse(JSON.parse(readFileSync(join(directory, 'environment.json'), 'utf8')))
    .network;
}

/** Far end of every TCP connection of this machine that is no listening socket (state 0A). */
function farEnds(): readonly { readonly inode: string; readonly address: string }[] {
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .flatMap((line) => {
        const fields = line.trim().split(/\s+/);
        const hex = fields[2]?.split(':')[0]?.slice(-8) ?? '';
        const address = (hex.match(/../g) ?? [])
          .reverse()
          .map((byte) => Number.parseInt(byte, 16))
          .join('.');
        return fields[3] === '0A' ? [] : [{ inode: fields[9] ?? '', address }];
      }),
  );
}

/** Files below a folder that a process of the copy has open. */
function filesHeldBelow(copy: string, folder: string): readonly string[] {
  return marked(copy).flatMap(({ pid }) => linksOf(pid).filter((link) => link.startsWith(`${folder}/`)));
}

function linksOf(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      return []; // closed since it was listed
    }
  });
}
