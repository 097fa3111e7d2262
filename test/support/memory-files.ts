import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { FailedProblem } from '../../src/model/problem.ts';
import type { NodeFiles, WalkedFile } from '../../src/ports/node-files.ts';

type Folder = Map<string, Folder | File>;
interface File {
  readonly text: string;
  /** Which write of this disk made it. */
  readonly stamp: number;
}

/** What is about to be changed, told before it is. */
export interface DiskChange {
  readonly what: 'rename' | 'make' | 'remove' | 'write' | 'append';
  readonly path: string;
}

/** A node's file system in memory: whole directories move as fast as their names. */
export class MemoryFiles {
  #root: Folder = new Map();
  #writes = 0;

  /** As the process sees it that tells `change` of each change before it makes it. */
  as(change: (change: DiskChange) => Promise<void> = async () => {}): NodeFiles {
    const changing = async (what: DiskChange['what'], path: string, work: () => void) => {
      await change({ what, path });
      work();
    };
    return {
      entries: async (directory) => this.#entries(directory),
      walk: (directory) => this.#walk(directory),
      rename: async (from, to) => changing('rename', from, () => this.rename(from, to)),
      makeDirectory: async (path) => {
        if (this.#folder(path) === undefined) await changing('make', path, () => void this.makeFolder(path));
      },
      remove: async (path) => {
        if (this.#at(path) !== undefined) await changing('remove', path, () => this.remove(path));
      },
      read: async (path) => this.read(path),
      readStream: (path) => oneChunk(this.read(path) ?? ''),
      writeWhole: async (path, text) => changing('write', path, () => this.write(path, text)),
      append: async (path, bytes) =>
        changing('append', path, () =>
          this.write(path, `${this.read(path) ?? ''}${Buffer.from(bytes).toString('latin1')}`),
        ),
      copy: async (from, to) => {
        const text = this.read(from);
        if (text !== undefined) await changing('write', to, () => this.write(to, text));
        return text === undefined ? undefined : crc32(text);
      },
      space: async () => ({ total: 1e12, free: 5e11, device: 'disk' }),
      sync: async () => {},
      hash: async (files) =>
        files.map(({ absolute }) =>
          createHash('sha256')
            .update(this.read(absolute) ?? '')
            .digest('hex'),
        ),
    };
  }

  read(path: string): string | undefined {
    const found = this.#at(path);
    return found === undefined || found instanceof Map ? undefined : found.text;
  }

  write(path: string, text: string): void {
    const { folder, name } = placeOf(path);
    this.#writes += 1;
    this.makeFolder(folder).set(name, { text, stamp: this.#writes });
  }

  makeFolder(path: string): Folder {
    let folder = this.#root;
    for (const name of namesOf(path)) {
      let next = folder.get(name);
      if (!(next instanceof Map)) {
        next = new Map();
        folder.set(name, next);
      }
      folder = next;
    }
    return folder;
  }

  remove(path: string): void {
    const { folder, name } = placeOf(path);
    this.#folder(folder)?.delete(name);
  }

  rename(from: string, to: string): void {
    const moved = this.#at(from);
    const there = this.#at(to);
    if (moved === undefined || (there !== undefined && !(there instanceof Map && there.size === 0))) {
      throw new FailedProblem({
        code: 'cannot-move',
        happened: `${from} cannot be renamed to ${to}.`,
        state: 'It is where it was.',
        next: 'Look at both.',
      });
    }
    this.remove(from);
    const { folder, name } = placeOf(to);
    this.makeFolder(folder).set(name, moved);
  }

  /** Names of what lies directly in a directory. */
  names(directory: string): readonly string[] {
    return [...(this.#folder(directory)?.keys() ?? [])];
  }

  /** Paths of every file below a directory, relative to it, with their content. */
  below(directory: string): ReadonlyMap<string, string> {
    const found = new Map<string, string>();
    const folder = this.#folder(directory);
    if (folder !== undefined) for (const { path, file } of filesOf(folder, '')) found.set(path, file.text);
    return found;
  }

  /** Another disk that holds the same. */
  copy(): MemoryFiles {
    const disk = new MemoryFiles();
    disk.#root = copyOf(this.#root);
    disk.#writes = this.#writes;
    return disk;
  }

  #at(path: string): Folder | File | undefined {
    let at: Folder | File | undefined = this.#root;
    for (const name of namesOf(path)) {
      if (!(at instanceof Map)) return undefined;
      at = at.get(name);
    }
    return at;
  }

  #folder(path: string): Folder | undefined {
    const found = this.#at(path);
    return found instanceof Map ? found : undefined;
  }

  #entries(directory: string) {
    const folder = this.#folder(directory);
    if (folder === undefined) return undefined;
    return [...folder]
      .map(([name, entry]) => ({ name, directory: entry instanceof Map }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async *#walk(directory: string): AsyncGenerator<WalkedFile> {
    const folder = this.#folder(directory);
    if (folder === undefined) return;
    for (const { path, file } of filesOf(folder, '').toArray()) {
      yield { path, absolute: `${directory}/${path}`, bytes: file.text.length, identity: String(file.stamp) };
    }
  }
}

function copyOf(folder: Folder): Folder {
  return new Map([...folder].map(([name, entry]) => [name, entry instanceof Map ? copyOf(entry) : entry]));
}

function* filesOf(folder: Folder, prefix: string): Generator<{ readonly path: string; readonly file: File }> {
  for (const [name, entry] of folder) {
    if (entry instanceof Map) yield* filesOf(entry, `${prefix}${name}/`);
    else yield { path: `${prefix}${name}`, file: entry };
  }
}

function namesOf(path: string): readonly string[] {
  return path.split('/').filter((name) => name !== '');
}

function placeOf(path: string): { readonly folder: string; readonly name: string } {
  const slash = path.lastIndexOf('/');
  return { folder: path.slice(0, slash), name: path.slice(slash + 1) };
}

async function* oneChunk(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text, 'latin1');
}
