import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';

const checkout = join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(checkout, file), 'utf8');

test('the version of the program is the newest one that the changelog says is released', () => {
  const [, newest] = /^## (\d+\.\d+\.\d+)\b/m.exec(read('CHANGELOG.md')) ?? [];
  const { version } = z.object({ version: z.string() }).parse(JSON.parse(read('package.json')));
  expect(version).toBe(newest);
});

test('the lock file carries the version of the program', () => {
  const own = z.object({ version: z.string() });
  const lock = own.extend({ packages: z.object({ '': own }) }).parse(JSON.parse(read('package-lock.json')));
  const { version } = own.parse(JSON.parse(read('package.json')));
  expect([lock.version, lock.packages[''].version]).toEqual([version, version]);
});
