import type { Dirent } from 'node:fs';
import { opendir, readdir } from 'node:fs/promises';
import { compareKeys } from '../../model/object-key.ts';

/** Names that are read together from a folder with many. */
const namesAtOnce = 1024;

/**
 * The names directly in a folder that are wanted, ascending in byte order. A folder's name ends in `/`, so that the
 * order is that of the keys below it. Throws what the file system throws.
 */
export type FolderNames = (path: string, isWanted: (name: string) => boolean) => Promise<Iterable<string>>;

/** In one call of the system's thread pool: for a folder with an object or two. */
export const fewNames: FolderNames = async (path, isWanted) => {
  const names: string[] = [];
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const name = nameOf(entry);
    if (name !== undefined && isWanted(name)) names.push(name);
  }
  return names.sort(compareKeys);
};

/**
 * Some at a time, and packed: in a month a node's log gets a hundred thousand folders, and those of every node are
 * listed at once. `readdir` would hold each entry twice; and as strings they live long enough to widen the whole heap.
 */
export const manyNames: FolderNames = async (path, isWanted) => {
  const names = new PackedNames();
  const add = (entry: Dirent) => {
    const name = nameOf(entry);
    if (name !== undefined && isWanted(name)) names.add(name);
  };
  const folder = await opendir(path, { bufferSize: namesAtOnce });
  try {
    for (let entry = await folder.read(); entry !== null; entry = await folder.read()) {
      add(entry);
      // The others of this read are there already, and to wait for each of them would take most of the time.
      for (let more = 1; more < namesAtOnce; more += 1) {
        const next = folder.readSync();
        if (next === null) return names.sorted();
        add(next);
      }
    }
    return names.sorted();
  } finally {
    await folder.close();
  }
};

/** Undefined for what is neither an object nor a folder of them. */
function nameOf(entry: Dirent): string | undefined {
  if (entry.isDirectory()) return `${entry.name}/`;
  return entry.isFile() ? entry.name : undefined;
}

/** Names one after the other in one block of bytes, each made a string again only when its turn comes. */
class PackedNames {
  #bytes = Buffer.alloc(4096);
  /** Where each begins, and where the last ends. */
  readonly #bounds = [0];

  add(name: string): void {
    const from = this.#end();
    const to = from + Buffer.byteLength(name);
    if (to > this.#bytes.length) {
      // The system gives memory to what is written, and the second half may stay empty.
      const wider = Buffer.alloc(2 * to);
      this.#bytes.copy(wider);
      this.#bytes = wider;
    }
    this.#bytes.write(name, from);
    this.#bounds.push(to);
  }

  *sorted(): Iterable<string> {
    const bytes = this.#bytes;
    const bounds = Uint32Array.from(this.#bounds);
    const from = (at: number) => bounds[at] ?? 0;
    const order = Uint32Array.from({ length: bounds.length - 1 }, (_, at) => at);
    order.sort((one, other) => bytes.compare(bytes, from(other), from(other + 1), from(one), from(one + 1)));
    for (const at of order) yield bytes.toString('utf8', from(at), from(at + 1));
  }

  #end(): number {
    return this.#bounds.at(-1) ?? 0;
  }
}
