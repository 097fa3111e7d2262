import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { rememberSecret } from '../../model/secrets.ts';
import { openJsonLog } from './json-log.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cardea-log-'));
});
afterEach(async () => rm(folder, { recursive: true }));

test('each event is a line of JSON with its time and fields', async () => {
  const file = join(folder, 'state', 'agent.log');
  const log = openJsonLog(file);
  log.write('one', { at: 'given', list: [1, 'two'] });
  log.write('two');
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { event: 'one', list: [1, 'two'] },
    { event: 'two' },
  ]);
});

test('F1: a secret that this process has read gets into no line, however deep it lies and however it must be written', async () => {
  const file = join(folder, 'agent.log');
  rememberSecret('planted "key" of the store');
  openJsonLog(file).write('odd', { problem: { details: ['with planted "key" of the store inside'] } });
  expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ problem: { details: ['with (secret) inside'] } });
});
