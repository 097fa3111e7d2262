import { createReadStream } from 'node:fs';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  open,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  statfs,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { isDiskFull } from '../../model/disk-full.ts';
import { errorCode } from '../../model/error-code.ts';
import { syncPath, writeDurably } from '../../host/write-whole.ts';
import { FailedProblem } from '../../model/problem.ts';
import type { NodeFiles, WalkedFile } from '../../ports/node-files.ts';
import { FileHashes } from './file-hashes.ts';

/** The node's file system. `hashFile`: where hashes of files are remembered from one snapshot to the next. */
export function openNodeFiles(hashFile: string): NodeFiles {
  const hashes = new FileHashes(hashFile, readIfThere, writeDurably);
  return {
    async entries(directory) {
      const found = await ifThere(readdir(directory, { withFileTypes: true }));
      return found
        ?.map((entry) => ({ name: entry.name, directory: entry.isDirectory() }))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    walk: (directory) => walk(directory, ''),
    async rename(from, to) {
      try {
        await rename(from, to);
      } catch (cause) {
        if (isDiskFull(cause)) throw cause;
        throw cannotMove(from, to, cause);
      }
      await syncPath(dirname(from));
      if (dirname(to) !== dirname(from)) await syncPath(dirname(to));
    },
    async makeDirectory(path, like) {
      const first = await mkdir(path, { recursive: true });
      if (first === undefined) return;
      const model = like === undefined ? undefined : await ifThere(stat(like));
      if (model !== undefined) {
        await chmod(path, model.mode & 0o7777);
        await chown(path, model.uid, model.gid);
      }
      await syncPath(path);
      await syncPath(dirname(first));
    },
    async remove(path) {
      await rm(path, { recursive: true, force: true });
      await ifThere(syncPath(dirname(path)));
    },
    read: readIfThere,
    readStream: (path) => createReadStream(path),
    writeWhole: writeDurably,
    append,
    copy,
    async space(path) {
      const there = await nearest(path);
      const [{ dev }, system] = await Promise.all([stat(there), statfs(there)]);
      return { total: system.blocks * system.bsize, free: system.bavail * system.bsize, device: String(dev) };
    },
    sync: syncBelow,
    hash: async (files, options) => hashes.of(files, options),
  };
}

async function* walk(root: string, below: string): AsyncGenerator<WalkedFile> {
  const found = await ifThere(readdir(below === '' ? root : `${root}/${below}`, { withFileTypes: true }));
  for (const entry of found ?? []) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) yield* walk(root, path);
    else if (entry.isFile()) {
      const absolute = `${root}/${path}`;
      const info = await ifThere(lstat(absolute, { bigint: true }));
      if (info === undefined) continue;
      const identity = `${info.dev}-${info.ino}-${info.size}-${info.mtimeNs}`;
      yield { path, absolute, bytes: Number(info.size), identity };
    }
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  return ifThere(readFile(path, 'utf8'));
}

async function append(path: string, bytes: Uint8Array, like: string): Promise<void> {
  const file = await open(path, 'a', 0o600);
  try {
    if ((await file.stat()).size === 0) {
      const { mode, uid, gid } = await stat(like);
      // A file is not searched as a folder is.
      await file.chmod(mode & 0o666);
      await file.chown(uid, gid);
    }
    await file.writeFile(bytes);
  } finally {
    await file.close();
  }
}

async function copy(from: string, to: string): Promise<number | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(from);
  } catch {
    // Gone, not ours to read, or on a broken part of the disk: whoever asks takes another one.
    return undefined;
  }
  await writeFile(to, bytes);
  const { mode, uid, gid } = await stat(from);
  await chmod(to, mode & 0o7777);
  await chown(to, uid, gid);
  return crc32(bytes);
}

/**
 * Syncing one file after the other would wait for the disk each time; a sync of the whole file system would wait for
 * all other writes.
 */
async function syncBelow(path: string, top = path): Promise<void> {
  const folders = new Set([path]);
  const queue = walk(path, '');
  const syncFiles = async () => {
    for (let next = await queue.next(); next.done !== true; next = await queue.next()) {
      folders.add(dirname(next.value.absolute));
      await ifThere(syncPath(next.value.absolute));
    }
  };
  await Promise.all(Array.from({ length: 16 }, syncFiles));
  for (const folder of folders) {
    for (let above = folder; above.startsWith(top); above = dirname(above)) folders.add(above);
  }
  await Promise.all([...folders].map(async (folder) => ifThere(syncPath(folder))));
}

async function nearest(path: string): Promise<string> {
  const there = await ifThere(stat(path));
  return there !== undefined || path === dirname(path) ? path : nearest(join(path, '..'));
}

async function ifThere<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT' || errorCode(thrown) === 'ENOTDIR') {
      return undefined;
    }
    throw thrown;
  }
}

function cannotMove(from: string, to: string, cause: unknown): FailedProblem {
  return new FailedProblem({
    code: 'cannot-move',
    happened: `${from} cannot be renamed to ${to}: ${cause instanceof Error ? cause.message : String(cause)}.`,
    state: 'Files that were moved before stay where they are; the step continues from there when it runs again.',
    next: 'Check that both are on one file system, that neither is a mount point, and that the agent may write there. Then try again.',
    cause,
  });
}
