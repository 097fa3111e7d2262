import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { holdingLock } from '../../host/file-lock.ts';
import { waitFor } from '../../host/wait-for.ts';
import { agentConfig } from '../../model/agent-config.ts';
import { openCassandraNode } from './cassandra-node.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cardea-cassandra-'));
});

afterEach(async () => rm(directory, { recursive: true, force: true }));

/** Port 1 of loopback: nothing listens there. */
function nodeAt(cqlPort = 1, nodetool: string[] = ['false'], data = join(directory, 'none')) {
  const config = agentConfig.parse({
    node: 'node-1',
    environment: 'test',
    listen: { host: '127.0.0.1', port: 0 },
    tokenFile: 'token',
    stateDirectory: directory,
    cassandra: {
      yaml: 'cassandra.yaml',
      dataDirectories: [data],
      commitlogDirectory: join(directory, 'commitlog'),
      hintsDirectory: join(directory, 'hints'),
      savedCachesDirectory: join(directory, 'saved_caches'),
      asideDirectory: join(directory, 'aside'),
      cqlAddress: '127.0.0.1',
      cqlPort,
      nodetool,
      pidFile: join(directory, 'cassandra.pid'),
      lockFile: join(directory, 'cassandra.lock'),
    },
    medusa: { executable: 'medusa', nodetoolDirectory: 'bin', bandwidth: 0 },
    store: { kind: 'directory', path: 'bucket' },
  });
  return openCassandraNode(config);
}

async function startTicks(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

describe('whether Cassandra runs', () => {
  test('no pid file and no open port: it is stopped', async () => {
    expect(await nodeAt().runningPid()).toBeUndefined();
  });

  test('a process of that pid and start time runs; the same pid started later is another one', async () => {
    const child = spawn('sleep', ['60']);
    const pid = child.pid ?? 0;
    const file = join(directory, 'cassandra.pid');
    await writeFile(file, `${pid}\n${await startTicks(pid)}\nboot\n`);
    expect(await nodeAt().runningPid()).toBe(pid);
    await writeFile(file, `${pid}\n1\nboot\n`);
    expect(await nodeAt().runningPid()).toBeUndefined();
    child.kill();
    await once(child, 'exit');
  });

  test('without a start time the process must be called like one', async () => {
    const file = join(directory, 'cassandra.pid');
    const child = spawn('sleep', ['60']);
    const daemon = spawn('sleep', ['60'], { argv0: 'org.apache.cassandra.service.CassandraDaemon' });
    await writeFile(file, String(child.pid));
    expect(await nodeAt().runningPid()).toBeUndefined();
    await writeFile(file, String(daemon.pid));
    expect(await nodeAt().runningPid()).toBe(daemon.pid);
    for (const each of [child, daemon]) {
      each.kill();
      await once(each, 'exit');
    }
    expect(await nodeAt().runningPid()).toBeUndefined();
  });

  test('an open CQL port is a running Cassandra, whatever the pid file says', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    expect(await nodeAt(typeof address === 'object' && address !== null ? address.port : 0).runningPid()).toBe(0);
    server.close();
  });
});

describe('what can be seen of whether it runs', () => {
  test('a process that holds the lock is seen although it has no pid file, no port and no file open', async () => {
    expect(await nodeAt().standing()).toMatchObject({ lock: 'none', seen: undefined });
    const [program, ...args] = holdingLock(join(directory, 'cassandra.lock'), ['sleep', '60']);
    const child = spawn(program, args);
    const locked = async () => ((await nodeAt().standing()).lock === 'taken' ? true : undefined);
    expect(await waitFor(locked, { withinMs: 10_000, everyMs: 20 })).toBe(true);
    expect(await nodeAt().takeLock({ make: true })).toBeUndefined();
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await nodeAt().standing()).toMatchObject({ lock: 'free', seen: undefined });
  });

  test('a process that has a file of the data open is seen although it was started without the lock', async () => {
    await mkdir(join(directory, 'data'));
    await writeFile(join(directory, 'data', 'nb-1-big-Data.db'), 'data');
    const child = spawn('sh', [
      '-c',
      'exec 5< "$1"; echo open; exec sleep 60',
      'sh',
      join(directory, 'data', 'nb-1-big-Data.db'),
    ]);
    await once(child.stdout, 'data');
    expect((await nodeAt(1, ['false'], join(directory, 'data')).standing()).seen).toMatch(
      new RegExp(`^process ${child.pid}, \\w+, has files of the node open$`),
    );
    child.kill();
    await once(child, 'exit');
    expect((await nodeAt(1, ['false'], join(directory, 'data')).standing()).seen).toBeUndefined();
  });
});

test('B6: a nodetool that fails is a failed snapshot, with what it said', async () => {
  const nodetool = join(directory, 'nodetool');
  await writeFile(nodetool, '#!/bin/sh\necho "error: no space left on device" >&2\nexit 2\n');
  await chmod(nodetool, 0o755);
  const signal = new AbortController().signal;
  await expect(nodeAt(1, [nodetool]).snapshot('backup-20260219-020000', signal)).rejects.toMatchObject({
    code: 'snapshot-failed',
    happened: expect.stringContaining('no space left on device'),
  });
});

test('a node that does not answer is retryable', async () => {
  await expect(nodeAt().tables()).rejects.toMatchObject({ kind: 'retryable', code: 'database-unreachable' });
});
