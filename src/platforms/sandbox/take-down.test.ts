import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { marked, startDetached } from '../../host/detached-process.ts';
import { folders } from '../../host/folders.ts';
import { waitFor } from '../../host/wait-for.ts';
import { claimNetwork, readClaims } from '../../host/loopback.ts';
import { takeDown } from './take-down.ts';

let root: string;
const options = { keepData: false, confirmed: 'local', signal: new AbortController().signal };

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cardea-down-'));
  vi.stubEnv('CARDEA_HOME', join(root, 'home'));
  vi.stubEnv('XDG_STATE_HOME', join(root, 'state'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true, force: true });
});

test('what a killed up left is taken down whole: processes, folders, the claims of it and of its copies', async () => {
  const { home, loopback } = folders();
  const directory = join(home, 'local');
  const copy = join(directory, 'copies', 'rehearsal-abcd');
  mkdirSync(copy, { recursive: true });
  for (const owner of [directory, copy]) {
    await claimNetwork(loopback, owner, async () => true);
    const files = { pidFile: join(owner, 'some.pid'), logFile: join(owner, 'some.log') };
    await startDetached({
      title: 'a server',
      command: ['sleep', '60'],
      directory: owner,
      variables: {},
      owner,
      ...files,
    });
  }
  // What launched a process carries its mark, too, until it has ended.
  await waitFor(() => (marked(directory).length === 2 ? true : undefined), { withinMs: 5000 });
  expect(await takeDown('local', options)).toEqual({ existed: true });
  expect(marked(directory)).toEqual([]);
  expect(existsSync(directory)).toBe(false);
  expect(readClaims(loopback)).toEqual([]);
  expect(await takeDown('local', options)).toEqual({ existed: false });
});

test('a folder of the home that is no environment is left alone', async () => {
  const reports = join(folders().home, 'reports');
  mkdirSync(reports, { recursive: true });
  writeFileSync(join(reports, 'drill.html'), 'kept');
  expect(await takeDown('reports', options)).toEqual({ existed: false });
  expect(existsSync(join(reports, 'drill.html'))).toBe(true);
});

test.each(['../reports', '/tmp', '.', '', '.locks'])('"%s" names no environment and is refused', async (name) => {
  await expect(takeDown(name, options)).rejects.toMatchObject({ kind: 'usage', code: 'bad-name' });
});

test('data goes only when the name is confirmed, of a copy its own full name; to stop needs no confirmation', async () => {
  const directory = join(folders().home, 'local');
  const copy = join(directory, 'copies', 'look');
  mkdirSync(copy, { recursive: true });
  for (const owner of [directory, copy]) writeFileSync(join(owner, 'environment.json'), '{}');
  for (const [name, confirmed] of [
    ['local', undefined],
    ['local', 'prod'],
    ['local~look', 'look'],
    ['local~look', 'local'],
  ] as const) {
    await expect(takeDown(name, { ...options, confirmed })).rejects.toMatchObject({
      kind: 'refused',
      code: 'not-confirmed',
      next: expect.stringContaining(`cardea sandbox down ${name} --confirm ${name}.`),
    });
  }
  expect(existsSync(copy)).toBe(true);
  await takeDown('local~look', { ...options, confirmed: 'local~look' });
  expect(existsSync(copy)).toBe(false);
  expect(existsSync(directory)).toBe(true);
});
