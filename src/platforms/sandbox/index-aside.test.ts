import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { acceptIndexAside, revertIndexAside, setIndexAside } from './index-aside.ts';
import { graphFolders } from './topology.ts';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cardea-index-'));
  mkdirSync(place().index, { recursive: true });
  writeFileSync(join(place().index, 'segments'), 'before');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function place() {
  return graphFolders(root);
}

function content(): string {
  return readFileSync(join(place().index, 'segments'), 'utf8');
}

test('C3: an index set aside leaves an empty one, and reverting brings the old one back', async () => {
  await setIndexAside(place(), 'restore-1');
  expect(readdirSync(place().index)).toEqual([]);
  writeFileSync(join(place().index, 'segments'), 'rebuilt');
  await revertIndexAside(place(), 'restore-1', { mayBeAbsent: false });
  expect(content()).toBe('before');
  expect(readFileSync(join(place().aside, 'revert-restore-1', 'segments'), 'utf8')).toBe('rebuilt');
});

test('setting aside twice keeps the first index, and reverting twice changes nothing more', async () => {
  await setIndexAside(place(), 'restore-1');
  writeFileSync(join(place().index, 'segments'), 'of a dead attempt');
  await setIndexAside(place(), 'restore-1');
  expect(readdirSync(place().index)).toEqual([]);
  await revertIndexAside(place(), 'restore-1', { mayBeAbsent: false });
  await revertIndexAside(place(), 'restore-1', { mayBeAbsent: false });
  expect(content()).toBe('before');
});

test('a revert that was killed between its two moves goes on', async () => {
  await setIndexAside(place(), 'restore-1');
  rmSync(place().index, { recursive: true });
  mkdirSync(join(place().aside, 'revert-restore-1'));
  await revertIndexAside(place(), 'restore-1', { mayBeAbsent: false });
  expect(content()).toBe('before');
});

test('an accepted index is gone, and a revert after that is refused with nothing changed', async () => {
  await setIndexAside(place(), 'restore-1');
  await acceptIndexAside(place(), 'restore-1');
  await acceptIndexAside(place(), 'restore-1');
  expect(existsSync(join(place().aside, 'restore-1'))).toBe(false);
});

test('of an index whose old one is gone an empty one comes back, once more after a kill', async () => {
  await setIndexAside(place(), 'restore-1');
  rmSync(place().aside, { recursive: true });
  writeFileSync(join(place().index, 'segments'), 'restored');
  for (let turn = 0; turn < 2; turn += 1) {
    expect(await revertIndexAside(place(), 'restore-1', { mayBeAbsent: false })).toEqual({ lost: true });
  }
  expect(existsSync(join(place().index, 'segments'))).toBe(false);
  expect(existsSync(join(place().aside, 'revert-restore-1', 'segments'))).toBe(true);
});

test('reverting an index that may never have been moved leaves it as it is', async () => {
  await revertIndexAside(place(), 'restore-1', { mayBeAbsent: true });
  expect(content()).toBe('before');
  expect(existsSync(place().aside)).toBe(false);
});
