import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DirectoryStore } from './directory-store.ts';
import { withLock } from './file-lock.ts';
import { nameTemporary } from './temporary-file.ts';

let folder: string;
let path: string;
let store: DirectoryStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cardea-directory-'));
  path = join(folder, 'bucket');
  store = new DirectoryStore(path);
});
afterEach(() => rm(folder, { recursive: true }));

test('a directory that is not there is an empty store, made by the first put', async () => {
  expect(await Array.fromAsync(store.list(''))).toEqual([]);
  expect(await readdir(folder)).toEqual([]);
  await store.put('a', 'x');
  expect((await readdir(path)).sort()).toEqual(['.cardea', 'a']);
});

test('a directory that somebody removed while the store was open is made anew', async () => {
  await store.put('a', 'x');
  await rm(path, { recursive: true });
  await store.put('b', 'x');
  expect((await Array.fromAsync(store.list(''))).map(({ key }) => key)).toEqual(['b']);
});

test('a directory whose parent is gone cannot be reached, whatever is asked', async () => {
  const lost = new DirectoryStore(join(folder, 'not-mounted', 'bucket'));
  const problem = { kind: 'retryable', code: 'store-unreachable' };
  await expect(lost.get('a')).rejects.toMatchObject(problem);
  await expect(lost.head('a')).rejects.toMatchObject(problem);
  await expect(lost.getStream('a')).rejects.toMatchObject(problem);
  await expect(lost.put('a', 'x')).rejects.toMatchObject(problem);
  await expect(lost.delete('a')).rejects.toMatchObject(problem);
  await expect(Array.fromAsync(lost.list(''))).rejects.toMatchObject(problem);
  await expect(Array.fromAsync(lost.children(''))).rejects.toMatchObject(problem);
});

test('a full disk fails the put, keeps what was there and leaves nothing half-written', async () => {
  await store.put('a', 'before');
  const full = new DirectoryStore(path, { open: openFailing('writeFile', 'ENOSPC') });
  await expect(full.put('a', 'after')).rejects.toMatchObject({ kind: 'failed', code: 'store-full' });
  await expect(full.put('b', 'new', { ifAbsent: true })).rejects.toMatchObject({ code: 'store-full' });
  await expect(full.putStream('c', oneChunk())).rejects.toMatchObject({ code: 'store-full' });
  expect((await store.get('a'))?.body.toString()).toBe('before');
  expect((await Array.fromAsync(store.list(''))).map(({ key }) => key)).toEqual(['a']);
  expect(await readdir(join(path, '.cardea', 'tmp'))).toEqual([]);
});

test('a disk that is full only when the data is synced fails the put just so', async () => {
  const full = new DirectoryStore(path, { open: openFailing('sync', 'ENOSPC') });
  await expect(full.put('a', 'x')).rejects.toMatchObject({ code: 'store-full' });
  expect(await store.head('a')).toBeUndefined();
});

test.each(['EACCES', 'EPERM', 'EROFS'])('%s is access denied, with the directory named', async (code) => {
  const denied = new DirectoryStore(path, { open: () => Promise.reject(fileError(code)) });
  const problem = { kind: 'refused', code: 'store-denied', happened: expect.stringContaining(path) };
  await expect(denied.put('a', 'x')).rejects.toMatchObject(problem);
  await expect(denied.get('a')).rejects.toMatchObject(problem);
});

test('a file system that fails is worth another try', async () => {
  const broken = new DirectoryStore(path, { open: () => Promise.reject(fileError('ESTALE')) });
  await expect(broken.get('a')).rejects.toMatchObject({ kind: 'retryable', code: 'store-unreachable' });
});

test('files that others put into the directory are objects, and Cardea’s own are not', async () => {
  await store.put('a', 'x');
  await mkdir(join(path, 'medusa/index'), { recursive: true });
  await writeFile(join(path, 'medusa/index/backup_index'), 'theirs');
  expect((await Array.fromAsync(store.list(''))).map(({ key }) => key)).toEqual(['a', 'medusa/index/backup_index']);
  expect(await Array.fromAsync(store.children(''))).toEqual(['a', 'medusa/']);
  expect((await store.get('medusa/index/backup_index'))?.body.toString()).toBe('theirs');
});

