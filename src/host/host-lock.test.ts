import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { withHostLock } from './host-lock.ts';

function lockFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'cardea-lock-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, 'some.lock');
}

test('work under one lock never overlaps', async () => {
  const file = lockFile();
  let inside = 0;
  let most = 0;
  const work = async () => {
    inside += 1;
    most = Math.max(most, inside);
    await new Promise((resolve) => setImmediate(resolve));
    inside -= 1;
  };
  await Promise.all([1, 2, 3].map(() => withHostLock(file, { purpose: 'counting', withinMs: 10_000 }, work)));
  expect(most).toBe(1);
});

test('who waits too long is refused and told who holds the lock', async () => {
  const file = lockFile();
  await withHostLock(file, { purpose: 'the first', withinMs: 0 }, async () => {
    const second = withHostLock(file, { purpose: 'the second', withinMs: 0 }, async () => {});
    await expect(second).rejects.toMatchObject({
      kind: 'refused',
      code: 'busy',
      happened: expect.stringContaining(`the first (pid ${process.pid})`),
    });
  });
});

test('a failure inside frees the lock', async () => {
  const file = lockFile();
  const failing = withHostLock(file, { purpose: 'failing', withinMs: 0 }, async () => {
    throw new TypeError('broken');
  });
  await expect(failing).rejects.toThrow('broken');
  expect(await withHostLock(file, { purpose: 'next', withinMs: 0 }, async () => 'done')).toBe('done');
});

test('the lock of a killed process is free at once', async () => {
  const file = lockFile();
  const script = `
    import { withHostLock } from ${JSON.stringify(join(import.meta.dirname, 'host-lock.ts'))};
    await withHostLock(process.argv[1], { purpose: 'holding', withinMs: 0 }, () => {
      console.log('held');
      return new Promise((resolve) => setTimeout(resolve, 60_000));
    });`;
  const holder = spawn(process.execPath, ['--input-type=module', '--eval', script, file], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(holder.stdout, 'data');
  await expect(withHostLock(file, { purpose: 'too early', withinMs: 0 }, async () => {})).rejects.toThrow(/holding/);
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  expect(await withHostLock(file, { purpose: 'next', withinMs: 0 }, async () => 'done')).toBe('done');
});
