import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { FailedProblem } from '../model/problem.ts';
import type { ReportProgress } from '../model/progress.ts';
import { endingMarked, endMarked, markOf } from '../host/detached-process.ts';
import { writeWhole } from '../host/write-whole.ts';
import { withHostLock } from '../host/host-lock.ts';

/** Something that commands install into a folder of its own. */
export interface Part {
  readonly name: string;
  /** Name and version for people. */
  readonly title: string;
  readonly folder: string;
  /** Folders that grow while it is installed: all that its installer tells us of its progress. */
  readonly watch: readonly string[];
  readonly commands: ReadonlyArray<readonly [string, ...string[]]>;
}

interface InstallOptions {
  readonly progress: ReportProgress;
  readonly signal: AbortSignal;
}

export function isInstalled(part: Part): boolean {
  return existsSync(stampFile(part));
}

/**
 * Runs the commands unless the stamp says that they ended well. The stamp is written last, so what a killed install left counts for
 * nothing and is cleared by the next one; a venv cannot be renamed into place, since its scripts hold its path. Two checkouts take turns.
 */
export async function installPart(part: Part, options: InstallOptions): Promise<void> {
  if (isInstalled(part)) return;
  const lock = `${part.folder}.lock`;
  const purpose = `installing ${part.title}`;
  await withHostLock(lock, { purpose, withinMs: 1_800_000, signal: options.signal }, async () => {
    if (isInstalled(part)) return;
    // An installer can outlive a killed launcher and would continue to write here.
    await endMarked(part.folder, 2000);
    rmSync(part.folder, { recursive: true, force: true });
    mkdirSync(part.folder, { recursive: true });
    const watching = new AbortController();
    const watched = watch(part, await bytesOf(part), options.progress, watching.signal);
    try {
      for (const command of part.commands) await run(part, command, options.signal);
    } finally {
      watching.abort();
      await watched;
    }
    writeWhole(stampFile(part), `${part.title}\n`);
  });
}

async function run(part: Part, [file, ...args]: readonly [string, ...string[]], signal: AbortSignal): Promise<void> {
  const env = markOf(part.folder);
  // Not at the start of every command: opening an environment installs nothing, and a hundred modules take their time.
  const { execa } = await import('execa');
  const result = await endingMarked(part.folder, signal, async () =>
    execa(file, args, { all: true, reject: false, cancelSignal: signal, stdin: 'ignore', env }),
  );
  signal.throwIfAborted();
  if (!result.failed) return;
  throw new FailedProblem({
    code: 'install-failed',
    happened: `${part.title} could not be installed: ${file} ended with ${result.exitCode ?? result.signal ?? result.code}.`,
    state: 'Parts that were installed before are kept; this part counts as not installed.',
    next: 'Check the network and the proxy or registry settings of Maven and pip, then run the same command again.',
    details: (result.all ?? '').trimEnd().split('\n').slice(-12),
  });
}

async function watch(part: Part, before: number, progress: ReportProgress, signal: AbortSignal): Promise<void> {
  const label = `installing ${part.title}`;
  progress({ done: 0, unit: 'bytes', label });
  while (!signal.aborted) {
    progress({ done: Math.max(0, (await bytesOf(part)) - before), unit: 'bytes', label });
    await setTimeout(1000, undefined, { signal }).catch(() => undefined);
  }
}

async function bytesOf(part: Part): Promise<number> {
  const sizes = await Promise.all(part.watch.map(folderBytes));
  return sizes.reduce((sum, each) => sum + each, 0);
}

/** Bytes of all files below a folder; what vanishes while looking counts for nothing. */
async function folderBytes(folder: string): Promise<number> {
  let bytes = 0;
  try {
    for await (const entry of await opendir(folder, { recursive: true })) {
      if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name)).catch(() => undefined))?.size ?? 0;
    }
  } catch {
    return bytes;
  }
  return bytes;
}

function stampFile(part: Part): string {
  return join(part.folder, 'installed');
}
