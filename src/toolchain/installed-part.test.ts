import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Progress } from '../model/progress.ts';
import { marked, markOf } from '../host/detached-process.ts';
import { installPart, isInstalled, type Part } from './installed-part.ts';

let cache: string;
const quiet = { progress: () => {}, signal: new AbortController().signal };

beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'cardea-part-'));
});
afterEach(() => rmSync(cache, { recursive: true, force: true }));

/** Every run of its installer adds a line to `runs`. */
function part(script: string): Part {
  const folder = join(cache, 'part-1');
  return {
    name: 'part',
    title: 'Part 1.0',
    folder,
    watch: [folder],
    commands: [['sh', '-c', `echo run >> "$1/runs"; cd "$2"; ${script}`, 'sh', cache, folder]],
  };
}

function runs(): number {
  return existsSync(join(cache, 'runs')) ? readFileSync(join(cache, 'runs'), 'utf8').split('\n').length - 1 : 0;
}

test('a part is installed once: the second time nothing is run', async () => {
  await installPart(part('echo jar > a.jar'), quiet);
  await installPart(part('echo jar > a.jar'), quiet);
  expect(isInstalled(part(''))).toBe(true);
  expect(runs()).toBe(1);
});

test('two checkouts at once install it once', async () => {
  await Promise.all([1, 2].map(() => installPart(part('echo jar > a.jar'), quiet)));
  expect(runs()).toBe(1);
});

test('what a killed install left counts for nothing and is cleared', async () => {
  mkdirSync(part('').folder);
  writeFileSync(join(part('').folder, 'half.jar'), 'ha');
  expect(isInstalled(part(''))).toBe(false);
  await installPart(part('echo jar > a.jar'), quiet);
  expect(existsSync(join(part('').folder, 'half.jar'))).toBe(false);
});

test('an installer that outlived its killed launcher is ended before its folder is used again', async () => {
  const orphan = spawn('sleep', ['60'], { env: { ...process.env, ...markOf(part('').folder) }, stdio: 'ignore' });
  const ended = once(orphan, 'exit');
  await installPart(part('echo jar > a.jar'), quiet);
  expect(await ended).toEqual([null, 'SIGTERM']);
});

test('an installer that fails leaves the part uninstalled, and its last words stand in the problem', async () => {
  const failing = installPart(part('echo half > a.jar; echo no route to host; exit 3'), quiet);
  await expect(failing).rejects.toMatchObject({
    kind: 'failed',
    code: 'install-failed',
    happened: expect.stringContaining('ended with 3'),
    details: ['no route to host'],
  });
  expect(isInstalled(part(''))).toBe(false);
});

test('progress names the part and counts the bytes that its installer has written', async () => {
  const told: Progress[] = [];
  const signal = quiet.signal;
  const waits = 'head -c 5000 /dev/zero > a.jar; while [ ! -e seen ]; do sleep 0.05; done';
  const progress = (each: Progress) => {
    told.push(each);
    if (each.done >= 5000) writeFileSync(join(part('').folder, 'seen'), '');
  };
  await installPart(part(waits), { progress, signal });
  expect(told[0]).toEqual({ done: 0, unit: 'bytes', label: 'installing Part 1.0' });
  expect(told.at(-1)?.done).toBeGreaterThanOrEqual(5000);
});

test('Ctrl-C ends also what the installer had started', async () => {
  const stop = new AbortController();
  const progress = () => {
    if (existsSync(join(part('').folder, 'begun'))) stop.abort();
  };
  const installing = installPart(part('sh -c "touch begun; sleep 60; true" & wait'), { progress, signal: stop.signal });
  await expect(installing).rejects.toThrow();
  expect(marked(part('').folder)).toEqual([]);
});

test('Ctrl-C ends the installer and leaves the part uninstalled', async () => {
  const stop = new AbortController();
  const installing = installPart(part('exec sleep 60'), { progress: () => stop.abort(), signal: stop.signal });
  await expect(installing).rejects.toThrow();
  expect(isInstalled(part(''))).toBe(false);
});
