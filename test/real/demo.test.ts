import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { type Drill, drillDocument } from '../../src/demo/drill-document.ts';
import { marked } from '../../src/platforms/sandbox/detached-process.ts';
import { isRunning, type ProcessIdentity, runningProcess } from '../../src/platforms/sandbox/process-identity.ts';

/** The one end-to-end run of the whole program: `./cardea demo --json` as a person would start it, in a home of its own. */
const checkout = join(import.meta.dirname, '../..');
const home = mkdtempSync(join(tmpdir(), 'cardea-demo-'));

const answer = z.object({
  ok: z.literal(true),
  report: z.string(),
  point: z.string(),
  vertices: z.number(),
  edges: z.number(),
  fingerprint: z.object({ before: z.string(), after: z.string() }),
  seconds: z.object({ backup: z.number(), rehearse: z.number(), restore: z.number(), total: z.number() }),
});

let said: z.infer<typeof answer>;
let drill: Drill;
let page: string;
const started = new Map<number, ProcessIdentity>();

beforeAll(async () => {
  const run = execa(join(checkout, 'cardea'), ['demo', '--json'], {
    cwd: checkout,
    env: { CARDEA_HOME: home },
    reject: false,
  });
  // Every server of the demo records itself in a pid file; what was ever seen there must be gone at the end.
  const watch = setInterval(() => {
    for (const file of globSync(join(home, 'demo', '**', '*.pid'))) {
      const found = runningProcess(file);
      if (found !== undefined) started.set(found.pid, found);
    }
  }, 500);
  const { stdout, stderr, exitCode } = await run.finally(() => clearInterval(watch));
  expect(exitCode, stderr).toBe(0);
  said = answer.parse(JSON.parse(stdout));
  drill = drillDocument.read(readFileSync(join(dirname(said.report), 'report.json')), 'report.json');
  page = readFileSync(said.report, 'utf8');
}, 900_000);

afterAll(() => {
  rmSync(home, { recursive: true, force: true });
});

test('C4: after the restore the fingerprint equals the one recorded with the point', () => {
  expect(said.fingerprint.after).toBe(said.fingerprint.before);
  expect(drill.fingerprint.after).toEqual(drill.fingerprint.before);
});

test('the graph of the demo is no toy: 10,000 vertices and 30,000 edges at least', () => {
  expect(said.vertices).toBeGreaterThanOrEqual(10_000);
  expect(said.edges).toBeGreaterThanOrEqual(30_000);
});

test('B3, B6: every node was backed up, at a quiet moment, and the point was proven by a rehearsal', () => {
  expect(drill.nodes).toBe(3);
  expect(drill.point).toMatchObject({ id: said.point, cut: 'quiesced', proof: 'proven' });
  expect(drill.checks.find(({ id }) => id === 'rehearsed')).toMatchObject({ ok: true });
});

test('C3: a disk lost and a thousand accounts dropped are brought back in place', () => {
  expect(drill.disaster.wipedBytes).toBeGreaterThan(0);
  expect(drill.disaster.dropped).toMatchObject({ label: 'account', vertices: 1000 });
  const accounts = drill.counts.find(({ label }) => label === 'account');
  expect(accounts?.disaster).toBeLessThan((accounts?.before ?? 0) - 900);
  expect(accounts?.after).toBe(accounts?.before);
});

test('C4: every invariant holds, the graph is what the log of the application says, every node is up', () => {
  expect(drill.checks.map(({ id, ok }) => [id, ok])).toEqual(
    ['disaster', 'fingerprint', 'invariants', 'accounts', 'log', 'rehearsed', 'ring'].map((id) => [id, true]),
  );
});

test('C6: the restore stopped the graph before the database and started it after', () => {
  const steps = drill.runs.find(({ id }) => id.startsWith('restore-'))?.steps ?? [];
  const order = steps.toSorted((a, b) => a.offset - b.offset).map(({ id }) => id);
  const wanted = ['stop-graph', 'stop-database', 'set-aside', 'restore-files', 'start-database', 'start-graph'];
  expect(order.filter((id) => wanted.includes(id))).toEqual(wanted);
});

test('C1, F3: the restore was confirmed and accepted, and every run is on record with the head of its journal', () => {
  expect(drill.runs.map(({ id, status }) => [id.split('-')[0], status])).toEqual(
    ['backup', 'rehearse', 'restore', 'accept'].map((runbook) => [runbook, 'succeeded']),
  );
  for (const run of drill.runs) {
    expect(run.journal.head).toMatch(/^[0-9a-f]{64}$/);
    expect(run.journal.events).toBeGreaterThan(run.steps.length);
  }
});

test('H, G3: what was lost is said, with RTO and RPO measured', () => {
  expect(drill.lost.transactions).toBeGreaterThan(0);
  expect(drill.lost.seconds).toBeGreaterThan(0);
  expect(drill.objectives.map(({ name, state }) => [name, state])).toEqual([
    ['RTO', 'met'],
    ['Restore', 'met'],
    ['Backup', 'met'],
    ['RPO', 'not-guaranteed'],
  ]);
});

test('the page says the same as the record', () => {
  expect(page).toContain('<span class="word">✔ Passed</span>');
  for (const text of [drill.id, said.point, said.fingerprint.after, drill.lost.transactions.toLocaleString('en')]) {
    expect(page).toContain(text);
  }
});

test('nothing of the demo is left: no process that recorded itself, none marked as its own, no folder', () => {
  expect(started.size).toBeGreaterThanOrEqual(7);
  expect([...started.values()].filter(isRunning)).toEqual([]);
  expect(marked(join(home, 'demo'))).toEqual([]);
  expect(existsSync(join(home, 'demo'))).toBe(false);
});
