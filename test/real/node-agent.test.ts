import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type HttpNodeAgent, openNodeAgent } from '../../src/adapters/node-agent/node-agent.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { startAgent } from '../../src/agent/start-agent.ts';
import { type AgentConfig, agentConfig } from '../../src/model/agent-config.ts';
import { openSandbox } from '../../src/platforms/sandbox/platform.ts';
import { identityOf, isRunning } from '../../src/host/local-process.ts';
import type { JobKind, JobParams, NodeAgent } from '../../src/ports/node-agent.ts';
import type { Platform } from '../../src/ports/platform.ts';

/** Agents beside a real Cassandra, with the real nodetool and Medusa and a directory as bucket. */
const checkout = join(import.meta.dirname, '../..');
const home = mkdtempSync(join(tmpdir(), 'cardea-agents-'));
const cardea = join(checkout, 'cardea');

const first = 'backup-20260219-020000';
const second = 'backup-20260220-020000';
const third = 'backup-20260221-020000';

let platform: Platform;
let node: string;
/** The configuration that the sandbox wrote for its own agent. */
let config: AgentConfig;
let bucket: string;
let data: string;

beforeAll(async () => {
  vi.stubEnv('CARDEA_HOME', home);
  await execa(cardea, ['sandbox', 'up', 'local', '--nodes', '1', '--json'], {
    cwd: checkout,
    env: { CARDEA_HOME: home },
  });
  platform = openSandbox('local');
  node = platform.nodes[0]?.name ?? '';
  await platform.graphLifecycle.stopAll(new AbortController().signal);
  config = agentConfig.parse(
    JSON.parse(readFileSync(join(home, 'local', 'nodes', node, 'conf', 'agent.json'), 'utf8')),
  );
  bucket = config.store.kind === 'directory' ? config.store.path : '';
  data = config.cassandra.dataDirectories[0] ?? '';
  const { database } = platform;
  await database.execute(
    "CREATE KEYSPACE bank WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
  );
  await database.execute('CREATE TABLE bank.accounts (id int PRIMARY KEY, owner text, balance int)');
  await database.execute('CREATE INDEX by_owner ON bank.accounts (owner)');
  await database.execute('CREATE TABLE bank.audit (id int PRIMARY KEY)');
  await addAccounts(0, 200);
});

afterAll(async () => {
  await platform?.close();
  await execa(cardea, ['sandbox', 'down', 'local', '--confirm', 'local', '--json'], {
    cwd: checkout,
    env: { CARDEA_HOME: home },
  });
  rmSync(home, { recursive: true, force: true });
  vi.unstubAllEnvs();
});

async function addAccounts(from: number, count: number): Promise<void> {
  const ids = Array.from({ length: count }, (_, at) => from + at);
  await Promise.all(
    ids.map(async (id) =>
      platform.database.execute('INSERT INTO bank.accounts (id, owner, balance) VALUES (?, ?, ?)', [
        id,
        `o${id % 7}`,
        id,
      ]),
    ),
  );
}

async function countAccounts(): Promise<number> {
  return (await platform.database.execute('SELECT id FROM bank.accounts')).length;
}

let jobs = 0;

/** Each with a key of its own, in one epoch. */
async function does<K extends JobKind>(agent: NodeAgent, kind: K, params: JobParams[K]) {
  jobs += 1;
  const key = { run: `test-${jobs}`, step: kind, epoch: 1 };
  return agent.run(key, kind, params, { signal: new AbortController().signal, progress: () => {} });
}

async function backup(agent: NodeAgent, point: string, knownPoints: readonly string[]) {
  const snapshot = await does(agent, 'snapshot', { point });
  const uploaded = await does(agent, 'upload', { point, mode: 'differential' });
  const verified = await does(agent, 'verify', { point, knownPoints });
  await does(agent, 'clear-snapshot', { point });
  return { snapshot, uploaded, verified };
}

const inStore = (pattern: string) => globSync(join(bucket, 'medusa', node, pattern));

describe('the backups of a node', () => {
  test('B3 B6: snapshot, upload and check of every table, the empty ones too', async () => {
    const { snapshot, uploaded, verified } = await backup(platform.agent(node), first, []);
    expect(snapshot.tables.some((table) => table.startsWith('bank.audit-'))).toBe(true);
    expect(snapshot.tables.some((table) => table.startsWith('system_schema.tables-'))).toBe(true);
    expect(snapshot.tables.some((table) => table.startsWith('system_traces.'))).toBe(false);
    expect(uploaded).toEqual({ files: snapshot.files, bytes: snapshot.bytes, mode: 'differential' });
    expect(verified).toMatchObject({ files: snapshot.files, bytes: snapshot.bytes, newBytes: snapshot.bytes });
    expect(inStore('data/bank/accounts-*/.by_owner/*-Data.db')).toHaveLength(1);
    expect(globSync(join(data, '*', '*', 'snapshots', first))).toEqual([]);
  });

  test('B3: a second backup shares the files of the first and reads back only the new ones', async () => {
    const before = inStore('data/bank/accounts-*/*-Data.db');
    await addAccounts(200, 50);
    const { verified } = await backup(platform.agent(node), second, [first]);
    const after = inStore('data/bank/accounts-*/*-Data.db');
    expect(after).toHaveLength(before.length + 1);
    expect(after).toEqual(expect.arrayContaining(before));
    expect(verified.newBytes).toBeGreaterThan(0);
    expect(verified.newBytes).toBeLessThan(verified.bytes);
  });
});

