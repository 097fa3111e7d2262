import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { waitFor } from '../host/wait-for.ts';
import { problemDocument } from '../model/problem.ts';

/** Commands as processes, held where they read their configuration, then stopped, or with nobody left to read what they say. */
const launcher = join(import.meta.dirname, '../../cardea');
let folder: string;
let held: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cardea-stopped-'));
  held = join(folder, 'held.config.ts');
  writeFileSync(
    held,
    "process.stderr.write('held\\n'); await new Promise((resolve) => setTimeout(resolve, 120_000)); export default {};",
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Begun {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
  readonly ended: Promise<number | null>;
}

function begin(command: readonly [string, ...string[]]): Begun {
  const [program, ...args] = command;
  const child = spawn(program, args, {
    cwd: folder,
    env: { ...process.env, CARDEA_HOME: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (said.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said.err += chunk.toString()));
  const ended = once(child, 'close').then(([code]) => code as number | null);
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, out: () => said.out, err: () => said.err, ended };
}

async function heldAt(...args: readonly string[]): Promise<Begun> {
  const begun = begin([launcher, ...args, '--config', held]);
  await said(begun, 'held');
  return begun;
}

async function said(begun: Begun, text: string): Promise<void> {
  const seen = await waitFor(() => (begun.err().includes(text) ? true : undefined), { withinMs: 30_000 });
  expect(seen, begun.err()).toBe(true);
}

function foreseen(text: string): void {
  expect(text).not.toMatch(/unforeseen|unexpected|defect|\n\s+at |node:|AbortError/);
}

describe('a command that only reads', () => {
  test.each([
    ['SIGINT', 130, 'Ctrl-C'],
    ['SIGTERM', 143, 'SIGTERM'],
    ['SIGHUP', 129, 'terminal was closed'],
  ] as const)('ends at the first %s with %i and says that nothing was changed', async (signal, code, by) => {
    const begun = await heldAt('check', 'local');
    begun.child.kill(signal);
    expect(await begun.ended).toBe(code);
    expect(begun.out()).toBe('');
    expect(begun.err()).toContain('Stopped: `cardea check` was stopped by');
    expect(begun.err()).toContain(by);
    expect(begun.err()).toContain('nothing was changed');
    foreseen(begun.err());
  });

  test('gives a machine the same as one JSON object', async () => {
    const begun = await heldAt('runs', '--json');
    begun.child.kill('SIGINT');
    expect(await begun.ended).toBe(130);
    const { problem } = z.object({ problem: problemDocument }).parse(JSON.parse(begun.out()));
    expect(problem).toMatchObject({ code: 'interrupted', happened: '`cardea runs` was stopped by Ctrl-C.' });
  });
});

describe('a command that changes something', () => {
  test('says at the first Ctrl-C that it stops and what the second means; the second leaves at once and says what stands', async () => {
    const begun = await heldAt('backup', 'local');
    begun.child.kill('SIGINT');
    await said(begun, 'Stopping; no run has begun. Ctrl-C again leaves at once.');
    begun.child.kill('SIGINT');
    expect(await begun.ended).toBe(130);
    expect(begun.err()).toMatch(/Left at once\. .*`cardea runs` shows it.*\n$/);
    foreseen(begun.err());
  });

  test('started with nohup it outlives its terminal', async () => {
    const begun = begin(['nohup', launcher, 'backup', 'local', '--config', held]);
    await said(begun, 'held');
    begun.child.kill('SIGHUP');
    begun.child.kill('SIGTERM');
    await said(begun, 'Stopping');
    begun.child.kill('SIGTERM');
    expect(await begun.ended).toBe(143);
  });
});

describe('a reader that leaves', () => {
  const shell = (script: string) =>
    spawnSync('bash', ['-c', script], {
      cwd: folder,
      env: { ...process.env, CARDEA_HOME: folder, CARDEA: launcher, HELD: held },
      encoding: 'utf8',
    });

  test.each(['--help', 'backup --help', 'config --schema', 'init --print --json'])(
    'of `cardea %s` ends it quietly, with the exit code of its answer',
    (args) => {
      const { stdout, stderr } = shell(`"$CARDEA" ${args} | true; echo "\${PIPESTATUS[0]}"`);
      expect({ stdout, stderr }).toEqual({ stdout: '0\n', stderr: '' });
    },
  );

  test('of both outputs of wrong use changes nothing of its exit code', () => {
    expect(shell('"$CARDEA" bogus 2>&1 | true; echo "${PIPESTATUS[0]}"').stdout).toBe('2\n');
  });
});

describe('a disk that is full', () => {
  test.each([['--help'], ['config', '--schema'], ['init', '--print', '--json']])(
    'behind the result of %s is said, and the exit code is 1',
    async (...args) => {
      const begun = begin(['sh', '-c', 'exec "$@" > /dev/full', 'sh', launcher, ...args]);
      expect(await begun.ended).toBe(1);
      expect(begun.err()).toContain('could not be written to standard output');
      expect(begun.err()).toContain('no space left on device');
      expect(begun.err()).toContain('Next:');
      expect(begun.err()).not.toMatch(/\n\s+at |unforeseen/);
    },
  );

  test('behind what is said on the way does not stop a command', async () => {
    const begun = begin(['sh', '-c', 'exec "$@" 2> /dev/full', 'sh', launcher, 'bogus']);
    expect(await begun.ended).toBe(2);
  });
});
