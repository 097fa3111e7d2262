import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { problemDocument } from '../model/problem.ts';

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const launcher = join(import.meta.dirname, '../../cardea');
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cardea-cli-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function cardea(argv: readonly string[], variables: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const env = { ...process.env, CARDEA_HOME: folder, ...variables };
  return new Promise((resolve) => {
    execFile(launcher, [...argv], { cwd: folder, env }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

function problemOf(out: string) {
  return z.object({ problem: problemDocument }).parse(JSON.parse(out)).problem;
}

test('--version prints the version and --help every command, with exit code 0', async () => {
  const [version, help] = await Promise.all([cardea(['--version']), cardea(['--help'])]);
  expect(version).toMatchObject({ code: 0, err: '' });
  expect(version.out).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(help.code).toBe(0);
  expect(help.out).toContain('backup');
  expect(help.out).toContain('Exit codes:');
});

test('an unknown command is refused with exit code 2 and the one that was probably meant', async () => {
  const { code, out, err } = await cardea(['bakup', 'local']);
  expect(code).toBe(2);
  expect(out).toBe('');
  expect(err).toContain("Unknown command 'bakup'");
  expect(err).toContain('Did you mean backup?');
});

test.each([
  [['backup', 'local', '--mod', 'full'], 'Did you mean --mode?'],
  [['backup', 'local', '--mode', 'ful'], 'Allowed choices are differential, full.'],
  [['backup'], "Missing required argument 'ENV'"],
  [['points', 'local', '--limit', 'x'], 'needs a whole number'],
  [['run'], '`cardea run` needs another command after it.'],
])('%j is wrong use: exit code 2, and it says why', async (argv, says) => {
  const { code, err } = await cardea(argv);
  expect(code).toBe(2);
  expect(err).toContain(says);
  expect(err).toContain('Nothing was started.');
});

test.each([
  [['nosuch'], 'See `cardea --help`.'],
  [['--config', 'other.config.ts', 'nosuch'], 'See `cardea --help`.'],
  [['run', 'nosuch'], 'See `cardea run --help`.'],
  [['backup', 'local', '--nosuch'], 'See `cardea backup --help`.'],
])('%j names the help of the command that is there', async (argv, next) => {
  const { code, err } = await cardea(argv);
  expect(code).toBe(2);
  expect(err).toContain(next);
});

test('with --json a failure is one JSON object on standard output, also when the line itself is wrong', async () => {
  const [unknown, wrong] = await Promise.all([cardea(['points', 'lokal', '--json']), cardea(['--json', 'bakup'])]);
  expect(problemOf(unknown.out)).toMatchObject({ problem: 'usage', code: 'unknown-environment' });
  expect(problemOf(unknown.out).next).toContain('did you mean "local"?');
  expect(problemOf(wrong.out)).toMatchObject({ problem: 'usage', code: 'wrong-use' });
  expect([unknown.code, wrong.code, unknown.err, wrong.err]).toEqual([2, 2, '', '']);
});

test('a wrong configuration file is refused with exit code 2 and every mistake of it', async () => {
  const file = join(folder, 'wrong.config.ts');
  await writeFile(
    file,
    `import { defineConfig } from 'cardea';
     export default defineConfig({ name: 'X', environments: { a: { platform: { kind: 'sandbox' }, sinc: 'x' }, b: { platform: {} } } } as never);`,
  );
  const { code, err } = await cardea(['status', '--config', file]);
  expect(code).toBe(2);
  expect(err).toContain(`${file} has 3 mistakes.`);
  expect(err).toContain('- name: is "X";');
  expect(err).toContain('- environments.a.sinc: is not a known setting; did you mean "sync"?');
  expect(err).toContain('- environments.b.platform.kind: is missing; use one of sandbox, kubernetes');
});

test.each([
  ['no-such.config.ts', undefined, 'There is no configuration file'],
  ['broken.config.ts', 'export default {', 'cannot be read'],
  ['empty.config.ts', 'export const config = {};', 'it has no default export'],
])('the configuration file %s is refused with exit code 2 and the reason', async (name, content, says) => {
  const file = join(folder, name);
  if (content !== undefined) await writeFile(file, content);
  const { code, err } = await cardea(['config', '--config', file]);
  expect(code).toBe(2);
  expect(err).toContain(says);
  expect(err).toContain('Next:');
});

test('init writes a file that config accepts, from a folder that knows nothing of Cardea, and never overwrites it', async () => {
  const file = join(folder, 'first.config.ts');
  const first = await cardea(['init', '--name', 'bank', '--config', file, '--json']);
  expect(first).toMatchObject({ code: 0, err: '' });
  const config = await cardea(['config', 'local', '--config', file, '--json']);
  expect(JSON.parse(config.out)).toMatchObject({ platform: { kind: 'sandbox' }, backup: { schedule: '0 2 * * *' } });
  const second = await cardea(['init', '--name', 'bank', '--config', file]);
  expect(second.code).toBe(3);
  expect(second.err).toContain('already exists');
});

test('F1: config prints references to secrets, never what they refer to, nor what an address carries', async () => {
  const file = join(folder, 'secret.config.ts');
  await writeFile(
    file,
    `export default { name: 'bank', environments: { dev: { platform: { kind: 'sandbox' }, backup: { store: {
       kind: 's3', bucket: 'backups', endpoint: 'https://user:hunter2@store.example.com',
       accessKeyId: { env: 'S3_ID' }, secretAccessKey: { env: 'S3_SECRET' } } } } },
       notifications: { slack: { webhook: { env: 'SLACK_URL' } } } };`,
  );
  const variables = { S3_ID: 'AKIA-value', S3_SECRET: 'secret-value', SLACK_URL: 'https://hooks/secret-value' };
  const shown = await Promise.all([
    cardea(['config', '--config', file], variables),
    cardea(['config', 'dev', '--config', file, '--json'], variables),
  ]);
  for (const { code, out, err } of shown) {
    expect(code).toBe(0);
    expect(out).toContain('S3_SECRET');
    expect(out + err).not.toMatch(/AKIA-value|secret-value|hunter2/);
  }
});

test('config --schema prints a JSON Schema that knows the settings', async () => {
  const { out } = await cardea(['config', '--schema']);
  const schema = z.object({ properties: z.record(z.string(), z.unknown()) }).parse(JSON.parse(out));
  expect(Object.keys(schema.properties)).toContain('environments');
});

const bankConfig = "export default { name: 'bank', environments: { here: { platform: { kind: 'sandbox' } } } };";

test.each([
  ['restore', 'here', '--confirm', 'here'],
  ['restore', 'accept', 'restore-20260219-031500-k3f9', '--confirm', 'here'],
  ['restore', 'revert', 'restore-20260219-031500-k3f9', '--confirm', 'here'],
  ['run', 'resume', 'restore-20260219-031500-k3f9'],
  ['rehearse', 'here'],
  ['backup', 'here'],
  ['undo', 'here', '--group', 'g', '--confirm', 'here'],
  ['ship', 'here'],
])('with --json what is refused before its run ends with run, ok, status and problem: %s %s', async (...argv) => {
  const config = join(folder, 'bank.config.ts');
  await writeFile(config, bankConfig);
  const { code, out, err } = await cardea([...argv, '--json', '--config', config]);
  expect({ code, err }).toEqual({ code: 3, err: '' });
  expect(JSON.parse(out)).toEqual({
    run: null,
    ok: false,
    status: 'refused',
    problem: {
      problem: 'refused',
      code: expect.stringMatching(/^(not-up|environment-unreadable)$/) as string,
      happened: expect.any(String) as string,
      state: expect.any(String) as string,
      next: expect.stringContaining('cardea sandbox up here') as string,
    },
  });
});

test('wrong use of a command that carries out a run stays wrong use, with its problem alone', async () => {
  const { code, out } = await cardea(['restore', 'lokal', '--json']);
  expect(code).toBe(2);
  expect(Object.keys(JSON.parse(out) as object)).toEqual(['problem']);
});

test('that an environment cannot be read is no proof that it has no such run', async () => {
  const config = join(folder, 'bank.config.ts');
  await writeFile(config, bankConfig);
  const { code, err } = await cardea(['run', 'show', 'restore-20260219-031500-k3f9', '--config', config]);
  expect(code).toBe(3);
  expect(err).toContain(
    'It is not known where the run restore-20260219-031500-k3f9 is, because here could not be read',
  );
  expect(err).not.toContain('There is no run');
});
