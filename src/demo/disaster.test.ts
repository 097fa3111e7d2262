import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { endMarked, marked, startDetached } from '../host/detached-process.ts';
import { graphFolders, nodeFolders } from '../platforms/sandbox/topology.ts';
import { killEverything, wipeDisk } from './disaster.ts';

let environment: string;

beforeEach(() => {
  environment = mkdtempSync(join(tmpdir(), 'cardea-disaster-'));
});
afterEach(async () => {
  await endMarked(environment, 0);
  rmSync(environment, { recursive: true, force: true });
});

async function start(pidFile: string): Promise<void> {
  await startDetached({
    title: 'a server',
    // Deaf to everything but SIGKILL.
    command: ['sh', '-c', 'trap "" TERM; while :; do sleep 60; done'],
    directory: environment,
    variables: {},
    pidFile,
    logFile: join(environment, 'logs', 'server.log'),
    owner: environment,
  });
}

test('every database, every agent and the graph server are dead at once, whatever they think of it', async () => {
  const nodes = ['a', 'b'];
  for (const node of nodes) {
    await start(nodeFolders(environment, node).pidFile);
    await start(nodeFolders(environment, node).agentPidFile);
  }
  await start(graphFolders(environment).pidFile);
  const servers = marked(environment).length;
  expect(servers).toBeGreaterThanOrEqual(5);
  expect(await killEverything(environment, nodes)).toBe(5);
  for (const node of nodes) {
    const { pidFile, agentPidFile } = nodeFolders(environment, node);
    await expect(killEverything(environment, [node])).rejects.toThrow(expect.objectContaining({ code: 'not-running' }));
    expect([existsSync(pidFile), existsSync(agentPidFile)]).toEqual([true, true]);
  }
});

test('a wiped disk keeps what a new machine is given, and the folders it mounts', async () => {
  const folders = nodeFolders(environment, 'a');
  const files = [
    join(folders.data, 'janusgraph', 'edgestore', 'nb-1-big-Data.db'),
    join(folders.commitlog, 'CommitLog-8-1.log'),
    join(folders.hints, '1.hints'),
    join(folders.agent, 'linked', 'CommitLog-8-1.log'),
    join(folders.conf, 'cassandra.yaml'),
    folders.nodetool,
    folders.pidFile,
  ];
  for (const file of files) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, '0123456789');
  }
  expect(await wipeDisk(environment, 'a')).toBe(40);
  for (const folder of [folders.data, folders.commitlog, folders.hints, folders.agent]) {
    expect(readdirSync(folder)).toEqual([]);
  }
  expect(files.map(existsSync)).toEqual([false, false, false, false, true, true, true]);
});
