import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { builtTool } from '../../lab/building/tools.ts';

/** The rule as Argo CD itself reads it, on what cass-operator writes into a datacenter's status. */
const rules = join(import.meta.dirname, '../../platform/argocd/argocd-cm.yaml');
const folder = mkdtempSync(join(tmpdir(), 'cardea-health-'));
let argocd: string;

beforeAll(async () => {
  argocd = await builtTool('argocd', { progress: () => undefined, signal: AbortSignal.timeout(3_600_000) });
}, 3_600_000);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const conditions = (...names: readonly string[]) => names.map((type) => ({ type, status: 'True' }));
const ready = {
  observedGeneration: 2,
  cassandraOperatorProgress: 'Ready',
  conditions: conditions('Initialized', 'Ready'),
};

test.each([
  ['one that cass-operator has not seen', {}, undefined, 'Progressing'],
  ['one whose nodes start', {}, { observedGeneration: 2, cassandraOperatorProgress: 'Updating' }, 'Progressing'],
  ['one that is ready', {}, ready, 'Healthy'],
  ['one that was ready before its last change', {}, { ...ready, observedGeneration: 1 }, 'Progressing'],
  [
    'one that is being scaled',
    {},
    { ...ready, conditions: conditions('Initialized', 'Ready', 'ScalingUp') },
    'Progressing',
  ],
  [
    'one that lost its quorum',
    {},
    { ...ready, conditions: [...ready.conditions, { type: 'Healthy', status: 'False' }] },
    'Degraded',
  ],
  [
    'one that is invalid',
    {},
    { ...ready, conditions: [{ type: 'Valid', status: 'False', message: 'no' }] },
    'Degraded',
  ],
  [
    'one that is stopped',
    { stopped: true },
    { ...ready, conditions: conditions('Initialized', 'Stopped') },
    'Suspended',
  ],
] as const)('A7: Argo CD calls a datacenter healthy only when it is: %s', async (_what, spec, status, health) => {
  const file = join(folder, 'datacenter.json');
  const metadata = { name: 'dc1', generation: 2 };
  const kind = { apiVersion: 'cassandra.datastax.com/v1beta1', kind: 'CassandraDatacenter' };
  writeFileSync(file, JSON.stringify({ ...kind, metadata, spec: { size: 3, ...spec }, status }));
  const asked = ['admin', 'settings', 'resource-overrides', 'health', file];
  const { stdout } = await execa(argocd, [...asked, '--argocd-cm-path', rules, '--load-cluster-settings=false'], {
    env: { HOME: folder },
  });
  expect(stdout).toContain(`STATUS: ${health}`);
});
