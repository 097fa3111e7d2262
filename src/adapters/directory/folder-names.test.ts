import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { compareKeys } from '../../model/object-key.ts';
import { fewNames, manyNames } from './folder-names.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cardea-names-'));
});
afterEach(() => rm(folder, { recursive: true }));

const everything = () => true;

test('names of a folder come in byte order, its folders as if their slash belonged to the name', async () => {
  const files = ['a', 'a-b', 'a0', 'Ü', '\u{10348}', '\uff5e', 'z'];
  for (const name of files) await writeFile(join(folder, name), '');
  for (const name of ['a.d', 'b', 'empty']) await mkdir(join(folder, name));
  await symlink('a', join(folder, 'link'));
  const ordered = ['a', 'a-b', 'a.d/', 'a0', 'b/', 'empty/', 'z', 'Ü', '\uff5e', '\u{10348}'];
  for (const read of [fewNames, manyNames]) expect([...(await read(folder, everything))]).toEqual(ordered);
});

test('a folder with more names than are read together is read whole, and of it only what is wanted', async () => {
  const all = Array.from({ length: 2049 }, (_, at) => `segment-${at}`);
  for (let at = 0; at < all.length; at += 128) {
    await Promise.all(all.slice(at, at + 128).map((name) => writeFile(join(folder, name), '')));
  }
  expect([...(await manyNames(folder, everything))]).toEqual(all.toSorted(compareKeys));
  const isWanted = (name: string) => name > 'segment-7';
  expect([...(await manyNames(folder, isWanted))]).toEqual(all.filter(isWanted).toSorted(compareKeys));
});

test('as many names as are read together, and a folder without any, are read', async () => {
  expect([...(await manyNames(folder, everything))]).toEqual([]);
  for (let at = 0; at < 1024; at += 1) await writeFile(join(folder, String(at)), '');
  expect([...(await manyNames(folder, everything))]).toHaveLength(1024);
});

test('a folder that is not there is the error of the file system', async () => {
  for (const read of [fewNames, manyNames]) {
    await expect(read(join(folder, 'none'), everything)).rejects.toMatchObject({ code: 'ENOENT' });
  }
});
