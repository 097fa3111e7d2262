import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { identityOf, isRunning, parseLocalProcess, runningProcess } from './local-process.ts';

function own() {
  const identity = identityOf(process.pid);
  if (identity === undefined) throw new TypeError('this process is not in /proc');
  return identity;
}

test('this process runs', () => {
  expect(isRunning(own())).toBe(true);
});

test('a pid that was given to another process since is not that process', () => {
  expect(isRunning({ ...own(), startTicks: '1' })).toBe(false);
});

test('a process of an earlier boot does not run', () => {
  expect(isRunning({ ...own(), bootId: '00000000-0000-0000-0000-000000000000' })).toBe(false);
});

test('a pid file that is absent, empty, torn or holds a bare pid names no process', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cardea-pid-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  expect(runningProcess(join(folder, 'absent.pid'))).toBeUndefined();
  for (const content of ['', '\n\n', `${process.pid}\n`, `${process.pid}\n12`, 'x\n1\nboot\n', '-1\n1\nboot\n']) {
    writeFileSync(join(folder, 'some.pid'), content);
    expect(runningProcess(join(folder, 'some.pid')), JSON.stringify(content)).toBeUndefined();
  }
});

test('what a server writes of itself is read back', () => {
  const { pid, startTicks, bootId } = own();
  expect(parseLocalProcess(`${pid}\n${startTicks}\n${bootId}\n`)).toEqual({ pid, startTicks, bootId });
});
