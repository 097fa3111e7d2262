import { expect, test } from 'vitest';
import { pointTakenAt } from '../../../../test/support/example-point.ts';
import type { RunSummary } from '../../../journal/runs.ts';
import { bucketChanged } from '../../../model/bucket-identity.ts';
import { configSchema } from '../../../model/config.ts';
import { runId, timelineId } from '../../../model/identifiers.ts';
import { RetryableProblem } from '../../../model/problem.ts';
import type { WindowReport } from '../../../model/window.ts';
import { restoreTime } from '../../../runbooks/recovery/restore-time.ts';
import { environmentStatus, type StatusFacts } from './signals.ts';
import { statusText } from './text.ts';

const now = new Date('2026-02-19T08:00:00Z');
const config = configSchema.parse({ name: 'bank', environments: { prod: { platform: { kind: 'sandbox' } } } });
const prod = Object.values(config.environments)[0];
if (prod === undefined) throw new TypeError('the configuration has no environment');

const nodes = [1, 2, 3].map((n) => ({ name: `node-${n}`, address: `10.0.0.${n}` }));
const member = (address: string, up = true) => ({
  address,
  hostId: `host-${address}`,
  datacenter: 'dc1',
  rack: 'rack1',
  up,
  tokens: [],
  schemaVersion: 's',
  releaseVersion: '5.0.6',
});
const actor = { name: 'ana', via: 'cli', host: 'ops1' } as const;

const run = (id: string, status: 'failed' | 'succeeded' | 'interrupted' | 'refused' | 'running'): RunSummary => ({
  run: id,
  status,
  runbook: id.split('-')[0] ?? '',
  environment: 'prod',
  actor,
  startedAt: now.toISOString(),
  lastEventAt: now.toISOString(),
  params: {},
});

const proven = {
  proof: 'proven' as const,
  proven: {
    at: now.toISOString(),
    run: runId.parse('rehearse-20260218-030000-aaaa'),
    seconds: { restore: 600, start: 60, open: 30, check: 110 },
  },
};
const gb = 1e9;
const work = { files: 100 * gb, log: undefined, elements: 1_000_000, createTables: false, stage: true };
const measured = {
  prepare: [{ amount: 0, seconds: 40 }],
  'stage-files': [{ amount: 100 * gb, seconds: 600 }],
  'start-database': [{ amount: 0, seconds: 60 }],
  'rebuild-index': [{ amount: 10_000_000, seconds: 700 }],
  verify: [{ amount: 10_000_000, seconds: 1000 }],
};
const restores = {
  base: 'backup-20260219-020030',
  instant: '2026-02-19T07:59:59.400000Z',
  time: restoreTime(work, measured),
};
const good: StatusFacts = {
  environment: 'prod',
  config: prod,
  now,
  nodes,
  ring: nodes.map((node) => member(node.address)),
  store: { description: 's3://backups' },
  points: [pointTakenAt(new Date('2026-02-19T02:00:30Z')), pointTakenAt(new Date('2026-02-18T02:00:30Z'), proven)],
  undecided: [],
  decided: new Map(),
  runs: [],
  ways: new Map(),
  window: {
    timeline: timelineId.parse('t0001'),
    oldest: '2026-02-19T02:00:20.000000Z',
    settled: '2026-02-19T07:59:49.400000Z',
    newest: '2026-02-19T07:59:59.400000Z',
    rpoSeconds: 0.6,
    gaps: [],
    stretches: [],
    streams: [],
    warnings: [],
    baseWanted: null,
    bases: [],
    timelines: [],
  },
  restores,
};
const shipped = good.window as WindowReport;
const signal = (facts: StatusFacts, name: string) =>
  environmentStatus(facts).signals.find((each) => each.name === name);

