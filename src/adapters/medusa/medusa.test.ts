import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { bucketIdentityKey } from '../../model/bucket-identity.ts';
import { type AgentConfig, agentConfig } from '../../model/agent-config.ts';
import type { NodeFiles } from '../../ports/node-files.ts';
import { DirectoryStore } from '../directory/directory-store.ts';
import { medusaIni } from './medusa-ini.ts';
import { readManifest } from './medusa-layout.ts';
import { openMedusa } from './medusa.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cardea-medusa-'));
});

afterEach(async () => rm(directory, { recursive: true, force: true }));

function configWith(over: { store?: AgentConfig['store']; bandwidth?: number } = {}): AgentConfig {
  return agentConfig.parse({
    node: 'node-1',
    environment: 'test',
    listen: { host: '127.0.0.1', port: 0 },
    tokenFile: 'token',
    stateDirectory: directory,
    cassandra: {
      yaml: '/etc/cassandra.yaml',
      dataDirectories: ['data'],
      commitlogDirectory: 'commitlog',
      hintsDirectory: 'hints',
      savedCachesDirectory: 'saved_caches',
      asideDirectory: 'aside',
      cqlAddress: '127.0.0.1',
      cqlPort: 1,
      nodetool: ['nodetool'],
      pidFile: 'pid',
      lockFile: 'lock',
    },
    medusa: {
      executable: join(directory, 'medusa'),
      nodetoolDirectory: join(directory, 'bin'),
      bandwidth: over.bandwidth ?? 0,
    },
    store: over.store ?? { kind: 'directory', path: join(directory, 'bucket') },
  });
}

const s3 = {
  kind: 's3',
  bucket: 'backups',
  region: 'eu-west-3',
  credentialsFile: '/secrets/s3',
  encryption: 'AES256',
  checksums: 'when-required',
} as const;

function settingsOf(ini: string, section: string): Record<string, string> {
  const body = ini.split(`[${section}]\n`)[1]?.split('\n[')[0] ?? '';
  return Object.fromEntries(
    body
      .trim()
      .split('\n')
      .map((line) => line.split(' = ').map((part) => part.trim()))
      .map(([key = '', value = '']) => [key.replace(/ =$/, ''), value]),
  );
}

describe("Medusa's configuration", () => {
  test('a directory store is one bucket with the prefix medusa', () => {
    expect(settingsOf(medusaIni(configWith()), 'storage')).toMatchObject({
      storage_provider: 'local',
      base_path: directory,
      bucket_name: 'bucket',
      prefix: 'medusa',
      fqdn: 'node-1',
    });
  });

  test.each([
    ['https://minio.example:9000', { host: 'minio.example', port: '9000', secure: 'True', ssl_verify: 'True' }],
    ['https://minio.example', { host: 'minio.example', port: '443', secure: 'True', ssl_verify: 'True' }],
    ['http://127.0.0.1:7070', { host: '127.0.0.1', port: '7070', secure: 'False', ssl_verify: 'False' }],
  ])('B4: an endpoint %s is spoken to as its scheme says, certificates verified', (endpoint, expected) => {
    const settings = settingsOf(medusaIni(configWith({ store: { ...s3, endpoint } })), 'storage');
    expect(settings).toMatchObject({ storage_provider: 's3_compatible', key_file: '/secrets/s3', ...expected });
  });

  test('AWS itself needs no endpoint', () => {
    const settings = settingsOf(medusaIni(configWith({ store: s3 })), 'storage');
    expect(settings).toMatchObject({ storage_provider: 's3', region: 'eu-west-3', bucket_name: 'backups' });
    expect(settings).not.toHaveProperty('host');
  });

  test('there is no bandwidth limit unless one is asked for', () => {
    expect(medusaIni(configWith())).toMatch(/^transfer_max_bandwidth = $/m);
    expect(medusaIni(configWith({ bandwidth: 25 }))).toMatch(/^transfer_max_bandwidth = 25MB\/s$/m);
  });
});

