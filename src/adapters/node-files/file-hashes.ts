import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import { FailedProblem } from '../../model/problem.ts';
import type { WalkedFile } from '../../ports/node-files.ts';

/** For fewer bytes than this, threads cost more time than they save. */
const inThreadsFrom = 24 * 1024 * 1024;
const threads = Math.min(2, availableParallelism());

const remembered = z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/));

interface HashOptions {
  readonly signal: AbortSignal;
  readonly progress: (bytes: number) => void;
  /** Read, whatever is remembered. */
  readonly again?: boolean;
}

/**
 * SHA-256 of files, remembered by device, inode, size and time of change: an SSTable is never written again, and each snapshot links the
 * same inode, so a second backup reads only what is new. Only the last list hashed is remembered.
 */
export class FileHashes {
  readonly #file: string;
  readonly #read: (path: string) => Promise<string | undefined>;
  readonly #write: (path: string, text: string) => Promise<void>;

  constructor(
    file: string,
    read: (path: string) => Promise<string | undefined>,
    write: (path: string, text: string) => Promise<void>,
  ) {
    this.#file = file;
    this.#read = read;
    this.#write = write;
  }

  async of(files: readonly WalkedFile[], { signal, progress, again = false }: HashOptions): Promise<readonly string[]> {
    const known = again ? new Map<string, string>() : await this.#load();
    const unknown = files.filter((file) => !known.has(file.identity));
    let done = files.reduce((sum, file) => (known.has(file.identity) ? sum + file.bytes : sum), 0);
    progress(done);
    const advance = (bytes: number) => {
      done += bytes;
      progress(done);
    };
    const toRead = unknown.reduce((sum, file) => sum + file.bytes, 0);
    const read =
      toRead < inThreadsFrom ? await hashHere(unknown, signal, advance) : await hashInThreads(unknown, signal, advance);
    const all = new Map(known);
    for (const [index, file] of unknown.entries()) all.set(file.identity, read[index] ?? '');
    const result = files.map((file) => all.get(file.identity) ?? '');
    if (unknown.length > 0) {
      await this.#write(
        this.#file,
        JSON.stringify(Object.fromEntries(files.map((file, at) => [file.identity, result[at]]))),
      );
    }
    return result;
  }

  /** If the remembered hashes cannot be read, everything is hashed again. */
  async #load(): Promise<ReadonlyMap<string, string>> {
    const text = await this.#read(this.#file);
    if (text === undefined) return new Map();
    try {
      return new Map(Object.entries(remembered.parse(JSON.parse(text))));
    } catch {
      return new Map();
    }
  }
}

async function hashHere(
  files: readonly WalkedFile[],
  signal: AbortSignal,
  advance: (bytes: number) => void,
): Promise<readonly string[]> {
  const hashes: string[] = [];
  for (const { absolute, bytes } of files) {
    signal.throwIfAborted();
    hashes.push(
      createHash('sha256')
        .update(await readFile(absolute))
        .digest('hex'),
    );
    advance(bytes);
  }
  return hashes;
}

/** A message of a thread: more bytes of its file were read, the hash of the file, or why it cannot be read. */
export type HashMessage = { readonly bytes: number } | { readonly sha256: string } | { readonly error: unknown };

async function hashInThreads(
  files: readonly WalkedFile[],
  signal: AbortSignal,
  advance: (bytes: number) => void,
): Promise<readonly string[]> {
  const hashes: string[] = Array.from({ length: files.length }, () => '');
  // Large files first, so that no thread ends with the largest alone.
  const queue = [...files.entries()].sort(([, a], [, b]) => b.bytes - a.bytes).values();
  await Promise.all(
    Array.from({ length: threads }, async () => {
      const worker = new Worker(new URL('./hash-thread.ts', import.meta.url));
      try {
        for (const [index, file] of queue) {
          signal.throwIfAborted();
          hashes[index] = await askThread(worker, file.absolute, signal, advance);
        }
      } finally {
        await worker.terminate();
      }
    }),
  );
  return hashes;
}

function askThread(
  worker: Worker,
  path: string,
  signal: AbortSignal,
  advance: (bytes: number) => void,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const end = () => {
      worker.off('message', hear);
      worker.off('error', fail);
      signal.removeEventListener('abort', stop);
    };
    const fail = (error: unknown) => {
      end();
      reject(cannotHash(path, error));
    };
    const stop = () => {
      end();
      reject(signal.reason as Error);
    };
    const hear = (message: HashMessage) => {
      if ('bytes' in message) advance(message.bytes);
      else if ('error' in message) fail(message.error);
      else {
        end();
        resolve(message.sha256);
      }
    };
    worker.on('message', hear);
    worker.on('error', fail);
    signal.addEventListener('abort', stop, { once: true });
    // The empty list of what is handed over tells the linter that this is no window.
    worker.postMessage(path, []);
  });
}

function cannotHash(path: string, cause: unknown): FailedProblem {
  return new FailedProblem({
    code: 'cannot-read',
    happened: `${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`,
    cause,
    state: 'Nothing was uploaded.',
    next: "Check the disk and the agent's permissions on the data directory, then start the backup again.",
  });
}