test('G1: a good morning is one screen of green words', () => {
  expect(statusText([environmentStatus(good)])).toBe(
    [
      'prod  good',
      '  good     nodes      3 of 3 up',
      '  good     store      s3://backups',
      '  good     backup     backup-20260219-020030, 5 h 59 min ago, checked, quiesced',
      '  good     rpo        0.6 s would be lost (objective 5m); complete up to 2026-02-19T07:59:59.400000Z',
      '  good     rto        a restore now takes 14 min 49 s (objective 4 h 0 min), and serves after 11 min 57 s',
      '  good     proof      backup-20260218-020030, 29 h 59 min old, restored in 13 min 20 s',
      '  good     runs       none yet',
      '  good     horizon    back to 2026-02-18 02:00 UTC (29 h 59 min); backups are kept for 30d, at least 3 of them',
    ].join('\n'),
  );
});

test('G1: a node that is down makes the environment red and is named', () => {
  const facts = { ...good, ring: [member('10.0.0.1'), member('10.0.0.2', false), member('10.0.0.3')] };
  expect(environmentStatus(facts).level).toBe('bad');
  expect(signal(facts, 'nodes')).toMatchObject({ level: 'bad', says: '2 of 3 up; down: node-2 (10.0.0.2)' });
});

test('H: the RPO is measured: over its objective it is red, and so is a log that does not go on from the last backup', () => {
  expect(signal({ ...good, window: { ...shipped, rpoSeconds: 400 } }, 'rpo')).toMatchObject({
    level: 'bad',
    says: '6 min 40 s would be lost (objective 5m); complete up to 2026-02-19T07:59:59.400000Z',
    next: 'cardea window prod',
  });
  const broken = { ...shipped, newest: null, rpoSeconds: null };
  expect(signal({ ...good, window: broken }, 'rpo')).toMatchObject({ level: 'bad' });
  const stream = { node: 'node-2', hostId: 'b', newest: null, lagSeconds: null, clockLead: 0, problems: ['stopped'] };
  const troubled = signal({ ...good, window: { ...shipped, streams: [stream] } }, 'rpo');
  expect(troubled).toMatchObject({ level: 'warning' });
  expect(troubled?.says).toContain('problems with the log of node-2');
  expect(signal({ ...good, window: undefined, points: [] }, 'rpo')).toMatchObject({ level: 'unknown' });
});

test("G1: last night's backup that did not come is a warning, then red once the backup's objective has passed too", () => {
  const points = good.points.slice(1);
  const soon = { ...good, points, now: new Date('2026-02-19T03:00:00Z') };
  expect(signal(soon, 'backup')).toMatchObject({ level: 'warning', next: 'cardea backup prod' });
  const late = { ...good, points };
  expect(signal(late, 'backup')).toMatchObject({ level: 'bad' });
  expect(signal(late, 'backup')?.says).toContain('missed 2026-02-19 02:00 UTC');
});

test('a backup is as old as its snapshots: a machine whose clock was a day ahead makes none of them new', () => {
  const snapshot = { from: '2026-02-18T02:00:10.000000Z', to: '2026-02-18T02:00:20.000000Z' };
  const ahead = pointTakenAt(new Date('2026-02-19T02:00:30Z'), { ...proven, snapshot });
  const { signals } = environmentStatus({ ...good, points: [ahead] });
  const said = new Map(signals.map(({ name, level, says }) => [name, { level, says }]));
  expect(said.get('backup')).toMatchObject({ level: 'bad', says: expect.stringContaining('29 h') });
  expect(said.get('horizon')?.says).toContain('back to 2026-02-18 02:00 UTC');
});

test('a newest point that failed its check is red although an older one is good', () => {
  const failed = pointTakenAt(new Date('2026-02-19T03:00:30Z'), {
    proof: 'failed',
    failure: 'a table was skipped',
  });
  const facts = { ...good, points: [failed, ...good.points] };
  expect(signal(facts, 'backup')).toMatchObject({ level: 'bad' });
  expect(signal(facts, 'backup')?.says).toContain('a table was skipped');
});

