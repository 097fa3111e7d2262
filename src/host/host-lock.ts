import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { RefusedProblem } from '../model/problem.ts';
import { waitFor } from './wait-for.ts';

/**
 * Runs `work` while no other process of this machine holds the lock. SQLite's exclusive transaction on an empty file is
 * the only lock in Node that the kernel releases when its holder dies, however it dies: there is no stale lock and
 * nothing to clean up. Throws RefusedProblem `busy`, naming the holder, when the lock is not free within `withinMs`.
 */
export async function withHostLock<T>(
  file: string,
  options: { readonly purpose: string; readonly withinMs: number; readonly signal?: AbortSignal | undefined },
  work: () => Promise<T>,
): Promise<T> {
  mkdirSync(dirname(file), { recursive: true });
  const lock = new DatabaseSync(file);
  try {
    const held = await waitFor(() => take(lock), { withinMs: options.withinMs, everyMs: 200, signal: options.signal });
    if (held === undefined) throw busy(file, options.purpose);
    writeFileSync(`${file}.holder`, `${options.purpose} (pid ${process.pid})\n`);
    return await work();
  } finally {
    lock.close();
  }
}

function take(lock: DatabaseSync): true | undefined {
  try {
    lock.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if (error instanceof Error && /locked/.test(error.message)) return undefined;
    throw error;
  }
}

function busy(file: string, purpose: string): RefusedProblem {
  let holder = 'another process';
  try {
    holder = readFileSync(`${file}.holder`, 'utf8').trim();
  } catch {
    // The holder has not written its name yet; the message does without.
  }
  return new RefusedProblem({
    code: 'busy',
    happened: `Cannot start "${purpose}": another command is running and holds the lock ${file}: ${holder}.`,
    state: 'Nothing was changed.',
    next: 'Wait until that command ends, then run the same command again. The lock ends with its process; there is nothing to remove by hand.',
  });
}
