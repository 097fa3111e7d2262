import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { configSchema, type ConfigInput } from '../../model/config.ts';
import { environmentName } from '../../model/identifiers.ts';
import { chooseStore } from './store-choice.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cardea-store-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

type BackupInput = ConfigInput['environments'][string]['backup'];

function choose(backup: BackupInput, wanted?: 'directory' | 's3') {
  const name = environmentName.parse('local');
  const parsed = configSchema.parse({ name: 'x', environments: { local: { platform: { kind: 'sandbox' }, backup } } });
  const config = parsed.environments[name];
  if (config === undefined) throw new TypeError('the configuration lost its environment');
  return chooseStore({ name: 'local', directory, network: '127.70.1' }, config, wanted);
}

const s3 = (keys: { accessKeyId?: object; secretAccessKey?: object }) =>
  ({ store: { kind: 's3', bucket: 'backups', endpoint: 'http://127.0.0.1:9', ...keys } }) as BackupInput;

test('without a word the bucket is a folder of the environment', () => {
  expect(choose({})).toEqual({ location: { kind: 'directory', path: join(directory, 'bucket') }, ownServer: false });
});

test("--store s3 is a server on the environment's own network, whatever the configuration says", () => {
  expect(choose({ store: { kind: 'directory', path: '/elsewhere' } }, 's3')).toMatchObject({
    ownServer: true,
    location: { kind: 's3', bucket: 'cardea-local', endpoint: 'http://127.70.1.202:7070' },
  });
});

test('F1: credentials of a configured S3 store go into a file that only its owner reads, and nowhere else', () => {
  process.env['CARDEA_TEST_KEY'] = 'the-key';
  const choice = choose(s3({ accessKeyId: { env: 'CARDEA_TEST_KEY' }, secretAccessKey: { env: 'CARDEA_TEST_KEY' } }));
  delete process.env['CARDEA_TEST_KEY'];
  if (choice.location.kind !== 's3') throw new TypeError('the store is not S3');
  expect(statSync(choice.location.credentialsFile).mode & 0o777).toBe(0o600);
  expect(readFileSync(choice.location.credentialsFile, 'utf8')).toContain('aws_secret_access_key = the-key\n');
  expect(JSON.stringify(choice)).not.toContain('the-key');
});

test.each([
  ['names none', {}],
  ['Kubernetes secret', { accessKeyId: { secret: 'a', key: 'b' } }],
  ['is not set', { accessKeyId: { env: 'CARDEA_NOT_SET' } }],
  ['cannot be read', { accessKeyId: { file: '/nowhere/key' } }],
])('credentials that cannot be had here are refused with the reason: %s', (reason, keys) => {
  expect(() => choose(s3(keys))).toThrow(
    expect.objectContaining({ kind: 'usage', happened: expect.stringContaining(reason) }),
  );
});
