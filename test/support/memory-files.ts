import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { FailedProblem } from '../../src/model/problem.ts';
import type { NodeFiles, WalkedFile } from '../../src/ports/node-files.ts';

/** A node's file system in memory: whole directories move as fast as their names. `change` is told of each change before it is made. */
export class MemoryFiles {
  readonly files = new Map<string, string>();
  readonly #folders = new Set<string>(['']);
  #writes = 0;
  readonly #written = new Map<string, number>();

  as(change: () => Promise<void> = async () => {}): NodeFiles {
    const changing = async (work: () => void) => {
      await change();
      work();
    };
    return {
      entries: async (directory) => this.#entries(directory),
      walk: (directory) => this.#walk(directory),
      rename: async (from, to) => changing(() => this.#rename(from, to)),
      makeDirectory: async (path) => changing(() => this.makeFolder(path)),
      remove: async (path) => changing(() => this.remove(path)),
      read: async (path) => this.files.get(path),
      writeWhole: async (path, text) => changing(() => this.write(path, text)),
      append: async (path, bytes) =>
        changing(() => this.write(path, `${this.files.get(path) ?? ''}${Buffer.from(bytes).toString('latin1')}`)),
      copy: async (from, to) => {
        const text = this.files.get(from);
        if (text !== undefined) await changing(() => this.write(to, text));
        return text === undefined ? undefined : crc32(text);
      },
      space: async () => ({ total: 1e12, free: 5e11, device: 'disk' }),
      sync: async () => {},
      hash: async (files) =>
        files.map(({ absolute }) =>
          createHash('sha256')
            .update(this.files.get(absolute) ?? '')
            .digest('hex'),
        ),
    };
  }

  write(path: string, content: string): void {
    this.makeFolder(path.slice(0, path.lastIndexOf('/')));
    this.files.set(path, content);
    this.#writes += 1;
    this.#written.set(path, this.#writes);
  }

  makeFolder(path: string): void {
    for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) this.#folders.add(at);
  }

  remove(path: string): void {
    for (const file of this.files.keys()) if (file === path || file.startsWith(`${path}/`)) this.files.delete(file);
    for (const folder of this.#folders) {
      if (folder === path || folder.startsWith(`${path}/`)) this.#folders.delete(folder);
    }
  }

  /** Paths of every file below a directory, relative to it, with their content. */
  below(directory: string): ReadonlyMap<string, string> {
    const prefix = `${directory}/`;
    return new Map(
      [...this.files]
        .filter(([path]) => path.startsWith(prefix))
        .map(([path, text]) => [path.slice(prefix.length), text]),
    );
  }

  #entries(directory: string) {
    if (!this.#folders.has(directory)) return undefined;
    const names = new Map<string, boolean>();
    const note = (path: string, isFolder: boolean) => {
      if (!path.startsWith(`${directory}/`)) return;
      const rest = path.slice(directory.length + 1);
      const slash = rest.indexOf('/');
      names.set(slash < 0 ? rest : rest.slice(0, slash), slash >= 0 || isFolder);
    };
    for (const folder of this.#folders) note(folder, true);
    for (const file of this.files.keys()) note(file, false);
    return [...names]
      .map(([name, isFolder]) => ({ name, directory: isFolder }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async *#walk(directory: string): AsyncGenerator<WalkedFile> {
    for (const [path, text] of this.below(directory)) {
      const absolute = `${directory}/${path}`;
      yield { path, absolute, bytes: text.length, identity: `${absolute}#${this.#written.get(absolute) ?? 0}` };
    }
  }

  #rename(from: string, to: string): void {
    const full = (this.#entries(to) ?? []).length > 0 || this.files.has(to);
    if (full || (!this.#folders.has(from) && !this.files.has(from))) {
      throw new FailedProblem({
        code: 'cannot-move',
        happened: `${from} cannot be renamed to ${to}.`,
        state: 'It is where it was.',
        next: 'Look at both.',
      });
    }
    const moved = (path: string) => `${to}${path.slice(from.length)}`;
    const files = [...this.files].filter(([path]) => path === from || path.startsWith(`${from}/`));
    const folders = [...this.#folders].filter((path) => path === from || path.startsWith(`${from}/`));
    this.remove(from);
    this.makeFolder(to.slice(0, to.lastIndexOf('/')));
    for (const folder of folders) this.#folders.add(moved(folder));
    for (const [path, text] of files) this.files.set(moved(path), text);
  }
}