describe('other agents of the node', () => {
  const stops: Array<() => Promise<void>> = [];

  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });

  function configFile(name: string, over: Partial<AgentConfig>): { file: string; stateDirectory: string } {
    const stateDirectory = join(home, name);
    const file = join(home, `${name}.json`);
    writeFileSync(file, JSON.stringify({ ...config, stateDirectory, listen: { ...config.listen, port: 0 }, ...over }));
    return { file, stateDirectory };
  }

  function clientOf(url: string): HttpNodeAgent {
    const token = async () => readFileSync(config.tokenFile, 'utf8').trim();
    return openNodeAgent({ node, url, token, clock: systemClock });
  }

  /** An agent in this process with a configuration that differs. */
  async function agentWith(name: string, over: Partial<AgentConfig>): Promise<NodeAgent> {
    const stop = new AbortController();
    const { file } = configFile(name, over);
    const url = await new Promise<string>((resolve, reject) => {
      const running = startAgent(file, { version: '0', signal: stop.signal, onListening: resolve });
      running.catch(reject);
      stops.push(async () => {
        stop.abort();
        await running;
      });
    });
    return clientOf(url);
  }

  /** A nodetool that does as the real one, but for what the lines after it do to a `snapshot` command. */
  function lyingNodetool(name: string, onSnapshot: string): Partial<AgentConfig> {
    const [real = '', ...where] = config.cassandra.nodetool;
    const file = join(home, name);
    writeFileSync(file, `#!/bin/sh\ncase " $* " in *" snapshot "*)\n${onSnapshot}\n;; esac\nexec '${real}' "$@"\n`, {
      mode: 0o755,
    });
    return { cassandra: { ...config.cassandra, nodetool: [file, ...where] } };
  }

  test('B6: Medusa lies: a nodetool snapshot that fails makes the backup fail, by name', async () => {
    const agent = await agentWith(
      'fails',
      lyingNodetool('nodetool-fails', 'echo "error: Too many open files" >&2; exit 1'),
    );
    await expect(does(agent, 'snapshot', { point: third })).rejects.toMatchObject({
      kind: 'failed',
      code: 'snapshot-failed',
      happened: expect.stringContaining('Too many open files'),
    });
    await expect(does(agent, 'upload', { point: third, mode: 'differential' })).rejects.toMatchObject({
      code: 'inventory-missing',
    });
  });

  test('B6: Medusa lies: a snapshot that skips a table makes the backup fail, by its name', async () => {
    const [real = ''] = config.cassandra.nodetool;
    const skip = `'${real}' "$@" && rm -r '${data}'/bank/accounts-*/snapshots/${third}; exit`;
    const agent = await agentWith('skips', lyingNodetool('nodetool-skips', skip));
    await expect(does(agent, 'snapshot', { point: third })).rejects.toMatchObject({
      kind: 'failed',
      code: 'snapshot-incomplete',
      details: ['bank.accounts: the snapshot has no folder for it'],
    });
    await does(agent, 'clear-snapshot', { point: third });
  });

  test('B6: Medusa lies: one truncated file in the store makes the check fail, by its name', async () => {
    const agent = platform.agent(node);
    await addAccounts(250, 10);
    await does(agent, 'snapshot', { point: third });
    await does(agent, 'upload', { point: third, mode: 'full' });
    const [file = ''] = inStore(`${third}/data/bank/accounts-*/*-Data.db`);
    truncateSync(file, 1);
    await expect(does(agent, 'verify', { point: third, knownPoints: [first, second] })).rejects.toMatchObject({
      kind: 'failed',
      code: 'backup-damaged',
      happened: expect.stringContaining(`${file.slice(file.indexOf('/bank/') + 1)}: 1 bytes in the store`),
    });
    await does(agent, 'clear-snapshot', { point: third });
    expect(await does(agent, 'delete-backup', { point: third })).toEqual({ deleted: true });
    expect(inStore(`${third}/**/*-Data.db`)).toEqual([]);
    expect(await does(agent, 'verify', { point: second, knownPoints: [] })).toMatchObject({
      newBytes: expect.any(Number),
    });
  });

  test('an agent killed in an upload leaves no Medusa behind, and its job is done by the next agent', async () => {
    const { file, stateDirectory } = configFile('killed', {
      listen: { ...config.listen, port: config.listen.port + 1 },
    });
    const client = clientOf(`http://${config.listen.host}:${config.listen.port + 1}`);
    const key = { run: 'killed-1', step: 'upload', epoch: 1 };
    const params = { point: third, mode: 'full' } as const;
    const start = () => {
      const child = spawn(process.execPath, [join(checkout, 'src/cli/main.ts'), 'agent', '--config', file]);
      stops.push(async () => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        child.kill('SIGTERM');
        await once(child, 'exit');
      });
      return child;
    };
    const killed = start();
    await vi.waitFor(async () => client.health(), { timeout: 20_000, interval: 50 });
    await does(client, 'snapshot', { point: third });
    await client.start(key, 'upload', params);
    const note = join(stateDirectory, 'medusa', 'running.json');
    const { pid } = await vi.waitFor(() => JSON.parse(readFileSync(note, 'utf8')) as { pid: number }, {
      timeout: 20_000,
      interval: 10,
    });
    const medusa = identityOf(pid);
    if (medusa === undefined) throw new TypeError('Medusa ended before the agent was killed');
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    start();
    await vi.waitFor(async () => client.health(), { timeout: 20_000, interval: 50 });
    expect(isRunning(medusa)).toBe(false);
    expect(await client.status(key, 'upload')).toEqual({ state: 'lost' });
    const signal = new AbortController().signal;
    const done = await client.run(key, 'upload', params, { signal, progress: () => {} });
    expect(done.mode).toBe('full');
    expect(await does(client, 'verify', { point: third, knownPoints: [] })).toMatchObject({ newBytes: done.bytes });
    await does(client, 'clear-snapshot', { point: third });
  });

  test('C3: a copy gets schema and tables of the backup, and nothing of the identity of the node', async () => {
    const copy = join(home, 'copy');
    const inCopy = (name: string) => join(copy, name);
    await mkdir(copy);
    const agent = await agentWith('copying', {
      cassandra: {
        ...config.cassandra,
        dataDirectories: [inCopy('data')],
        commitlogDirectory: inCopy('commitlog'),
        hintsDirectory: inCopy('hints'),
        savedCachesDirectory: inCopy('saved_caches'),
        asideDirectory: inCopy('aside'),
        pidFile: inCopy('cassandra.pid'),
        lockFile: inCopy('cassandra.lock'),
        cqlPort: 1,
      },
    });
    const restored = await does(agent, 'restore-files', { point: second, source: node, inPlace: false });
    expect(restored.files).toBeGreaterThan(0);
    const keyspaces = await readdir(inCopy('data'));
    expect(keyspaces).toEqual(expect.arrayContaining(['bank', 'system_schema']));
    expect(keyspaces).not.toContain('system');
  });
});

