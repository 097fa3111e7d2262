import { hash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, link, open, rename, rmdir, stat, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { checkKey, checkPrefix, reservedFolder } from '../../model/object-key.ts';
import { FailedProblem } from '../../model/problem.ts';
import {
  ConflictProblem,
  type ObjectInfo,
  type ObjectStore,
  type PutCondition,
  type StoredObject,
} from '../../ports/object-store.ts';
import { errorCode } from '../../model/error-code.ts';
import { directoryFault, unreachable } from './directory-fault.ts';
import { walkChildren, walkKeys } from './directory-walk.ts';
import { syncPath } from '../../host/write-whole.ts';
import { makeFolder, makeOneFolder } from './durable-folder.ts';
import { withLock } from './file-lock.ts';
import { contentOf, describe, infoOf, type Opened, streamOf } from './object-file.ts';
import { nameTemporary, sweepTemporary } from './temporary-file.ts';

/** Bytes of a stream that are read together. */
const longestPart = 256 * 1024;

/**
 * A bucket in a directory of this machine. Files are written atomically: written and synced under a name that listings
 * never show, then linked (create only) or renamed (replace) into place, then their folder is synced. Files that others
 * write into the directory (Medusa) are also objects.
 */
export class DirectoryStore implements ObjectStore {
  readonly description: string;
  readonly #root: string;
  readonly #open: typeof open;
  #ready: Promise<void> | undefined;

  /** `files.open` stands in for the file system in tests of its faults. */
  constructor(path: string, files: { readonly open: typeof open } = { open }) {
    this.#root = resolve(path);
    this.#open = files.open;
    this.description = `directory ${this.#root}`;
  }

  put(key: string, body: Uint8Array | string, condition?: PutCondition): Promise<ObjectInfo> {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    return this.#guard(key, () => this.#write(key, (file) => file.writeFile(bytes), condition));
  }

  putStream(key: string, body: AsyncIterable<Uint8Array>): Promise<ObjectInfo> {
    return this.#guard(key, () =>
      this.#write(key, async (file) => {
        for await (const chunk of body) await file.writeFile(chunk);
      }),
    );
  }

  get(key: string): Promise<StoredObject | undefined> {
    return this.#guard(key, () =>
      this.#read(key, async ({ file, found }) => {
        const body = await contentOf(file, Number(found.size));
        return { ...infoOf(key, found, body), body };
      }),
    );
  }

  async getStream(key: string): Promise<AsyncIterable<Uint8Array>> {
    const opened = await this.#guard(key, () => this.#openObject(key));
    if (opened === undefined) throw missing(key, this.description);
    return this.#faultsOf(key, streamOf(opened, longestPart));
  }

  head(key: string): Promise<ObjectInfo | undefined> {
    return this.#guard(key, () => this.#read(key, (opened) => describe(key, opened)));
  }

  async *list(prefix: string, options: { readonly after?: string } = {}): AsyncIterable<ObjectInfo> {
    checkPrefix(prefix);
    let batch: string[] = [];
    for await (const key of this.#walk(walkKeys(this.#root, prefix, options.after))) {
      batch.push(key);
      if (batch.length < 32) continue;
      yield* await this.#heads(batch);
      batch = [];
    }
    yield* await this.#heads(batch);
  }

  children(prefix: string, options: { readonly after?: string } = {}): AsyncIterable<string> {
    checkPrefix(prefix);
    return this.#walk(walkChildren(this.#root, prefix, options.after));
  }

  delete(key: string): Promise<void> {
    return this.#guard(key, async () => {
      const path = this.#path(key);
      try {
        await stat(path);
        await this.#locked(key, () => unlink(path));
      } catch (thrown) {
        if (errorCode(thrown) === 'ENOENT' || errorCode(thrown) === 'ENOTDIR') return this.#assertRoot();
        throw thrown;
      }
      await this.#syncOrRemoveFolders(dirname(path));
    });
  }

  async close(): Promise<void> {
    // Nothing is held between calls.
  }

  async #write(key: string, fill: (file: FileHandle) => Promise<void>, condition?: PutCondition): Promise<ObjectInfo> {
    checkKey(key);
    const { file, path: temporary } = await this.#openTemporary();
    let renamed = false;
    try {
      await fill(file);
      await file.sync();
      const info = await describe(key, { file, found: await file.stat({ bigint: true }) });
      await file.close();
      renamed = await this.#place(key, temporary, condition);
      return info;
    } finally {
      await file.close();
      if (!renamed) await unlink(temporary);
    }
  }

  async #openTemporary(): Promise<{ file: FileHandle; path: string }> {
    const path = join(this.#root, reservedFolder, 'tmp', nameTemporary());
    for (let attempt = 1; ; attempt += 1) {
      await this.#prepare();
      try {
        return { file: await this.#open(path, 'wx+', 0o666), path };
      } catch (thrown) {
        // Somebody removed the whole directory after this store was opened: create it again, once.
        if (errorCode(thrown) !== 'ENOENT' || attempt === 2) throw thrown;
        this.#ready = undefined;
      }
    }
  }

  /** True when the temporary file itself became the object, false when the object is a second name of it. */
  async #place(key: string, temporary: string, condition: PutCondition | undefined): Promise<boolean> {
    if (condition === undefined || 'ifAbsent' in condition) {
      if (await this.#create(key, temporary)) return false;
      if (condition !== undefined) throw new ConflictProblem(key);
    }
    await this.#locked(key, async () => {
      if (condition !== undefined && 'ifMatch' in condition) {
        const current = await this.#read(key, (opened) => describe(key, opened));
        if (current?.etag !== condition.ifMatch) throw new ConflictProblem(key);
      }
      await this.#intoFolder(key, (path) => rename(temporary, path));
    });
    return true;
  }

  /** False when there is already such an object. */
  async #create(key: string, temporary: string): Promise<boolean> {
    try {
      await this.#intoFolder(key, (path) => link(temporary, path));
      return true;
    } catch (thrown) {
      if (errorCode(thrown) !== 'EEXIST') throw thrown;
      if ((await stat(this.#path(key)).catch(() => undefined))?.isDirectory() === true) throw thrown;
      return false;
    }
  }

  async #intoFolder(key: string, move: (path: string) => Promise<void>): Promise<void> {
    const path = this.#path(key);
    for (let attempt = 1; ; attempt += 1) {
      try {
        await move(path);
        break;
      } catch (thrown) {
        // The folder does not exist yet, or the delete of its last object has just removed it.
        if (errorCode(thrown) !== 'ENOENT' || attempt === 20) throw thrown;
        await makeFolder(dirname(path));
      }
    }
    await syncPath(dirname(path));
  }

  /** One lock for all keys with the same hash byte, so that there are few lock files, however many keys are used. */
  #locked<T>(key: string, work: () => Promise<T>): Promise<T> {
    const shard = hash('sha256', key).slice(0, 2);
    const own = join(this.#root, reservedFolder);
    return withLock(join(own, 'locks', shard), join(own, 'tmp'), work);
  }

  async #read<T>(key: string, use: (opened: Opened) => Promise<T>): Promise<T | undefined> {
    const opened = await this.#openObject(key);
    if (opened === undefined) return undefined;
    try {
      return await use(opened);
    } finally {
      await opened.file.close();
    }
  }

  async #openObject(key: string): Promise<Opened | undefined> {
    let file: FileHandle;
    try {
      file = await this.#open(this.#path(key), constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch (thrown) {
      const code = errorCode(thrown);
      if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'ELOOP') throw thrown;
      await this.#assertRoot();
      return undefined;
    }
    const found = await file.stat({ bigint: true });
    if (found.isFile()) return { file, found };
    await file.close();
    return undefined;
  }

  async #heads(keys: readonly string[]): Promise<ObjectInfo[]> {
    const infos = await Promise.all(keys.map((key) => this.head(key)));
    return infos.filter((info) => info !== undefined);
  }

  async *#walk(keys: AsyncIterable<string>): AsyncIterable<string> {
    let any = false;
    for await (const key of this.#faultsOf('', keys)) {
      any = true;
      yield key;
    }
    if (!any) await this.#assertRoot();
  }

  async *#faultsOf<T>(key: string, source: AsyncIterable<T>): AsyncIterable<T> {
    try {
      yield* source;
    } catch (thrown) {
      throw directoryFault(thrown, this.#root, key);
    }
  }

  async #syncOrRemoveFolders(from: string): Promise<void> {
    for (let folder = from; folder !== this.#root; folder = dirname(folder)) {
      try {
        await rmdir(folder);
      } catch (thrown) {
        if (errorCode(thrown) === 'ENOENT') continue;
        return syncPath(folder);
      }
    }
    await syncPath(this.#root);
  }

  #path(key: string): string {
    checkKey(key);
    return join(this.#root, key);
  }

  /**
   * A missing directory is an empty store, which the first put creates; a missing parent means that a file system is
   * not mounted.
   */
  async #assertRoot(): Promise<void> {
    try {
      await stat(dirname(this.#root));
    } catch (thrown) {
      if (errorCode(thrown) === 'ENOENT') throw unreachable(this.#root, 'its parent directory does not exist', thrown);
      throw thrown;
    }
  }

  #prepare(): Promise<void> {
    this.#ready ??= this.#makeRoot().catch((thrown: unknown) => {
      this.#ready = undefined;
      throw thrown;
    });
    return this.#ready;
  }

  async #makeRoot(): Promise<void> {
    await makeOneFolder(this.#root);
    await makeOneFolder(join(this.#root, reservedFolder));
    const temporary = join(this.#root, reservedFolder, 'tmp');
    await makeOneFolder(temporary);
    await sweepTemporary(temporary);
  }

  async #guard<T>(key: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      throw directoryFault(thrown, this.#root, key);
    }
  }
}

function missing(key: string, store: string): FailedProblem {
  return new FailedProblem({
    code: 'object-missing',
    happened: `There is no object ${key} in ${store}.`,
    state: 'Nothing was changed.',
    next: 'Check that it is the right bucket; `cardea points ENV` and `cardea runs ENV` show what it holds.',
  });
}
