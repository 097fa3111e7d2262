import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { folders } from '../../host/folders.ts';
import { copiesBeside } from './copies.ts';
import type { LocalEnvironment } from './local-environment.ts';
import { takeDown } from './take-down.ts';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cardea-copies-'));
  vi.stubEnv('CARDEA_HOME', join(root, 'home'));
  vi.stubEnv('XDG_STATE_HOME', join(root, 'state'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true, force: true });
});

test('the folder of a copy that was never made, because no network was free, is removed by the command that `copy-exists` names', async () => {
  const directory = join(folders().home, 'local');
  // What `prepare` makes first, and leaves where the claim of a network is refused or the process is killed.
  mkdirSync(join(directory, 'copies', 'beside'), { recursive: true });
  const copies = copiesBeside({ directory, record: { name: 'local' } } as unknown as LocalEnvironment, () => {
    throw new Error('nothing is opened');
  });
  // `copy-exists` names: cardea sandbox down local~beside --confirm local~beside
  expect(await copies.list()).toEqual(['beside']);
  await takeDown('local~beside', { keepData: false, confirmed: 'local~beside', signal: new AbortController().signal });
  expect(await copies.list()).toEqual([]);
});