test('C3 C6: a node whose data was wiped is restored in place, with its identity; nothing is moved while it runs', async () => {
  const signal = new AbortController().signal;
  const agent = platform.agent(node);
  const [before] = await platform.database.ring();
  expect(await countAccounts()).toBe(260);
  await expect(does(agent, 'set-aside', { run: 'restore-1' })).rejects.toMatchObject({ code: 'database-running' });
  await platform.databaseLifecycle.stopAll(signal);
  await rm(join(data, 'bank'), { recursive: true });
  await does(agent, 'set-aside', { run: 'restore-1' });
  const restored = await does(agent, 'restore-files', { point: second, source: node, inPlace: true });
  expect(restored.files).toBeGreaterThan(0);
  await platform.databaseLifecycle.startAll(signal);
  // The session was open while its only node was down; the driver comes back to it by and by.
  expect(await vi.waitFor(countAccounts, { timeout: 60_000, interval: 200 })).toBe(250);
  expect(await platform.database.execute("SELECT id FROM bank.accounts WHERE owner = 'o3' LIMIT 1")).toHaveLength(1);
  const [after] = await platform.database.ring();
  expect([after?.hostId, after?.tokens]).toEqual([before?.hostId, before?.tokens]);
  expect((await does(agent, 'accept-aside', { run: 'restore-1' })).bytes).toBeGreaterThan(0);
});

test('B3: after a restore a differential backup does not spoil older ones, although Cassandra uses file names again', async () => {
  const agent = platform.agent(node);
  const fourth = 'backup-20260222-020000';
  await addAccounts(1000, 25);
  const { verified } = await backup(agent, fourth, [first, second]);
  expect(verified.files).toBeGreaterThan(0);
  for (const point of [first, second]) {
    expect(await does(agent, 'verify', { point, knownPoints: [] })).toMatchObject({ files: expect.any(Number) });
  }
});