test('an object is streamed whole, an empty one as well, and one longer than a part in parts', async () => {
  for (const bytes of [0, 1, 1000, 700_000]) {
    const body = Buffer.alloc(bytes, 'log');
    await store.put('a', body);
    const parts = await Array.fromAsync(await store.getStream('a'));
    expect(Buffer.concat(parts).equals(body)).toBe(true);
    expect(parts).toHaveLength(Math.ceil(bytes / (256 * 1024)));
  }
});

test('a folder without an object in it is no child', async () => {
  await store.put('runs/a/1', 'x');
  await mkdir(join(path, 'runs/b/c'), { recursive: true });
  expect(await Array.fromAsync(store.children('runs/'))).toEqual(['runs/a/']);
});

test('a link that leads out of the directory is not followed', async () => {
  await store.put('a', 'x');
  await writeFile(join(folder, 'outside'), 'secret');
  await symlink(join(folder, 'outside'), join(path, 'link'));
  expect(await store.get('link')).toBeUndefined();
  expect(await Array.fromAsync(store.children(''))).toEqual(['a']);
});

test('a key that needs a folder where an object lies, or the other way round, is refused', async () => {
  await store.put('a/b', 'x');
  await expect(store.put('a/b/c', 'x')).rejects.toMatchObject({ code: 'bad-key' });
  await expect(store.put('a', 'x')).rejects.toMatchObject({ code: 'bad-key' });
  await expect(store.put('a', 'x', { ifAbsent: true })).rejects.toMatchObject({ code: 'bad-key' });
});

test('what dead writers left half-written is swept away, what living ones write is not', async () => {
  await store.put('a', 'x');
  const temporary = join(path, '.cardea', 'tmp');
  const mine = nameTemporary();
  await writeFile(join(temporary, mine), 'a write going on');
  await writeFile(join(temporary, mine.replace(/^\d+-\d+/, '1-1')), 'a dead process of this boot');
  await writeFile(join(temporary, '1-1-1-elsewhere-1'), 'another machine, today');
  await writeFile(join(temporary, '1-1-1-elsewhere-2'), 'another machine, long ago');
  await utimes(join(temporary, '1-1-1-elsewhere-2'), new Date(0), new Date(0));
  await new DirectoryStore(path).put('c', 'x');
  expect((await readdir(temporary)).sort()).toEqual(['1-1-1-elsewhere-1', mine].sort());
});

test('a lock whose holder was killed goes to exactly one of those who wait', async () => {
  const locks = join(folder, 'lock');
  const scratch = join(folder, 'scratch');
  await mkdir(scratch);
  for (let round = 0; round < 3; round += 1) {
    await holdAndDie(locks, scratch);
    let inside = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 10 }, () =>
        withLock(locks, scratch, async () => {
          inside += 1;
          most = Math.max(most, inside);
          await readdir(locks);
          inside -= 1;
        }),
      ),
    );
    expect(most).toBe(1);
  }
  expect(await readdir(locks)).toHaveLength(1);
});

test('a lock that this process could not release, for the store was away, is free when the store is back', async () => {
  const locks = join(folder, 'lock');
  const scratch = join(folder, 'scratch');
  await mkdir(scratch);
  const elsewhere = join(folder, 'elsewhere');
  const held = withLock(locks, scratch, async () => rename(locks, elsewhere));
  await expect(held).rejects.toThrow('ENOENT');
  await rename(elsewhere, locks);
  expect(await withLock(locks, scratch, async () => 'in')).toBe('in');
  expect(await readdir(locks)).toHaveLength(1);
});

/** A process that takes the lock and is killed inside. */
async function holdAndDie(locks: string, scratch: string): Promise<void> {
  const script = `
    const { withLock } = await import(process.argv[1]);
    await withLock(process.argv[2], process.argv[3], () => { console.log('held'); return new Promise(() => setInterval(() => {}, 1000)); });`;
  const lock = join(import.meta.dirname, 'file-lock.ts');
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script, lock, locks, scratch]);
  await once(holder.stdout, 'data');
  holder.kill('SIGKILL');
  await once(holder, 'exit');
}

function fileError(code: string): Error {
  return Object.assign(new Error(`${code}: as injected`), { code });
}

/** The real file system, but one method of every file that is opened for writing fails. */
function openFailing(method: 'writeFile' | 'sync', code: string): typeof open {
  return async (...args) => {
    const file = await open(...args);
    if (args[1] === 'wx+') file[method] = () => Promise.reject(fileError(code));
    return file;
  };
}

async function* oneChunk(): AsyncIterable<Uint8Array> {
  yield Buffer.from('x');
}
