import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { waitFor } from './wait-for.ts';
import { type DetachedProcess, endMarked, marked, startDetached, stopDetached } from './detached-process.ts';
import { identityOf, isRunning, runningProcess } from './local-process.ts';

let owner: string;

beforeEach(() => {
  owner = mkdtempSync(join(tmpdir(), 'cardea-process-'));
});
afterEach(async () => {
  await endMarked(owner, 0);
  rmSync(owner, { recursive: true, force: true });
});

function server(command: DetachedProcess['command']): DetachedProcess {
  return {
    title: 'a server',
    command,
    directory: owner,
    variables: { GREETING: 'hello' },
    pidFile: join(owner, 'server.pid'),
    logFile: join(owner, 'logs', 'server.log'),
    owner,
  };
}

test('a server is started once, however often it is asked for', async () => {
  const first = await startDetached(server(['sleep', '60']));
  expect(await startDetached(server(['sleep', '60']))).toEqual(first);
  // What launched it carries the mark, too, until it has ended.
  await waitFor(() => (marked(owner).length === 1 ? true : undefined), { withinMs: 5000 });
  expect(marked(owner)).toEqual([first]);
});

test('two launchers at the same time leave one server', async () => {
  const started = await Promise.allSettled([
    startDetached(server(['sleep', '60'])),
    startDetached(server(['sleep', '60'])),
  ]);
  expect(started.map((each) => each.status)).toEqual(['fulfilled', 'fulfilled']);
  await waitFor(() => (marked(owner).length === 1 ? true : undefined), { withinMs: 5000 });
  expect(marked(owner)).toEqual([runningProcess(join(owner, 'server.pid'))]);
});

test('a server that heeds SIGTERM is not killed, one that does not is', async () => {
  await startDetached(server(['sleep', '60']));
  expect(await stopDetached(join(owner, 'server.pid'), 5000)).toBe(false);
  const deaf = await startDetached(server(['sh', '-c', 'trap "" TERM; echo deaf; while :; do sleep 60; done']));
  const log = join(owner, 'logs', 'server.log');
  await waitFor(() => (readFileSync(log, 'utf8').includes('deaf') ? true : undefined), { withinMs: 5000 });
  expect(await stopDetached(join(owner, 'server.pid'), 200)).toBe(true);
  expect(isRunning(deaf)).toBe(false);
  expect(existsSync(join(owner, 'server.pid'))).toBe(false);
});

test('a pid that belongs to somebody else by now is never signalled', async () => {
  const self = identityOf(process.pid);
  writeFileSync(join(owner, 'server.pid'), `${process.pid}\n1\n${self?.bootId ?? ''}\n`);
  expect(await stopDetached(join(owner, 'server.pid'), 0)).toBe(false);
  expect(identityOf(process.pid)).toEqual(self);
});

test('ending what is marked reaches children whose parent is gone, and nothing of other environments', async () => {
  const other = mkdtempSync(join(tmpdir(), 'cardea-process-'));
  const bystander = await startDetached({
    ...server(['sleep', '60']),
    owner: other,
    pidFile: join(other, 'server.pid'),
  });
  const parent = await startDetached(server(['sh', '-c', 'sleep 60 & sleep 61']));
  await waitFor(() => (marked(owner).length === 3 ? true : undefined), { withinMs: 5000 });
  process.kill(parent.pid, 'SIGKILL');
  await waitFor(() => (isRunning(parent) ? undefined : true), { withinMs: 5000 });
  expect(await endMarked(owner, 2000)).toBe(2);
  expect(marked(owner)).toEqual([]);
  expect(isRunning(bystander)).toBe(true);
  await endMarked(other, 2000);
  rmSync(other, { recursive: true });
});

test('a server gets its own variables and none of the secrets in the environment of who started it', async () => {
  process.env['SOME_SECRET'] = 'abc';
  await startDetached(server(['sh', '-c', 'echo "<$GREETING> <$SOME_SECRET>"; sleep 60']));
  delete process.env['SOME_SECRET'];
  const log = join(owner, 'logs', 'server.log');
  await waitFor(() => (readFileSync(log, 'utf8').includes('>') ? true : undefined), { withinMs: 5000 });
  expect(readFileSync(log, 'utf8')).toBe('<hello> <>\n');
});
