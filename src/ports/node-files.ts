/**
 * The file system of a node, as far as an agent needs it. Names and removals are on disk when a method resolves: a power cut afterwards
 * does not undo them. Absolute paths; sizes in bytes.
 */
export interface NodeFiles {
  /** Names of the entries of a directory, ascending; undefined when there is no such directory. */
  entries(directory: string): Promise<readonly FileEntry[] | undefined>;
  /** Every file below a directory with its path relative to it; nothing when there is none. What disappears meanwhile is left out. */
  walk(directory: string): AsyncIterable<WalkedFile>;
  /** Within one file system. Replaces an empty directory of the new name. Throws FailedProblem `cannot-move`. */
  rename(from: string, to: string): Promise<void>;
  /** With all parents; owner and mode of `like` when given. No error when it is there. */
  makeDirectory(path: string, like?: string): Promise<void>;
  /** File or whole directory; no error when it is not there. */
  remove(path: string): Promise<void>;
  /** Undefined when there is no such file. */
  read(path: string): Promise<string | undefined>;
  /** In constant memory; throws what the system says of a file that cannot be read. */
  readStream(path: string): AsyncIterable<Uint8Array>;
  /** Whole or not at all: temporary file, fsync, rename. */
  writeWhole(path: string, text: string): Promise<void>;
  /** Adds to the end of a file, which is made with the owner and, as far as a file has it, the mode of `like`. On disk only after `sync`. */
  append(path: string, bytes: Uint8Array, like: string): Promise<void>;
  /**
   * Copies a small file, with its owner and mode, and resolves with the CRC-32 of its bytes; undefined when it cannot be read. On disk only
   * after `sync`.
   */
  copy(from: string, to: string): Promise<number | undefined>;
  /** Of the file system that holds the path, or the nearest parent that exists. `device` tells file systems apart. */
  space(path: string): Promise<{ readonly total: number; readonly free: number; readonly device: string }>;
  /**
   * Forces a file, or every file below a directory, onto the disk. With `top`, a folder above it, also the names on the way down from
   * there. What is not there is left out.
   */
  sync(path: string, top?: string): Promise<void>;
  /**
   * SHA-256 in hex of each file, in the order given; `progress` is told the bytes done so far. A file whose hash is remembered is not read again,
   * unless `again`: what a disk has changed by itself shows in no time of change.
   */
  hash(
    files: readonly WalkedFile[],
    options: { readonly signal: AbortSignal; readonly progress: (bytes: number) => void; readonly again?: boolean },
  ): Promise<readonly string[]>;
}

export interface FileEntry {
  readonly name: string;
  readonly directory: boolean;
}

export interface WalkedFile {
  /** Relative to the directory walked. */
  readonly path: string;
  readonly absolute: string;
  readonly bytes: number;
  /** Same for all hard links of one file: device, inode, size and time of the last change of content. */
  readonly identity: string;
}