describe("Medusa's manifest", () => {
  const section = { keyspace: 'bank', columnfamily: 'edges-01' };

  test('files keep their folder below the table, of differential and full backups', () => {
    const objects = [
      { path: 'medusa/node-1/data/bank/edges-01/nb-1-big-Data.db', size: 3, MD5: 'x' },
      { path: 'medusa/node-1/b/data/bank/edges-01/.edges_index/nb-1-big-Data.db', size: 4, MD5: 'x' },
    ];
    const contents = readManifest(Buffer.from(JSON.stringify([{ ...section, objects }])), 'm');
    expect(contents.tables).toEqual([{ keyspace: 'bank', table: 'edges-01' }]);
    expect(contents.files.map(({ path, key, bytes }) => [path, key, bytes])).toEqual([
      ['nb-1-big-Data.db', objects[0]?.path, 3],
      ['.edges_index/nb-1-big-Data.db', objects[1]?.path, 4],
    ]);
  });

  test('text that is not UTF-8 is refused by name, because Medusa fails on it and does not say where', () => {
    const body = Buffer.from(JSON.stringify([{ ...section, objects: [] }]));
    body[4] = (body[4] ?? 0) ^ 0x80;
    const happened: unknown = expect.stringContaining('manifest.json cannot be used: it is not UTF-8');
    expect(() => readManifest(body, 'manifest.json')).toThrow(
      expect.objectContaining({ code: 'bad-manifest', happened }),
    );
  });

  test.each([
    ['no JSON', 'torn'],
    ['another shape', '{"keyspace":1}'],
    [
      'a file of another table',
      JSON.stringify([{ ...section, objects: [{ path: 'medusa/node-1/data/a/b/c', size: 1 }] }]),
    ],
  ])('%s is refused as bad-manifest', (_what, text) => {
    expect(() => readManifest(Buffer.from(text), 'm')).toThrow(expect.objectContaining({ code: 'bad-manifest' }));
  });
});

