import { link, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { RetryableProblem } from '../../model/problem.ts';
import { errorCode } from '../../model/error-code.ts';
import { formatHolder, livenessOf, thisHolder, parseHolder } from './lock-holder.ts';
import { nameTemporary } from './temporary-file.ts';

const patienceMs = 15_000;

/**
 * Locks that this process was done with and could not release, for the store was away: they name a holder that lives, so
 * that nobody else would ever break them.
 */
const unreleased = new Set<string>();

/**
 * A lock between processes of one machine that a holder's death releases. A folder holds numbered files, each created whole and create-only
 * with its holder's identity; who created the highest number holds the lock, and an empty file is a released one. The highest file is
 * never removed before a higher one exists, so two processes that both find a dead holder compete for the same next number: the file
 * system lets one win. (Removing a dead holder's file instead would let the slower one remove the faster one's fresh lock.)
 *
 * `scratch` is a folder of the same file system for a file that lives for a moment: the lock's own folder stays so small that it is read in
 * one system call, hence at one instant. Throws RetryableProblem `store-busy` when the holder lives on for 15 seconds.
 */
export async function withLock<T>(folder: string, scratch: string, work: () => Promise<T>): Promise<T> {
  const held = await acquire(folder, scratch);
  try {
    return await work();
  } finally {
    await release(held);
  }
}

async function release(path: string): Promise<void> {
  try {
    await truncate(path);
  } catch (thrown) {
    unreleased.add(path);
    throw thrown;
  }
}

async function acquire(folder: string, scratch: string): Promise<string> {
  const mine = join(scratch, nameTemporary());
  await mkdir(folder, { recursive: true });
  await writeFile(mine, formatHolder(thisHolder()));
  try {
    const until = performance.now() + patienceMs;
    for (let waitMs = 1; ; waitMs = Math.min(waitMs * 2, 50)) {
      const highest = await highestIn(folder);
      if (await isFree(folder, highest)) {
        const taken = await take(folder, highest + 1, mine);
        if (taken !== undefined) return taken;
      } else if (performance.now() > until) {
        throw busy(join(folder, String(highest)));
      } else {
        await pause(waitMs * (0.5 + Math.random() / 2));
      }
    }
  } finally {
    await rm(mine, { force: true });
  }
}

async function take(folder: string, number: number, mine: string): Promise<string | undefined> {
  const path = join(folder, String(number));
  try {
    await link(mine, path);
  } catch (thrown) {
    if (errorCode(thrown) === 'EEXIST') return undefined;
    throw thrown;
  }
  try {
    return await keepHighest(folder, number, path);
  } catch (thrown) {
    // Nobody works under it.
    unreleased.add(path);
    throw thrown;
  }
}

async function keepHighest(folder: string, number: number, path: string): Promise<string | undefined> {
  const numbers = await numbersIn(folder);
  // Our view may have been old: before our link, somebody took this number and a higher one, and removed the file of
  // this one.
  const lost = numbers.some((other) => other > number);
  const superseded = lost ? [number] : numbers.filter((other) => other < number);
  await Promise.all(superseded.map((other) => rm(join(folder, String(other)), { force: true })));
  for (const other of superseded) unreleased.delete(join(folder, String(other)));
  return lost ? undefined : path;
}

async function isFree(folder: string, number: number): Promise<boolean> {
  if (number === 0) return true;
  const path = join(folder, String(number));
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (thrown) {
    // A higher number exists now: look again.
    if (errorCode(thrown) === 'ENOENT') return false;
    throw thrown;
  }
  if (unreleased.has(path) && text === formatHolder(thisHolder())) return true;
  const holder = parseHolder(text);
  return holder === undefined || livenessOf(holder) === 'dead';
}

async function highestIn(folder: string): Promise<number> {
  return Math.max(0, ...(await numbersIn(folder)));
}

async function numbersIn(folder: string): Promise<number[]> {
  return (await readdir(folder)).filter((name) => /^\d+$/.test(name)).map(Number);
}

function busy(path: string): RetryableProblem {
  return new RetryableProblem({
    code: 'store-busy',
    happened: `Another process has held the lock ${path} for more than ${patienceMs / 1000} seconds.`,
    state: 'Nothing was written.',
    next: 'Try again. The file names the host and the process that holds the lock. If that machine or container no longer exists, remove the file.',
  });
}
