import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { objectStoreContract } from './object-store.contract.ts';

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

objectStoreContract('a directory', {
  locate: async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cardea-store-'));
    folders.push(folder);
    return { kind: 'directory', path: join(folder, 'bucket') };
  },
  buckets: 100,
  races: 60,
  kills: 10,
  stream: { bytes: 256 * 1024 * 1024, memory: 128 * 1024 * 1024 },
});
