import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { folders } from '../../src/host/folders.ts';
import { installS3Server } from '../../src/toolchain/s3-server-build.ts';
import {
  type S3Server,
  type S3ServerSettings,
  startS3Server,
  stopS3Server,
} from '../../src/platforms/sandbox/s3-server.ts';
import { openStore } from '../../src/platforms/open-store.ts';
import { probeStore } from '../../src/runbooks/catalog/store-probe.ts';
import { createBucket } from '../../src/adapters/s3/create-bucket.ts';
import { objectStoreContract } from '../unit/object-store.contract.ts';
import { ownBucketContract } from '../unit/own-bucket.contract.ts';

let folder: string;
let settings: S3ServerSettings;
let server: S3Server;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cardea-s3-'));
  settings = {
    program: await installS3Server(folders().toolchain, {
      say: (line) => process.stderr.write(`${line}\n`),
      signal: new AbortController().signal,
    }),
    directory: join(folder, 'buckets'),
    host: '127.0.0.1',
    port: await freePort(),
    stateDirectory: join(folder, 'state'),
    bucket: 'contract',
  };
  server = await startS3Server(settings);
}, 900_000);

afterAll(async () => {
  await stopS3Server(settings.stateDirectory);
  await rm(folder, { recursive: true });
});

objectStoreContract('an S3 server', {
  locate: async () => server.location,
  buckets: 20,
  races: 40,
  kills: 4,
  stream: { bytes: 256 * 1024 * 1024, memory: 200 * 1024 * 1024 },
});

let bucketsMade = 0;
ownBucketContract('an S3 server', async () => {
  bucketsMade += 1;
  const location = { ...server.location, bucket: `own-${bucketsMade}` };
  await createBucket(location);
  return openStore(location);
});

describe('the S3 server of the sandbox', () => {
  test('passes the probe within seconds', async () => {
    const store = openStore(server.location);
    expect((await probeStore(store, systemClock)).seconds).toBeLessThan(5);
    await store.close();
  });

  test('B4: takes objects with AES-256 at rest asked for', async () => {
    const store = openStore({ ...server.location, encryption: 'AES256' });
    await store.put('encrypted/a', 'x');
    expect((await store.get('encrypted/a'))?.bytes).toBe(1);
    await store.close();
  });

  test('takes the SDK’s default checksums too', async () => {
    const store = openStore({ ...server.location, checksums: 'when-supported' });
    await store.put('checksums/a', 'x');
    expect((await store.get('checksums/a'))?.bytes).toBe(1);
    await store.close();
  });

  test('F1: its credentials lie in a file of mode 0600 and on no command line, log or message', async () => {
    const text = await readFile(server.location.credentialsFile, 'utf8');
    expect((await stat(server.location.credentialsFile)).mode & 0o777).toBe(0o600);
    const secrets = [...text.matchAll(/= (\S+)/g)].map(([, value]) => value ?? '');
    expect(secrets).toHaveLength(2);
    const command = await readFile(`/proc/${server.pid}/cmdline`, 'utf8');
    const log = await readFile(join(settings.stateDirectory, 's3-server.log'), 'utf8');
    for (const secret of secrets) {
      expect(command).not.toContain(secret);
      expect(log).not.toContain(secret);
    }
  });

  test('starting it again joins the running one, and after a stop it keeps its bucket', async () => {
    expect((await startS3Server(settings)).pid).toBe(server.pid);
    const store = openStore(server.location);
    await store.put('kept/a', 'x');
    await stopS3Server(settings.stateDirectory);
    await expect(store.get('kept/a')).rejects.toMatchObject({ kind: 'retryable', code: 'store-unreachable' });
    server = await startS3Server(settings);
    expect((await store.get('kept/a'))?.bytes).toBe(1);
    await store.close();
  });

  test('a wrong secret is denied without a word of it', async () => {
    const credentialsFile = join(folder, 'wrong');
    const right = await readFile(server.location.credentialsFile, 'utf8');
    await writeFile(credentialsFile, right.replace(/(secret_access_key = ).*/, '$1not-it'), { mode: 0o600 });
    const store = openStore({ ...server.location, credentialsFile });
    const problem = await store.put('a', 'x').catch((thrown: unknown) => thrown);
    expect(problem).toMatchObject({ kind: 'refused', code: 'store-denied' });
    expect(JSON.stringify(problem)).not.toMatch(/not-it|CARDEA[0-9A-F]{4}/);
    await store.close();
  });

  test('a bucket that does not exist is named', async () => {
    const store = openStore({ ...server.location, bucket: 'no-such-bucket' });
    const problem = { kind: 'refused', code: 'store-missing', happened: expect.stringContaining('no-such-bucket') };
    await expect(store.put('a', 'x')).rejects.toMatchObject(problem);
    await expect(store.get('a')).rejects.toMatchObject(problem);
    await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject(problem);
    await store.close();
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