describe('running Medusa', () => {
  async function medusaThat(script: string, sync: NodeFiles['sync'] = async () => {}) {
    const config = configWith();
    await writeFile(config.medusa.executable, `#!/bin/sh\n${script}\n`);
    await chmod(config.medusa.executable, 0o755);
    await mkdir(join(directory, 'bucket', 'medusa', 'node-1'), { recursive: true });
    const bucket = new DirectoryStore(join(directory, 'bucket'));
    return openMedusa(config, { bucket, files: { sync }, folder: join(directory, 'medusa-state') });
  }
  const signal = new AbortController().signal;

  test('the backup is named by an argument array, with our nodetool first in PATH and none of our environment', async () => {
    process.env.CARDEA_TEST_SECRET = 'do not pass on';
    const tool = await medusaThat(`printf '%s\\n' "$@" > ${directory}/args; env > ${directory}/env`);
    await tool.upload('backup-20260219-020000', 'full', { signal, onTable: () => {} });
    delete process.env.CARDEA_TEST_SECRET;
    expect((await readFile(join(directory, 'args'), 'utf8')).trim().split('\n')).toEqual([
      '--config-file',
      join(directory, 'medusa-state', 'medusa.ini'),
      'backup',
      '--backup-name',
      'backup-20260219-020000',
      '--mode',
      'full',
      '--use-existing-snapshot',
      '--keep-snapshot',
    ]);
    const environment = await readFile(join(directory, 'env'), 'utf8');
    expect(environment).toContain(`PATH=${join(directory, 'bin')}:`);
    expect(environment).not.toContain('do not pass on');
  });

  test('each table is told as Medusa begins it', async () => {
    const tool = await medusaThat(
      'echo "[2026] INFO: Backing up bank.edges-01" >&2; echo "[2026] INFO: Backing up bank.nodes-02"',
    );
    const tables: string[] = [];
    await tool.upload('b', 'full', { signal, onTable: (keyspace, table) => void tables.push(`${keyspace} ${table}`) });
    expect(tables.toSorted()).toEqual(['bank edges-01', 'bank nodes-02']);
  });

  test('B3: what it wrote is on the disk at its end, its index too; a table while it goes on with the next', async () => {
    const done = join(directory, 'bucket/medusa/node-1/b/data/bank/edges-01');
    const asked: string[] = [];
    const tool = await medusaThat(
      `echo "INFO: Backing up bank.edges-01"; echo "INFO: Backing up bank.nodes-02"; until [ -e ${directory}/synced ]; do sleep 0.02; done`,
      async (path, top) => {
        asked.push(`${join(path, '.')} ${top ?? ''}`.trim());
        if (path.includes('edges-01')) await writeFile(join(directory, 'synced'), '');
      },
    );
    await tool.upload('b', 'full', { signal, onTable: () => {} });
    const bucket = join(directory, 'bucket');
    expect(asked).toEqual([
      join(done, '.'),
      ...['node-1', 'index/backup_index/b', 'index/latest_backup/node-1'].map(
        (folder) => `${join(bucket, 'medusa', folder)} ${bucket}`,
      ),
    ]);
  });

  test('a disk that failed to write a table fails the upload, although Medusa ended well', async () => {
    let first = true;
    const tool = await medusaThat(
      'echo "INFO: Backing up bank.edges-01"; echo "INFO: Backing up bank.nodes-02"',
      async () => {
        if (!first) return;
        first = false;
        throw new TypeError('EIO: as injected');
      },
    );
    await expect(tool.upload('b', 'full', { signal, onTable: () => {} })).rejects.toThrow('EIO');
  });

  test('a failure is told with the end of its log', async () => {
    const tool = await medusaThat('echo "[2026] ERROR: the bucket is on fire" >&2; exit 1');
    await expect(tool.upload('b', 'full', { signal, onTable: () => {} })).rejects.toMatchObject({
      code: 'medusa-failed',
      happened: "Medusa's backup failed (1): [2026] ERROR: the bucket is on fire",
      details: ['[2026] ERROR: the bucket is on fire'],
    });
  });

  test('a file that a download does not find is gone when the store is there without it, and else the store is away', async () => {
    const bucket = new DirectoryStore(join(directory, 'bucket'));
    const file = 'medusa/n1/data/bank/t/nb-1-big-Data.db';
    const tool = await medusaThat(
      `echo "FileNotFoundError: [Errno 2] No such file or directory: '${directory}/bucket/${file}'" >&2; exit 1`,
    );
    const download = async () => tool.download('n1', 'b', { destination: join(directory, 'to'), signal });
    await expect(download()).rejects.toMatchObject({ kind: 'retryable', code: 'medusa-store-unreachable' });
    await bucket.put(bucketIdentityKey, '{}');
    await expect(download()).rejects.toMatchObject({
      kind: 'failed',
      code: 'medusa-backup-missing',
      happened: expect.stringContaining(file),
    });
    await bucket.put(file, 'there again');
    await expect(download()).rejects.toMatchObject({ kind: 'retryable', code: 'medusa-store-unreachable' });
  });

  test('a Medusa that is not installed is told by name', async () => {
    const config = configWith();
    const bucket = new DirectoryStore(join(directory, 'bucket'));
    const tool = await openMedusa(config, {
      bucket,
      files: { sync: async () => {} },
      folder: join(directory, 'state'),
    });
    await expect(tool.upload('b', 'full', { signal, onTable: () => {} })).rejects.toMatchObject({
      code: 'medusa-failed',
    });
  });

  test('the signal ends the process, and its reason is thrown', async () => {
    const tool = await medusaThat(`echo $$ > ${directory}/pid; exec sleep 60`);
    const abort = new AbortController();
    const upload = tool.upload('b', 'full', { signal: abort.signal, onTable: () => {} });
    const pid = await vi.waitFor(async () => Number(await readFile(join(directory, 'pid'), 'utf8')), { timeout: 5000 });
    abort.abort(new DOMException('superseded', 'AbortError'));
    await expect(upload).rejects.toThrow('superseded');
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });

  test('what a killed agent left running is ended before anything else runs', async () => {
    const tool = await medusaThat(`echo $$ > ${directory}/pid; exec sleep 60`);
    const abandoned = tool.upload('b', 'full', { signal, onTable: () => {} }).catch((thrown: unknown) => thrown);
    const pid = await vi.waitFor(async () => Number(await readFile(join(directory, 'pid'), 'utf8')), { timeout: 5000 });
    await vi.waitFor(async () => readFile(join(directory, 'medusa-state', 'running.json'), 'utf8'));
    const next = await medusaThat('exit 0');
    await next.endLeftOver();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    expect(await abandoned).toMatchObject({ code: 'medusa-failed' });
  });

  test('a backup that the index does not hold is not asked to be deleted', async () => {
    const tool = await medusaThat(`touch ${directory}/called`);
    expect(await tool.remove('b', { keepFiles: false, signal })).toBe(false);
    await expect(readFile(join(directory, 'called'))).rejects.toThrow('ENOENT');
  });
});
