import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { type Drill, drillDocument } from '../../src/demo/drill-document.ts';
import { marked } from '../../src/host/detached-process.ts';
import { isRunning, type LocalProcess, runningProcess } from '../../src/host/local-process.ts';

/** The one end-to-end run of the whole program: `./cardea demo --json` as a person would start it, in a home of its own. */
const checkout = join(import.meta.dirname, '../..');
const home = mkdtempSync(join(tmpdir(), 'cardea-demo-'));

const seconds = z.number().nonnegative();
const answer = z.object({
  ok: z.literal(true),
  report: z.string(),
  point: z.string(),
  vertices: z.number(),
  edges: z.number(),
  fingerprint: z.object({ before: z.string(), after: z.string() }),
  instant: z.string(),
  rpo: z.object({ p50: seconds, p99: seconds }),
  rto: seconds,
  lostAcknowledged: z.number().int().nonnegative(),
  splitTransactions: z.literal(0),
  seconds: z.object({ backup: seconds, rehearse: seconds, restore: seconds, total: seconds }),
});

let said: z.infer<typeof answer>;
let drill: Drill;
let page: string;
const started = new Map<number, LocalProcess>();

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
  expect(exitCode, `${stderr}\n${stdout}`).toBe(0);
  said = answer.parse(JSON.parse(stdout));
  drill = drillDocument.read(readFileSync(join(dirname(said.report), 'report.json')), 'report.json');
  page = readFileSync(said.report, 'utf8');
}, 1_800_000);

afterAll(() => {
  rmSync(home, { recursive: true, force: true });
});

test('C4: restored to the instant before the bad job, the graph is what the application logged, element by element', () => {
  expect(said.fingerprint.after).toBe(said.fingerprint.before);
  const [instant] = drill.recoveries;
  expect(instant).toMatchObject({
    id: 'instant',
    to: said.instant,
    excluded: 0,
    missing: 0,
    unexpected: 0,
    changed: 0,
  });
  expect(instant?.restored).toEqual(instant?.expected);
  expect(instant?.transactions).toBeGreaterThan(100);
  expect(said.instant < drill.badJob.first).toBe(true);
});

test('everything but the bad job: later good work is kept, and that too is what the application logged', () => {
  const [instant, undo] = drill.recoveries;
  expect(undo).toMatchObject({
    id: 'undo',
    excluded: drill.badJob.transactions,
    missing: 0,
    unexpected: 0,
    changed: 0,
  });
  expect(undo?.restored).toEqual(undo?.expected);
  expect(undo?.transactions).toBeGreaterThan((instant?.transactions ?? 0) + drill.badJob.goodAfter / 2);
});

test('the graph of the demo is no toy: 10,000 vertices and 30,000 edges at least', () => {
  expect(said.vertices).toBeGreaterThanOrEqual(10_000);
  expect(said.edges).toBeGreaterThanOrEqual(30_000);
});

test('B3, B6: every node was backed up under load, and base and log were proven at one instant by a rehearsal', () => {
  expect(drill.nodes).toBe(3);
  expect(drill.point).toMatchObject({ id: said.point, cut: 'instant', proof: 'proven' });
  expect(drill.checks.find(({ id }) => id === 'rehearsed')).toMatchObject({ ok: true });
});

test('C3: every node and agent killed at once and a thousand accounts dropped: all of it is brought back in place', () => {
  expect(drill.disaster.nodes).toHaveLength(3);
  expect(drill.disaster.processes).toBe(7);
  expect(drill.disaster.wipedBytes).toBeGreaterThan(0);
  expect(drill.badJob).toMatchObject({ transactions: 20, found: 20, dropped: { label: 'account', vertices: 1000 } });
  const accounts = drill.recoveries.map(({ restored }) => restored.vertexLabels['account'] ?? 0);
  expect(Math.min(...accounts)).toBeGreaterThan(1000);
});

test('C4: every check holds', () => {
  const ids = ['disaster', 'rehearsed', 'found', 'instant', 'undo', 'kept', 'split', 'lost', 'accounts', 'invariants'];
  expect(drill.checks.map(({ id, ok }) => [id, ok])).toEqual([...ids, 'ring'].map((id) => [id, true]));
});

test('C6: the restore stopped the graph before the database, placed the logs before the start, and started the graph after', () => {
  const [instant] = drill.recoveries;
  const steps = drill.runs.find(({ id }) => id === instant?.run)?.steps ?? [];
  const order = steps.toSorted((a, b) => a.offset - b.offset).map(({ id }) => id);
  const wanted = [
    'stop-graph',
    'stop-database',
    'set-aside',
    'restore-files',
    'place-logs',
    'start-database',
    'start-graph',
  ];
  expect(order.filter((id) => wanted.includes(id))).toEqual(wanted);
});

test('C1, F3: every run succeeded and is on record with the head of its journal', () => {
  expect(drill.runs.length).toBeGreaterThanOrEqual(5);
  for (const run of drill.runs) {
    expect(run.status).toBe('succeeded');
    expect(run.journal.head).toMatch(/^[0-9a-f]{64}$/);
    expect(run.journal.events).toBeGreaterThan(run.steps.length);
  }
});

test('H, G3: RPO is measured while the application writes and is never paused; what is lost is younger than the lag', () => {
  expect(drill.objectives.map(({ name }) => name)).toEqual(['RPO', 'RPO, p99', 'RTO', 'Restore', 'Backup']);
  for (const name of ['RPO', 'RTO', 'Restore', 'Backup']) {
    expect(drill.objectives.find((each) => each.name === name)?.state).toBe('met');
  }
  expect(drill.shipping.transactions).toBeGreaterThan(300);
  expect(drill.shipping.looks).toBeGreaterThan(100);
  expect(said.rpo).toEqual({ p50: drill.shipping.p50, p99: drill.shipping.p99 });
  expect(drill.lost).toMatchObject({ acknowledged: said.lostAcknowledged, promised: 0 });
  for (const age of drill.lost.ages) expect(age).toBeLessThanOrEqual(drill.shipping.worst + 1);
});

test('each recovery opened a timeline of its own from the first, and the undone transactions stay on record', () => {
  const [instant, undo] = drill.recoveries;
  const find = (id: string | undefined) => drill.timelines.find((timeline) => timeline.id === id);
  expect(find(instant?.timeline)).toMatchObject({ parent: 't0001', forkedAt: instant?.to });
  expect(find(undo?.timeline)).toMatchObject({ parent: 't0001', exclusions: 20 + (undo?.incomplete ?? 0) });
});

test('the page says the same as the record', () => {
  expect(page).toContain('<span class="word">✔ Passed</span>');
  for (const text of [drill.id, said.point, said.fingerprint.after, drill.badJob.first]) {
    expect(page).toContain(text);
  }
});

test('nothing of the demo is left: no process that recorded itself, none marked as its own, no folder', () => {
  expect(started.size).toBeGreaterThanOrEqual(7);
  expect([...started.values()].filter(isRunning)).toEqual([]);
  expect(marked(join(home, 'demo'))).toEqual([]);
  expect(existsSync(join(home, 'demo'))).toBe(false);
});
