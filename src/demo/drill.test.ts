import { expect, test } from 'vitest';
import { exampleDrill } from '../../test/support/example-drill.ts';
import { configSchema } from '../model/config.ts';
import { pointId, timelineId } from '../model/identifiers.ts';
import type { RestorePoint } from '../model/restore-point.ts';
import type { DrillFacts, RecoveredFacts } from './drill-facts.ts';
import { drillOf } from './drill.ts';
import { drillDocument, type Recovery } from './drill-document.ts';

const example = exampleDrill();
const [backup, rehearsal, restore, undo] = example.runs as [never, never, never, never];
const [recoveredInstant, recoveredUndo] = example.recoveries as [Recovery, Recovery];
const { objectives } = configSchema.parse({ name: 'bank', environments: { demo: { platform: { kind: 'sandbox' } } } })
  .environments['demo' as never] as { objectives: DrillFacts['objectives'] };

const point: RestorePoint = {
  ...example.point,
  id: pointId.parse(example.point.id),
  environment: 'demo',
  timeline: timelineId.parse('t0001'),
  mode: 'differential',
  nodes: [1, 2, 3].map((n) => ({
    node: `demo-rack1-sts-${n}`,
    hostId: `host-${n}`,
    tokens: ['0'],
    datacenter: 'hcd-paris',
    rack: 'rack1',
    bytes: 1,
    files: 1,
    newBytes: 1,
    inventory: 'inventories/x.json',
  })),
  newBytes: 3,
  cassandraVersion: '5.0.6',
  schemaVersion: 'v',
  keyspace: 'janusgraph',
  replicationFactor: 3,
  seconds: { taken: 5 },
};

function recovered(recovery: Recovery, run: never): RecoveredFacts {
  const { timeline, to, excluded, incomplete, secondsFromKill, expected, restored, transactions } = recovery;
  return {
    timeline,
    to,
    excluded,
    incomplete,
    secondsFromKill,
    run,
    proof: { expected, restored, missing: [], unexpected: [], changed: [], split: [], transactions },
    check: { elements: 145_129, findings: [], findingCount: 0 },
    accountsFound: 1000,
    nodesUp: 3,
  };
}

const instant = recovered(recoveredInstant, restore);
const undone = recovered(recoveredUndo, undo);

function facts(change: Partial<DrillFacts> = {}): DrillFacts {
  const { looks, ...lag } = example.shipping;
  return {
    ...example,
    objectives,
    point,
    lag,
    looks,
    accountsAfterDrop: 0,
    instant,
    undo: undone,
    lost: example.lost.ages.map((age, at) => ({ id: `0/${1608 + at}`, age, promised: false })),
    backup,
    rehearsal,
    decisions: [],
    ...change,
  };
}

const ids = [
  'disaster',
  'rehearsed',
  'found',
  'instant',
  'undo',
  'kept',
  'split',
  'lost',
  'accounts',
  'invariants',
  'ring',
];

test('a drill in which everything held is ok, and its record can be written', () => {
  const drill = drillOf(facts());
  expect(drill.checks.map(({ id, ok }) => [id, ok])).toEqual(ids.map((id) => [id, true]));
  expect(drill.ok).toBe(true);
  expect(drill.lost).toEqual(example.lost);
  expect(drillDocument.read(drillDocument.write(drill), 'here').ok).toBe(true);
});

const otherSum = { ...instant.proof.restored, sha256: 'f'.repeat(64) };

const broken: ReadonlyArray<readonly [string, Partial<DrillFacts>, string]> = [
  ['accounts that never were gone', { accountsAfterDrop: 10 }, '990 of 1,000 accounts gone'],
  ['a disk that was spared', { disaster: { ...example.disaster, nodes: ['a', 'b'] } }, '2 of 3 disks empty'],
  ['a point that was not proven', { point: { ...point, proof: 'checked' } }, 'checked, cut: instant'],
  ['a point that was proven without its log', { point: { ...point, cut: 'quiesced' } }, 'proven, cut: quiesced'],
  ['a bad transaction that was not found', { badJob: { ...example.badJob, found: 19 } }, '19 of 20'],
  ['a bad transaction that was not left out', { undo: { ...undone, excluded: 19 } }, '20 of 20'],
  [
    'an element that is missing',
    { instant: { ...instant, proof: { ...instant.proof, missing: ['account-1-1'] } } },
    '1 differences; the first: account-1-1',
  ],
  [
    'a fingerprint that differs',
    { undo: { ...undone, proof: { ...undone.proof, restored: otherSum } } },
    '1,608 transactions, 0 differences',
  ],
  [
    'good work after the bad job that is gone',
    { badJob: { ...example.badJob, goodAfter: 0 } },
    '188 more transactions',
  ],
  [
    'a transaction that is there in part',
    { undo: { ...undone, proof: { ...undone.proof, split: ['2/17'] } } },
    '1 split; the first: 2/17',
  ],
  [
    'a lost transaction that was in the log',
    { lost: [{ id: '0/3', age: 4, promised: true }] },
    '1 of 1 were in the log; the first: 0/3',
  ],
  ['an account that is not back', { undo: { ...undone, accountsFound: 999 } }, '1,000 and 999 of 1,000'],
  [
    'a finding',
    { instant: { ...instant, check: { ...instant.check, findings: ['vertex 17: one-sided edge'], findingCount: 1 } } },
    '1 findings; the first: vertex 17: one-sided edge',
  ],
  ['a node that is down', { undo: { ...undone, nodesUp: 2 } }, '3 and 2 of 3 nodes'],
];

test.each(broken)('C4: %s makes the drill fail, saying what was seen', (_name, change, says) => {
  const drill = drillOf(facts(change));
  expect(drill.ok).toBe(false);
  const failed = drill.checks.filter(({ ok }) => !ok);
  expect(failed).toHaveLength(1);
  expect(failed[0]?.observed).toContain(says);
});

test('nothing lost is no defect, and of very many lost the first hundred are told', () => {
  expect(drillOf(facts({ lost: [] }))).toMatchObject({ ok: true, lost: { acknowledged: 0, ages: [] } });
  const many = Array.from({ length: 250 }, (_, at) => ({ id: `0/${at}`, age: 250 - at, promised: false }));
  const { lost } = drillOf(facts({ lost: many }));
  expect(lost.acknowledged).toBe(250);
  expect(lost.ages).toHaveLength(100);
});

test('H: RPO is measured against the five minutes that are promised and the two seconds that are ours', () => {
  const states = (change: Partial<DrillFacts>) =>
    Object.fromEntries(drillOf(facts(change)).objectives.map(({ name, state }) => [name, state]));
  expect(states({})).toEqual({ RPO: 'met', 'RPO, p99': 'met', RTO: 'met', Restore: 'met', Backup: 'met' });
  const slow = { ...example.shipping, p99: 2.1, worst: 301 };
  expect(states({ lag: slow, instant: { ...instant, secondsFromKill: 4 * 3600 + 1 } })).toMatchObject({
    RPO: 'missed',
    'RPO, p99': 'missed',
    RTO: 'missed',
  });
  expect(drillOf(facts({ lag: slow })).ok).toBe(true);
});
