import { expect, test } from 'vitest';
import { configSchema } from '../model/config.ts';
import { pointId, timelineId } from '../model/identifiers.ts';
import type { RestorePoint } from '../model/restore-point.ts';
import { type DrillFacts, drillOf } from './drill.ts';
import { drillDocument } from './drill-document.ts';
import { exampleDrill } from '../../test/support/example-drill.ts';

const example = exampleDrill();
const [backup, rehearse, restore] = example.runs as [never, never, never];
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
  fingerprint: example.fingerprint.before,
  seconds: { taken: 5 },
};

function facts(change: Partial<DrillFacts> = {}): DrillFacts {
  return {
    ...example,
    objectives,
    point,
    fingerprintAtDisaster: { ...example.fingerprint.before, vertices: 10_022, vertexLabels: { account: 3401 } },
    check: { fingerprint: example.fingerprint.before, elements: 45_129, findings: [], findingCount: 0 },
    accounts: { afterDrop: 0, afterRestore: 1000 },
    againstLog: { before: 63, missing: [], after: 2140, unexpected: [] },
    nodesUp: 3,
    runs: { backup, rehearse, restore, accept: backup },
    outage: 41.3,
    ...change,
  };
}

test('a drill in which everything held is ok, and its record can be written', () => {
  const drill = drillOf(facts());
  expect(drill.ok).toBe(true);
  expect(drill.checks.map(({ id, ok }) => [id, ok])).toEqual(
    ['disaster', 'fingerprint', 'invariants', 'accounts', 'log', 'rehearsed', 'ring'].map((id) => [id, true]),
  );
  expect(drill.counts).toContainEqual({ of: 'vertices', label: 'account', before: 4401, disaster: 3401, after: 4401 });
  expect(drillDocument.read(drillDocument.write(drill), 'here').ok).toBe(true);
});

const broken: ReadonlyArray<readonly [string, Partial<DrillFacts>, string]> = [
  ['accounts that never were gone', { accounts: { afterDrop: 10, afterRestore: 1000 } }, '990 of 1,000 accounts gone'],
  ['an account that is not back', { accounts: { afterDrop: 0, afterRestore: 999 } }, '999 of 1,000'],
  [
    'a finding',
    { check: { ...facts().check, findings: ['vertex 17: one-sided edge'], findingCount: 1 } },
    '1 findings; the first: vertex 17: one-sided edge',
  ],
  [
    'a transaction of the log that is missing',
    { againstLog: { before: 63, missing: ['2/17'], after: 9, unexpected: [] } },
    '62 of 63 before, 0 of 9 after; the first: 2/17',
  ],
  [
    'a transaction that cannot be in the point',
    { againstLog: { before: 63, missing: [], after: 9, unexpected: ['0/70'] } },
    '63 of 63 before, 1 of 9 after; the first: 0/70',
  ],
  ['a log that says nothing', { againstLog: { before: 0, missing: [], after: 0, unexpected: [] } }, '0 of 0 before'],
  ['a point that was not proven', { point: { ...point, proof: 'checked' } }, 'checked; looked for connections'],
  ['a node that is down', { nodesUp: 2 }, '2 of 3 nodes'],
];

test.each(broken)('C4: %s makes the drill fail, saying what was seen', (_name, change, says) => {
  const drill = drillOf(facts(change));
  expect(drill.ok).toBe(false);
  const failed = drill.checks.filter(({ ok }) => !ok);
  expect(failed).toHaveLength(1);
  expect(failed[0]?.observed).toContain(says);
});

test('a point without a fingerprint is equal to nothing', () => {
  const { fingerprint: _fingerprint, ...bare } = point;
  expect(drillOf(facts({ point: bare })).ok).toBe(false);
});

test('H: an objective is met, missed, or kept by luck; a loss is never called met', () => {
  const states = (change: Partial<DrillFacts>) =>
    Object.fromEntries(drillOf(facts(change)).objectives.map(({ name, state }) => [name, state]));
  expect(states({})).toEqual({ RTO: 'met', Restore: 'met', Backup: 'met', RPO: 'not-guaranteed' });
  expect(states({ outage: 4 * 3600 + 1, lost: { transactions: 9, seconds: 301 } })).toMatchObject({
    RTO: 'missed',
    RPO: 'missed',
  });
});
