import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { DirectoryStore } from '../../adapters/directory/directory-store.ts';
import { openNodeFiles } from '../../adapters/node-files/node-files.ts';
import { type SimulatedNode, simulateNode } from '../../../test/support/simulated-node.ts';
import { requireProvable, whileStopped } from './stopped-database.ts';

const nodes: SimulatedNode[] = [];

afterEach(async () => {
  for (const node of nodes.splice(0)) await node.remove();
});

type Moved = Parameters<typeof whileStopped>[0];

async function nodeWithData(): Promise<SimulatedNode> {
  const node = await simulateNode(
    (root) => new DirectoryStore(join(root, 'bucket')),
    (root) => openNodeFiles(join(root, 'hashes.json')),
  );
  nodes.push(node);
  await node.writeFile('bank', 'edges', 'nb-1-big-Data.db', 'data');
  return node;
}

const done = async (node: Moved) => whileStopped(node, async () => 'done');

test('a lock that stays held is a running Cassandra, whatever else is seen: it starts, drains or hangs', async () => {
  const node = await nodeWithData();
  node.faults.standing = { lock: 'taken', seesAll: true };
  const hasty = { ...node, clock: { ...node.clock, sleep: async () => {} } };
  await expect(done(hasty)).rejects.toMatchObject({ code: 'database-running' });
});

test('a lock that is still held by the last threads of an ended process is waited for', async () => {
  const node = await nodeWithData();
  node.faults.standing = { lock: 'taken', seesAll: true };
  let pauses = 0;
  const sleep = async () => {
    pauses += 1;
    if (pauses === 3) node.faults.standing = { lock: 'free' };
  };
  expect(await done({ ...node, clock: { ...node.clock, sleep } })).toBe('done');
  expect(pauses).toBe(3);
});

test('a free lock proves nothing while something else shows that Cassandra runs', async () => {
  const node = await nodeWithData();
  node.faults.standing = { lock: 'free', seen: 'process 7, java, has files of the node open' };
  await expect(done(node)).rejects.toMatchObject({
    code: 'database-running',
    happened: expect.stringContaining('process 7, java, has files of the node open'),
  });
});

test('without a lock file, "nothing is seen" counts as stopped only where every process is seen, or where there is no data', async () => {
  const node = await nodeWithData();
  node.faults.standing = { lock: 'none', seesAll: false };
  await expect(done(node)).rejects.toMatchObject({ kind: 'refused', code: 'stopped-unproved' });
  await expect(requireProvable(node)).rejects.toMatchObject({ code: 'stopped-unproved' });
  node.faults.standing = { lock: 'none', seesAll: true };
  expect(await done(node)).toBe('done');
  node.faults.standing = { lock: 'none', seesAll: false };
  await node.files.remove(join(node.directories.data, 'bank'));
  expect(await done(node)).toBe('done');
  await mkdir(node.directories.commitlog, { recursive: true });
  await writeFile(join(node.directories.commitlog, 'CommitLog-7-1.log'), 'log');
  await expect(done(node)).rejects.toMatchObject({ code: 'stopped-unproved' });
});

test('a Cassandra that runs without its lock is found before it is stopped, unless its end can be seen', async () => {
  const node = await nodeWithData();
  node.faults.standing = { lock: 'free', seen: 'its CQL port answers', seesAll: false };
  await expect(requireProvable(node)).rejects.toMatchObject({ kind: 'refused', code: 'stopped-unprovable' });
  node.faults.standing = { lock: 'free', seen: 'process 12', seesAll: true };
  await expect(requireProvable(node)).resolves.toBeUndefined();
  node.faults.standing = { lock: 'taken', seen: 'process 12', seesAll: false };
  await expect(requireProvable(node)).resolves.toBeUndefined();
});

test('the lock is held during the work, and a Cassandra that starts without it stops the work where it asks again', async () => {
  const node = await nodeWithData();
  const events: string[] = [];
  const locked = {
    ...node,
    clock: { ...node.clock, sleep: async () => {} },
    database: {
      ...node.database,
      takeLock: async () => {
        events.push('taken');
        return { release: async () => void events.push('released') };
      },
    },
  };
  const work = whileStopped(locked, async (ask) => {
    events.push('asks');
    node.faults.running = 4711;
    await ask();
    events.push('moves');
  });
  await expect(work).rejects.toMatchObject({ kind: 'failed', code: 'database-started' });
  expect(events).toEqual(['taken', 'asks', 'released']);
});
