import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { fileAuditSigner, fileAuditTrust } from './audit-key.ts';
import { systemClock } from './clock.ts';
import { systemIds } from './ids.ts';
import { systemProcesses } from './processes.ts';

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'cardea-key-'));
  onTestFinished(() => rm(path, { recursive: true }));
  return path;
}

test('a sleep ends by itself, or with the reason of its signal, before or while it lasts', async () => {
  await systemClock.sleep(1);
  const controller = new AbortController();
  const asleep = systemClock.sleep(60_000, controller.signal);
  controller.abort(new TypeError('enough'));
  await expect(asleep).rejects.toThrow('enough');
  await expect(systemClock.sleep(60_000, controller.signal)).rejects.toThrow('enough');
});

test('tokens are of the length asked for, and of lower-case letters and digits', () => {
  expect(systemIds.token(400)).toMatch(/^[a-z0-9]{400}$/);
  expect(systemIds.token(20)).not.toBe(systemIds.token(20));
});

test('a process is alive until it ended; one of another machine, or with a reused pid, is not taken for it', async () => {
  const { self, isAlive } = systemProcesses();
  expect(isAlive(self)).toBe(true);
  expect(isAlive({ ...self, started: '1' })).toBe(false);
  expect(isAlive({ ...self, machine: 'elsewhere' })).toBeUndefined();
  const child = spawn('true');
  await once(child, 'exit');
  expect(isAlive({ ...self, pid: child.pid ?? 0 })).toBe(false);
});

test('a key is made once, for its owner alone, with its public half beside it', async () => {
  const file = join(await folder(), 'keys', 'audit');
  const [first, second] = await Promise.all([fileAuditSigner(file, 'local'), fileAuditSigner(file, 'local')]);
  expect(first.keyId).toBe(second.keyId);
  expect((await fileAuditSigner(file, 'local')).keyId).toBe(first.keyId);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readFile(`${file}.pub`, 'utf8')).toBe(first.publicKey);
});

test('a key that was lost leaves its public half, which is trusted beside the new one and those of the configuration', async () => {
  const file = join(await folder(), 'audit');
  const lost = await fileAuditSigner(file, 'local');
  await rm(file);
  const next = await fileAuditSigner(file, 'local', ['operator']);
  expect(next.keyId).not.toBe(lost.keyId);
  const trim = (keys: readonly string[] = []) => keys.map((key) => key.trim());
  const expected = trim([lost.publicKey, next.publicKey, 'operator']);
  expect(trim((await next.trust())?.publicKeys)).toEqual(expected);
  expect(trim((await fileAuditTrust(join(await folder(), 'none'), 'local', ['operator']))?.publicKeys)).toEqual([
    'operator',
  ]);
});

test('the record of the last head is kept for each environment apart and never goes back', async () => {
  const file = join(await folder(), 'audit');
  const local = await fileAuditSigner(file, 'local');
  await local.recordHead({ sequence: 7, hash: 'seven' });
  await local.recordHead({ sequence: 5, hash: 'five' });
  expect(await fileAuditTrust(file, 'local')).toMatchObject({
    publicKeys: [expect.stringContaining('PUBLIC KEY')],
    head: { sequence: 7 },
  });
  expect(await fileAuditTrust(file, 'dev')).not.toHaveProperty('head');
  expect(await fileAuditTrust(join(await folder(), 'audit'), 'local')).toBeUndefined();
});

test('a key file that is no Ed25519 key is refused by name', async () => {
  const file = join(await folder(), 'audit');
  await writeFile(file, 'not a key');
  await expect(fileAuditSigner(file, 'local')).rejects.toMatchObject({
    code: 'audit-key',
    happened: expect.stringContaining(file),
  });
});
