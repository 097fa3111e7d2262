import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert, property, string } from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { candidates, claimNetwork, readClaims, releaseNetwork } from './loopback.ts';

let root: string;
let claims: string;
const free = async () => true;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cardea-loopback-'));
  claims = join(root, 'claims');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function environment(name: string): string {
  const directory = join(root, name);
  mkdirSync(directory);
  return directory;
}

test('an environment keeps its network, and another one gets another', async () => {
  const [one, two] = [environment('one'), environment('two')];
  const first = await claimNetwork(claims, one, free);
  expect(await claimNetwork(claims, one, free)).toBe(first);
  expect(await claimNetwork(claims, two, free)).not.toBe(first);
});

test('environments that claim at the same time get networks of their own', async () => {
  const all = ['a', 'b', 'c', 'd', 'e'].map(environment);
  const networks = await Promise.all(all.map((directory) => claimNetwork(claims, directory, free)));
  expect(new Set(networks).size).toBe(all.length);
});

test('the claim of an environment whose folder is gone is given to the next who wants it', async () => {
  const gone = environment('gone');
  const network = await claimNetwork(claims, gone, free);
  rmSync(gone, { recursive: true });
  await claimNetwork(claims, environment('next'), async (candidate) => candidate === network);
  expect(readClaims(claims)).toEqual([{ network, directory: join(root, 'next') }]);
});

test('a network on which somebody listens who claimed nothing is passed over', async () => {
  const directory = environment('careful');
  const [first = '', second = ''] = candidates(directory).take(2);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen({ host: `${first}.1`, port: 9042 }, resolve));
  try {
    expect(await claimNetwork(claims, directory)).toBe(second);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});

test('a released network leaves no claim, and releasing again is no error', async () => {
  const directory = environment('short');
  await claimNetwork(claims, directory, free);
  releaseNetwork(claims, directory);
  releaseNetwork(claims, directory);
  expect(readClaims(claims)).toEqual([]);
});

test('when every network is taken the claim is refused and says where the claims are', async () => {
  const refused = claimNetwork(claims, environment('late'), async () => false);
  await expect(refused).rejects.toMatchObject({ kind: 'refused', code: 'no-loopback' });
});

test('every candidate is a distinct loopback network above those that people use by hand', () => {
  assert(
    property(string(), (directory) => {
      const all = [...candidates(directory)];
      expect(new Set(all).size).toBe(63 * 256);
      expect(all.every((network) => /^127\.(6[4-9]|[7-9]\d|1[01]\d|12[0-6])\.\d{1,3}$/.test(network))).toBe(true);
    }),
    { numRuns: 3 },
  );
});
