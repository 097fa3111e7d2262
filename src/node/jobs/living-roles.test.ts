import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { DirectoryStore } from '../../adapters/directory/directory-store.ts';
import { openNodeFiles } from '../../adapters/node-files/node-files.ts';
import { type SimulatedNode, folderOfTable, idleContext, simulateNode } from '../../../test/support/simulated-node.ts';
import { revertAside, setAside } from './aside-jobs.ts';
import { restoreFiles } from './restore-job.ts';
import { takeSnapshot } from './snapshot-job.ts';
import { upload } from './upload-job.ts';

const point = 'backup-20260219-020000';
const run = 'restore-1';
const nodes: SimulatedNode[] = [];
const roles = folderOfTable('roles');

afterEach(async () => {
  for (const node of nodes.splice(0)) await node.remove();
});

/** An SSTable with its table of contents and the check sum that Cassandra writes beside it. */
async function sstable(node: SimulatedNode, table: string, stem: string, data: string): Promise<void> {
  const file = async (component: string, text: string) =>
    node.writeFile('system_auth', table, `${stem}-${component}`, text);
  await file('Data.db', data);
  await file('Digest.crc32', String(crc32(data)));
  await file('TOC.txt', 'Data.db\nDigest.crc32\nTOC.txt\n');
}

/** Backed up with an old password; changed since then. */
async function changedNode(): Promise<SimulatedNode> {
  const node = await simulateNode(
    (root) => new DirectoryStore(join(root, 'bucket')),
    (root) => openNodeFiles(join(root, 'hashes.json')),
  );
  nodes.push(node);
  node.schema.splice(0, node.schema.length, 'bank.edges', 'system_auth.roles', 'system_auth.role_members');
  await node.writeFile('bank', 'edges', 'nb-1-big-Data.db', 'money of then');
  await sstable(node, 'roles', 'nb-1-big', 'the old password');
  await sstable(node, 'role_members', 'nb-1-big', 'nobody');
  await takeSnapshot(node, { point }, idleContext());
  await upload(node, { point, mode: 'differential' }, idleContext());
  await node.database.clearSnapshot(point, idleContext().signal);
  await node.writeFile('bank', 'edges', 'nb-1-big-Data.db', 'money of now');
  await sstable(node, 'roles', 'nb-2-big', 'the new password');
  return node;
}

const aside = async (node: SimulatedNode) => setAside(node, { run }, idleContext());
const restore = async (node: SimulatedNode) =>
  restoreFiles(node, { point, source: node.node, inPlace: true, rolesOf: run }, idleContext());
const inAside = (node: SimulatedNode, path: string) => join(node.directories.aside, run, 'data/system_auth', path);
const rolesNow = async (node: SimulatedNode) => {
  const files = await Array.fromAsync(node.files.walk(join(node.directories.data, 'system_auth', roles)));
  const data = files.filter(({ path }) => path.endsWith('-Data.db')).sort((a, b) => (a.path < b.path ? -1 : 1));
  return Promise.all(data.map(async ({ absolute }) => readFile(absolute, 'utf8')));
};

test('roles and passwords stay as they were when all else is restored, and the restore can be reverted', async () => {
  const node = await changedNode();
  await aside(node);
  expect(await restore(node)).toMatchObject({ roles: { from: 'living' } });
  expect(await rolesNow(node)).toEqual(['the old password', 'the new password']);
  const edges = join('bank', folderOfTable('edges'), 'nb-1-big-Data.db');
  expect(await readFile(join(node.directories.data, edges), 'utf8')).toBe('money of then');
  // Asked again, as after a lost answer.
  expect(await restore(node)).toMatchObject({ roles: { from: 'living' } });
  await revertAside(node, { run }, idleContext());
  expect(await rolesNow(node)).toEqual(['the old password', 'the new password']);
  expect(await readFile(join(node.directories.data, edges), 'utf8')).toBe('money of now');
});

test('snapshots of the roles are not carried along', async () => {
  const node = await changedNode();
  await node.writeFile('system_auth', 'roles', 'snapshots/old/nb-0-big-Data.db', 'the oldest password');
  await aside(node);
  await restore(node);
  expect(await rolesNow(node)).toEqual(['the old password', 'the new password']);
});

const lost: ReadonlyArray<readonly [string, string, (node: SimulatedNode) => Promise<void>]> = [
  [
    'a disk that was lost',
    'the data that was set aside has none',
    async (node) => rm(inAside(node, ''), { recursive: true }),
  ],
  [
    'a table that was made anew, under another id',
    `what was set aside has no table ${roles}`,
    async (node) => node.files.rename(inAside(node, roles), inAside(node, 'roles-ffffffffffffffffffffffffffffffff')),
  ],
  [
    'a flipped bit',
    `${roles}/nb-2-big-Data.db is damaged or missing`,
    async (node) => writeFile(inAside(node, `${roles}/nb-2-big-Data.db`), 'the nev password'),
  ],
  [
    'a part of an SSTable that is missing',
    `${roles}/nb-2-big-Data.db is damaged or missing`,
    async (node) => rm(inAside(node, `${roles}/nb-2-big-Data.db`)),
  ],
  [
    'no role at all',
    'what was set aside holds no role',
    async (node) => {
      await rm(inAside(node, roles), { recursive: true });
      await node.files.makeDirectory(inAside(node, roles));
    },
  ],
];

test.each(lost)('%s: the roles of the point are taken, and why is said', async (_name, why, lose) => {
  const node = await changedNode();
  await aside(node);
  await lose(node);
  expect(await restore(node)).toMatchObject({ roles: { from: 'point', why } });
  expect(await rolesNow(node)).toEqual(['the old password']);
  expect(await readFile(join(node.directories.data, 'bank', folderOfTable('edges'), 'nb-1-big-Data.db'), 'utf8')).toBe(
    'money of then',
  );
});

test('a placement that broke off keeps what it had decided, also when its copies have gone', async () => {
  const node = await changedNode();
  await aside(node);
  const rename = node.files.rename.bind(node.files);
  let renames = 0;
  const mortal = {
    ...node,
    files: {
      ...node.files,
      rename: async (from: string, to: string) => {
        renames += 1;
        if (renames > 1) throw new Error('killed');
        await rename(from, to);
      },
    },
  };
  await expect(restore(mortal)).rejects.toThrow('killed');
  for (const folder of ['staging', 'roles-staging']) await node.files.remove(join(node.directories.aside, folder));
  expect(await restore(node)).toMatchObject({ roles: { from: 'living' } });
  expect(await rolesNow(node)).toEqual(['the old password', 'the new password']);
});

test('without roles to keep, as in a copy, nothing is said of them', async () => {
  const node = await changedNode();
  await aside(node);
  const params = { point, source: node.node, inPlace: true };
  expect(await restoreFiles(node, params, idleContext())).not.toHaveProperty('roles');
  expect(await rolesNow(node)).toEqual(['the old password']);
});
