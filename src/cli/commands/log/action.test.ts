import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { coreGolden } from '../../../../test/support/core-golden.ts';
import { log } from './declaration.ts';
import { action } from './action.ts';

const { segments, schema, expected } = coreGolden('plain');

function files(): { readonly folder: string; readonly names: readonly string[]; readonly schema: string } {
  const folder = mkdtempSync(join(tmpdir(), 'cardea-log-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const names = [...segments].map(([name, bytes]) => {
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  });
  const tables = join(folder, 'schema.json');
  writeFileSync(tables, JSON.stringify({ schemaVersion: 'v', tables: [...schema.values()] }));
  return { folder, names, schema: tables };
}

async function logOf(input: { readonly files: readonly string[]; readonly schema?: string }, json = false) {
  const lines: string[] = [];
  const output = { line: (line: string) => void lines.push(line) };
  const context = { output, flags: { json }, signal: new AbortController().signal };
  const outcome = await action(context as never, { schema: undefined, ...input });
  return { lines, outcome };
}

test('each update is a line of JSON, in the order of the log, and nothing comes after them', async () => {
  const { names, schema: tables } = files();
  const { lines, outcome } = await logOf({ files: names, schema: tables }, true);
  const told = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const all = [...expected.values()].flat();
  expect(told).toHaveLength(all.reduce((sum, { updates }) => sum + updates.length, 0));
  expect([...new Set(told.map(({ end }) => end))]).toEqual(all.map(({ entryEnd }) => entryEnd));
  expect(told.find(({ keyspace, table }) => keyspace === 'janusgraph' && table === 'edgestore')).toMatchObject({
    segment: expect.stringMatching(/^CommitLog-100-\d+\.log$/),
    offset: expect.any(Number),
    tableId: expect.any(String),
    key: expect.stringMatching(/^[0-9a-f]+$/),
    operations: expect.arrayContaining([expect.objectContaining({ kind: 'cell', at: expect.any(String) })]),
  });
  expect(outcome.written).toBe(true);
});

test('for people it tells the header, what it holds, and each table', async () => {
  const { names, schema: tables } = files();
  const { outcome } = await logOf({ files: names, schema: tables });
  expect(outcome.text).toContain('version 100 (the core of HCD on Cassandra 4.0), not compressed');
  expect(outcome.text).toMatch(/^janusgraph\.edgestore +55 /m);
  expect(outcome.text).toContain('0 sections, 0 mutations');
});

test('without a schema tables and keys are told, with the reason', async () => {
  const { names } = files();
  const { lines } = await logOf({ files: names }, true);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    keyspace: null,
    table: null,
    key: expect.any(String),
    operations: [],
    unread: expect.stringContaining('not in any shipped schema'),
  });
});

test('what is no segment, no schema or no file is named', async () => {
  const { folder, names, schema: tables } = files();
  const input = (more: object) => logOf({ files: names, schema: tables, ...more });
  await expect(input({ files: [tables] })).rejects.toMatchObject({
    code: 'log-damaged',
    happened: expect.stringContaining(tables),
  });
  await expect(input({ schema: names[0] })).rejects.toMatchObject({ code: 'bad-schema' });
  await expect(input({ files: [join(folder, 'none.log')] })).rejects.toMatchObject({ code: 'file-not-read' });
  await expect(input({ files: [] })).rejects.toMatchObject({ code: 'no-file' });
  expect(log.arguments.files.kind).toBe('rest');
});