test('a node that does not ship names the command that mends it, or first the restore that is unfinished', () => {
  const stream = { node: 'node-2', hostId: 'b', newest: null, lagSeconds: null, clockLead: 0, stopped: true as const };
  const window = { ...shipped, streams: [{ ...stream, problems: ['its log is not shipped on t0002'] }] };
  expect(signal({ ...good, window }, 'rpo')).toMatchObject({
    level: 'warning',
    says: expect.stringContaining('the log of node-2 is not shipped'),
    next: 'cardea ship prod',
  });
  const moving = run('restore-20260219-075900-aaaa', 'running');
  expect(signal({ ...good, window, runs: [moving] }, 'rpo')).toMatchObject({
    next: 'cardea run show restore-20260219-075900-aaaa --follow',
  });
  expect(signal({ ...good, window: { ...window, newest: null, rpoSeconds: null } }, 'rpo')).toMatchObject({
    level: 'bad',
    next: 'cardea ship prod',
  });
});

test('agents that remember another bucket make the store red: no backup and no restore would begin', () => {
  const stranger = bucketChanged('s3://backups', {
    who: 'The agent of node-2 remembers',
    remembered: 'b1',
    found: 'b2',
    environment: 'prod',
  });
  expect(signal({ ...good, stranger }, 'store')).toMatchObject({ level: 'bad', next: stranger.next });
  expect(signal({ ...good, stranger }, 'store')?.says).toContain('The agent of node-2 remembers');
});

test('damage of the graph that a backup recorded as new is a warning, and what is known is none', () => {
  const of = 'backup-20260219-020030';
  expect(signal({ ...good, findings: { of, all: 3, fresh: 0 } }, 'graph')).toBeUndefined();
  expect(signal({ ...good, findings: { of, all: 3, fresh: 1 } }, 'graph')).toMatchObject({
    level: 'warning',
    says: `${of} recorded 1 new finding in the graph, beside 2 that are known`,
    next: 'cardea check prod',
  });
});

test('points that were never rehearsed are a warning', () => {
  expect(signal({ ...good, points: good.points.slice(0, 1) }, 'proof')).toMatchObject({
    level: 'warning',
    next: 'cardea rehearse prod',
  });
});

test('H: the forecast of a restore is red above the RTO, a warning above 80 % of it, and names the plan that has its stages', () => {
  const ofSize = (elements: number) => ({ ...restores, time: restoreTime({ ...work, elements }, measured) });
  expect(signal({ ...good, restores: ofSize(100e6) }, 'rto')).toMatchObject({
    level: 'bad',
    says: 'a restore now takes 4 h 54 min (objective 4 h 0 min), and serves after 11 min 57 s: over the RTO',
    next: 'cardea restore prod --to newest --plan',
  });
  expect(environmentStatus({ ...good, restores: ofSize(100e6) }).level).toBe('bad');
  expect(signal({ ...good, restores: ofSize(70e6) }, 'rto')).toMatchObject({ level: 'warning' });
  expect(signal({ ...good, restores: { ...ofSize(70e6), instant: null } }, 'rto')).toMatchObject({
    next: 'cardea restore prod --to backup-20260219-020030 --plan',
  });
});

test('H: a forecast that cannot be told is unknown and says why, and what of it is only assumed is said', () => {
  const elements = { unknown: 'no run has counted the elements of the graph yet' };
  expect(
    signal({ ...good, restores: { ...restores, time: restoreTime({ ...work, elements }, measured) } }, 'rto'),
  ).toEqual({
    name: 'rto',
    level: 'unknown',
    says: 'a restore now takes at least 11 min 57 s (objective 4 h 0 min), and serves after 11 min 57 s; rebuild-index, verify unknown: no run has counted the elements of the graph yet',
    next: 'cardea rehearse prod',
  });
  expect(signal({ ...good, restores: undefined }, 'rto')).toMatchObject({
    level: 'unknown',
    says: 'nothing to restore yet',
  });
  const late = new RetryableProblem({ code: 'no-answer', happened: 'Not read in time (8 s).', state: 's', next: 'n' });
  expect(signal({ ...good, restores: late }, 'rto')).toMatchObject({ level: 'unknown', says: late.happened });
  expect(signal({ ...good, restores: { ...restores, time: restoreTime(work, {}) } }, 'rto')).toMatchObject({
    level: 'good',
    says: 'a restore now takes 8 min 5 s (objective 4 h 0 min), and serves after 7 min 32 s; 8 min 5 s of it assumed, not measured',
  });
});

