import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openNodeFiles } from '../../adapters/node-files/node-files.ts';
import { pointId } from '../../model/identifiers.ts';
import { watchDownload } from './download-progress.ts';

const inventory = {
  point: pointId.parse('backup-20260219-020000'),
  node: 'node-1',
  tables: [
    {
      keyspace: 'bank',
      table: 'edges-01',
      files: [
        { path: 'nb-1-big-Data.db', bytes: 5, sha256: '' },
        { path: 'nb-2-big-Data.db', bytes: 5, sha256: '' },
      ],
    },
  ],
};
let folder: string;
const table = () => join(folder, 'bank/edges-01');

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cardea-download-'));
  await mkdir(table(), { recursive: true });
});
afterEach(() => rm(folder, { recursive: true }));

test('a file is brought onto the disk once it is whole, and once only, while the download goes on', async () => {
  const synced: string[] = [];
  const told: number[] = [];
  const { walk } = openNodeFiles(join(folder, 'hashes.json'));
  const files = { walk, sync: async (path: string) => void synced.push(path) };
  await writeFile(join(table(), 'nb-1-big-Data.db'), 'whole');
  await writeFile(join(table(), 'nb-2-big-Data.db'), 'ha');
  const watch = watchDownload(files, folder, inventory, (bytes) => void told.push(bytes));
  await vi.waitFor(() => expect(told.length).toBeGreaterThan(1), { timeout: 10_000, interval: 20 });
  await writeFile(join(table(), 'nb-2-big-Data.db'), 'whole');
  await vi.waitFor(() => expect(synced).toHaveLength(2), { timeout: 10_000, interval: 20 });
  await watch.stop();
  expect(told.slice(0, 2)).toEqual([7, 7]);
  expect(synced).toEqual([join(table(), 'nb-1-big-Data.db'), join(table(), 'nb-2-big-Data.db')]);
});

test('a disk that fails to write a file is told in the end', async () => {
  const { walk } = openNodeFiles(join(folder, 'hashes.json'));
  const sync = vi.fn(async () => {
    throw new TypeError('EIO: as injected');
  });
  await writeFile(join(table(), 'nb-1-big-Data.db'), 'whole');
  const watch = watchDownload({ walk, sync }, folder, inventory, () => {});
  await vi.waitFor(() => expect(sync).toHaveBeenCalled(), { timeout: 10_000, interval: 20 });
  await expect(watch.stop()).rejects.toThrow('EIO');
});
