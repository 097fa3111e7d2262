import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { transactionsOf } from './transaction.ts';
import { openTransactionLog, type LogRecord } from './transaction-log.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'transaction-log-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

const body = {
  thread: 1,
  sequence: 4,
  block: 'writer-1-0',
  operations: [{ type: 'drop-vertex' as const, key: 'account-1-1' }],
};
const submitted: LogRecord = { type: 'submitted', ...body };
const at = '2026-02-19T02:00:00.000Z';

test('what was appended is read back, also after reopening', async () => {
  const path = join(directory, 'log.jsonl');
  const first = openTransactionLog(path, { fsync: true });
  first.append(submitted);
  first.close();
  const log = openTransactionLog(path);
  log.append({ type: 'acknowledged', thread: 1, sequence: 4, at });
  log.append({ type: 'commit-time', thread: 1, sequence: 4, micros: '1795500246898867' });
  expect(await transactionsOf(log.records())).toEqual([
    { ...body, acknowledgedAt: at, commitTime: 1_795_500_246_898_867n },
  ]);
  log.close();
});

test('a transaction without an acknowledgement is in doubt, also when the writer was killed before it could say so', async () => {
  const doubtful: LogRecord = { type: 'in-doubt', thread: 1, sequence: 4, at, reason: 'timeout' };
  for (const records of [[submitted], [submitted, doubtful]]) {
    expect(await transactionsOf(records)).toMatchObject([{ sequence: 4, acknowledgedAt: undefined }]);
  }
});

test('a last line that a kill left unfinished is cut off, and the log goes on whole', async () => {
  const path = join(directory, 'log.jsonl');
  const first = openTransactionLog(path);
  first.append(submitted);
  first.close();
  const whole = readFileSync(path, 'utf8');
  appendFileSync(path, '{"type":"acknowledged","thr');
  const log = openTransactionLog(path);
  expect(readFileSync(path, 'utf8')).toBe(whole);
  log.append({ type: 'acknowledged', thread: 1, sequence: 4, at });
  expect(await transactionsOf(log.records())).toMatchObject([{ acknowledgedAt: at }]);
  log.close();
});

test('a line that somebody edited is refused with its number', async () => {
  const path = join(directory, 'log.jsonl');
  appendFileSync(path, `${JSON.stringify(submitted)}\n{"type":"acknowledged"}\n`);
  const log = openTransactionLog(path);
  await expect(transactionsOf(log.records())).rejects.toMatchObject({
    code: 'bad-log',
    message: `${path}:2 is not a line of the writer's log.`,
  });
  log.close();
});
