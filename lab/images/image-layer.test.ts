import { chmodSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { placeFiles } from './image-files.ts';
import { buildLayer, builtLayer, type ImageLayer } from './image-layer.ts';

let folder: string;
const signal = new AbortController().signal;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cardea-layer-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('the same files make the same bytes, whenever and with whatever umask they were written', async () => {
  const [early, late] = [source('early', 0o644, 1), source('late', 0o664, 1_000_000)];
  const digests = [];
  for (const [at, from] of [early, late].entries()) {
    digests.push((await buildLayer(layer(from, 'one'), { cache: join(folder, `cache-${at}`), signal })).digest);
  }
  expect(digests[0]).toMatch(/^[0-9a-f]{64}$/);
  expect(digests[1]).toBe(digests[0]);
});

test('a layer made from the same is made once, and from something else again', async () => {
  const from = source('source', 0o644, 1);
  const cache = join(folder, 'cache');
  let made = 0;
  const counted = (madeFrom: string): ImageLayer => {
    const each = layer(from, madeFrom);
    return { ...each, make: async (root, options) => ((made += 1), each.make(root, options)) };
  };
  expect(builtLayer(counted('one'), cache)).toBeUndefined();
  await buildLayer(counted('one'), { cache, signal });
  await buildLayer(counted('one'), { cache, signal });
  expect(made).toBe(1);
  await buildLayer(counted('two'), { cache, signal });
  expect(made).toBe(2);
});

test('a layer whose making failed is not there', async () => {
  const cache = join(folder, 'cache');
  const failing: ImageLayer = { ...layer('', 'one'), make: () => Promise.reject(new Error('no room')) };
  await expect(buildLayer(failing, { cache, signal })).rejects.toThrow('no room');
  expect(builtLayer(failing, cache)).toBeUndefined();
});

test('a layer that is made anew takes no other away whose name begins with its own', async () => {
  const from = source('source', 0o644, 1);
  const cache = join(folder, 'cache');
  const longer = { ...layer(from, 'one'), name: 'test-more' };
  await buildLayer(longer, { cache, signal });
  for (const each of ['one', 'two', 'three', 'four']) await buildLayer(layer(from, each), { cache, signal });
  expect(builtLayer(longer, cache)).toBeDefined();
  expect(builtLayer(layer(from, 'four'), cache)).toBeDefined();
});

function source(name: string, mode: number, time: number): string {
  const from = join(folder, name);
  mkdirSync(join(from, 'bin'), { recursive: true });
  writeFileSync(join(from, 'bin/program'), '#!/bin/sh\n');
  chmodSync(join(from, 'bin/program'), mode | 0o110);
  writeFileSync(join(from, 'text'), 'text\n');
  chmodSync(join(from, 'text'), mode);
  utimesSync(join(from, 'text'), time, time);
  return from;
}

function layer(from: string, madeFrom: string): ImageLayer {
  const make = async (root: string) => placeFiles(root, 'opt/here', from, ['bin/program', 'text']);
  return { name: 'test', title: 'a test', madeFrom: [madeFrom], make };
}