test('only the newest run of each runbook counts: a failure that a later run repaired is history', () => {
  const repaired = {
    ...good,
    runs: [run('backup-20260219-020030-aaaa', 'succeeded'), run('backup-20260218-020030-aaaa', 'failed')],
  };
  expect(signal(repaired, 'runs')).toMatchObject({ level: 'good', says: 'the last of each kind succeeded' });
  const failed = { ...good, runs: [run('backup-20260219-020030-aaaa', 'failed')] };
  expect(signal(failed, 'runs')).toMatchObject({ level: 'bad', next: 'cardea run show backup-20260219-020030-aaaa' });
  const left = { ...good, runs: [run('restore-20260219-020000-aaaa', 'interrupted')] };
  expect(signal(left, 'runs')).toMatchObject({
    level: 'warning',
    next: 'cardea run resume restore-20260219-020000-aaaa',
  });
});

test('a record of a restore that cannot be read is named', () => {
  const damagedRecords = ['restores/restore-1.json cannot be read: it is not JSON.'];
  const { signals } = environmentStatus({ ...good, damagedRecords });
  expect(signals.find(({ name }) => name === 'decisions')).toMatchObject({
    level: 'warning',
    says: expect.stringContaining('restores/restore-1.json'),
    next: expect.stringContaining('cardea audit'),
  });
});

test('of an interrupted run whose cancel was asked for it is said that the command ends it', () => {
  const id = 'backup-20260219-020000-aaaa';
  const ways = new Map([[id, { command: `cardea run resume ${id}`, cancels: true as const }]]);
  expect(signal({ ...good, runs: [run(id, 'interrupted')], ways }, 'runs')).toMatchObject({
    says: `${id} was interrupted; its cancel was asked for, and the command ends it as cancelled`,
    next: `cardea run resume ${id}`,
  });
});

test('each run on a copy that was interrupted is named, whatever newer ones of its runbook have done', () => {
  const left = ['rehearse-20260219-020000-aaaa', 'rehearse-20260219-010000-bbbb'].map((id) => ({
    ...run(id, 'interrupted'),
    copy: `rehearsal-${id.slice(-4)}`,
  }));
  const facts = { ...good, runs: [run('rehearse-20260219-030000-cccc', 'succeeded'), ...left] };
  const named = environmentStatus(facts).signals.filter((each) => each.name === 'runs');
  expect(named).toMatchObject([
    {
      level: 'warning',
      says: 'rehearse-20260219-020000-aaaa was interrupted; its copy rehearsal-aaaa and its point are kept until it ends',
      next: 'cardea run resume rehearse-20260219-020000-aaaa',
    },
    { level: 'warning', next: 'cardea run resume rehearse-20260219-010000-bbbb' },
  ]);
});

test('B2: a backup that was refused is a warning; a restore that was refused is not, for somebody asked for it', () => {
  const facts = {
    ...good,
    runs: [run('backup-20260219-020030-aaaa', 'refused'), run('restore-20260219-010000-aaaa', 'refused')],
  };
  const named = environmentStatus(facts).signals.filter((each) => each.name === 'runs');
  expect(named).toMatchObject([{ level: 'warning', next: 'cardea run show backup-20260219-020030-aaaa' }]);
});

test('a store that cannot be reached is red, and nothing is claimed about what it holds', () => {
  const store = new RetryableProblem({
    code: 'store-unreachable',
    happened: 's3://backups does not answer.',
    state: 'Nothing changed.',
    next: 'Check it.',
  });
  const status = environmentStatus({ ...good, store, points: [] });
  expect(status.level).toBe('bad');
  expect(status.signals.map((each) => each.name)).toEqual(['nodes', 'store']);
});
