import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { errorCode } from '../model/error-code.ts';
import { faultMessage } from '../model/fault-message.ts';
import { FailedProblem } from '../model/problem.ts';

/** How a command that should hold a lock ends when somebody else holds it. */
export const lockConflict = 75;

/**
 * Argument array: the command as a process that holds the lock file (flock(2)) from its start to its end. util-linux' `flock` takes the lock
 * and then becomes the command, so the pid stays and the kernel releases the lock when the process ends, however it ends. It makes the file
 * when there is none. While somebody else holds the lock it ends at once with `lockConflict`.
 */
export function holdingLock(file: string, command: readonly [string, ...string[]]): readonly [string, ...string[]] {
  const conflict = String(lockConflict);
  return ['flock', '--exclusive', '--nonblock', '--no-fork', '--conflict-exit-code', conflict, file, ...command];
}

export interface FileLock {
  release(): Promise<void>;
}

/**
 * Takes the same lock for this process, which loses it when it dies. `make`: the file is made when there is none. Throws FailedProblem
 * `lock-unusable` when it cannot be told whether somebody holds it.
 */
export async function takeLock(
  file: string,
  { make }: { readonly make: boolean },
): Promise<FileLock | 'taken' | 'none'> {
  // A number, because a file handle that nobody keeps is closed by the garbage collector, and the lock would be gone.
  let fd: number;
  try {
    fd = openSync(file, make ? 'a' : 'r+', 0o644);
  } catch (thrown) {
    if (!make && errorCode(thrown) === 'ENOENT') return 'none';
    throw unusable(file, faultMessage(thrown));
  }
  try {
    // A lock belongs to the open file, not to the process that asked for it: what the child locks stays locked while we have it open.
    if (!(await lock(file, fd))) {
      closeSync(fd);
      return 'taken';
    }
  } catch (thrown) {
    closeSync(fd);
    throw thrown;
  }
  return { release: async () => closeSync(fd) };
}

async function lock(file: string, fd: number): Promise<boolean> {
  const child = spawn('flock', ['--exclusive', '--nonblock', '3'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
    if (code === 0 || code === 1) return code === 0;
    throw unusable(file, `flock ended with ${code ?? signal}`);
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') throw unusable(file, 'there is no program `flock` (package util-linux)');
    throw thrown;
  }
}

function unusable(file: string, why: string): FailedProblem {
  return new FailedProblem({
    code: 'lock-unusable',
    happened: `Whether somebody holds the lock ${file} cannot be told: ${why}.`,
    state: 'Nothing was changed.',
    next: 'See that util-linux is installed and that the file can be opened and locked (not every network file system can), then try again.',
  });
}
