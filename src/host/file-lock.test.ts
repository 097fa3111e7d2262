import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { holdingLock, lockConflict, takeLock } from './file-lock.ts';
import { startTicksOf } from './local-process.ts';
import { waitFor } from './wait-for.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cardea-lock-'));
});

afterEach(async () => rm(directory, { recursive: true, force: true }));

/** Runs the command with the lock; its pid, once it holds it. */
async function holder(file: string) {
  const [program, ...args] = holdingLock(file, ['sleep', '60']);
  const child = spawn(program, args, { stdio: 'ignore' });
  const ended = once(child, 'exit');
  const pid = child.pid ?? 0;
  await waitFor(async () => ((await readFile(`/proc/${pid}/cmdline`, 'utf8')).startsWith('sleep') ? true : undefined), {
    withinMs: 10_000,
    everyMs: 10,
  });
  return { child, ended, pid };
}

test('a lock is held by the process itself from its start, and is free when the process was killed', async () => {
  const file = join(directory, 'lock');
  expect(await takeLock(file, { make: false })).toBe('none');
  const { child, ended, pid } = await holder(file);
  expect(startTicksOf(pid)).toBeDefined();
  expect(await takeLock(file, { make: false })).toBe('taken');
  child.kill('SIGKILL');
  await ended;
  const ours = await takeLock(file, { make: false });
  if (typeof ours === 'string') throw new Error(ours);
  await ours.release();
});

test('while we hold the lock, a command that needs it ends at once and says so by its exit code', async () => {
  const file = join(directory, 'lock');
  const ours = await takeLock(file, { make: true });
  if (typeof ours === 'string') throw new Error(ours);
  const [program, ...args] = holdingLock(file, ['sleep', '60']);
  expect(await once(spawn(program, args, { stdio: 'ignore' }), 'exit')).toEqual([lockConflict, null]);
  // Not even a second attempt of the same process gets it.
  expect(await takeLock(file, { make: false })).toBe('taken');
  await ours.release();
  const { child, ended } = await holder(file);
  child.kill();
  await ended;
});

test('a lock file that cannot be opened is no free lock', async () => {
  await expect(takeLock(join(directory, 'none', 'lock'), { make: true })).rejects.toMatchObject({
    code: 'lock-unusable',
  });
});
