import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { imageNames } from '../../lab/images/image-names.ts';
import {
  customKinds,
  kubernetesKinds,
  moduleFolder,
  objectsOf,
  partModule,
  writeSchemas,
} from '../support/kubernetes-schemas.ts';
import { environments, helm, platform, render, renderObjects, tool } from '../support/platform-chart.ts';

/** Every form in which the chart is delivered, and the switches that no environment has on. */
const renderings = [
  ...environments.map((environment) => ({ environment })),
  ...environments.map((environment) => ({ environment, lab: true })),
  { environment: 'prod', set: ['missionControl.enabled=true', 'networkPolicy.operatorNamespace=mission-control'] },
  {
    environment: 'prod',
    set: ['janusgraph.index.backend=elasticsearch', 'janusgraph.index.hosts={search}', 'janusgraph.replicas=3'],
  },
  { environment: 'dev', set: ['janusgraph.index.backend=none', 'graphSchema.enabled=false'] },
] as const;

const folder = mkdtempSync(join(tmpdir(), 'cardea-schemas-'));
let schemas: string;

beforeAll(async () => {
  const custom = [
    ...customKinds(join(await partModule('cass-operator'), 'config/crd/bases')),
    ...customKinds(join(await partModule('argocd'), 'manifests/crds')),
  ];
  schemas = writeSchemas(folder, [...(await kubernetesKinds()), ...custom]);
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** One line for each thing that is wrong. */
async function faults(stream: string, location = schemas): Promise<readonly string[]> {
  const args = ['-strict', '-summary', '-output=json', `-schema-location=${location}`, '-'];
  const { stdout } = await execa(await tool('kubeconform'), args, { input: stream, reject: false });
  const answer = JSON.parse(stdout) as { resources: { kind: string; name: string; msg: string; status: string }[] };
  return answer.resources.map(({ kind, name, msg, status }) => `${kind} ${name}: ${status} ${msg}`);
}

describe('A8: the chart janusgraph-banking', () => {
  test.each(renderings)('passes helm lint and is what the API accepts: %j', async (rendering) => {
    const linted = await helm('lint', rendering);
    expect(linted.exitCode, linted.stdout).toBe(0);
    const stream = await render(rendering);
    // The definition of Mission Control's resource is not public; its own test looks at it.
    const known = stream
      .split(/^---$/m)
      .filter((document) => !document.includes('kind: MissionControlCluster'))
      .join('---');
    expect(await faults(known)).toEqual([]);
  });

  test('the validation sees what the API would refuse, and a key that is there twice', async () => {
    const stream = await render({ environment: 'prod' });
    const [none] = await faults(stream.replace(/^ {2}size: 5$/m, '  size: 0'));
    expect(none).toContain('CassandraDatacenter paris: statusInvalid');
    const [misspelt] = await faults(stream.replace('unhealthyPodEvictionPolicy', 'unhealthyPodsEvictionPolicy'));
    expect(misspelt).toContain('PodDisruptionBudget janusgraph: statusInvalid');
    const twice = stream.replace(/^ {6}containers:$/m, '      containers: []\n      containers:');
    expect((await faults(twice)).join('\n')).toContain('key "containers" already set in map');
  });

  test.each(['prod', 'dev'] as const)('renders %s as reviewed', async (environment) => {
    await expect(await render({ environment })).toMatchFileSnapshot(`rendered/${environment}.yaml`);
  });

  test('renders the lab as reviewed', async () => {
    await expect(await render({ environment: 'dev', lab: true })).toMatchFileSnapshot('rendered/dev-in-the-lab.yaml');
  });

  test('in the lab it runs the images that the lab makes, and asks no registry', async () => {
    for (const environment of environments) {
      const stream = await render({ environment, lab: true });
      const images = [...stream.matchAll(/^ *(?:- )?(?:image|serverImage): (\S+)$/gm)].map(([, image]) => image);
      expect(new Set(images)).toEqual(new Set([imageNames.cassandra, imageNames.janusgraph]));
    }
  });

  test('K7, C6: the pods of the datacenter hcd-paris are called hcd-paris-rack1-sts-0 and so on, five of HCD by default', async () => {
    const [datacenter] = (await renderObjects({ environment: 'prod' })).filter(isDatacenter);
    expect(datacenter?.spec).toMatchObject({ serverType: 'hcd', size: 5, datacenterName: 'hcd-paris' });
    // As cass-operator puts them together.
    expect(`${String(datacenter?.spec?.['clusterName'])}-${datacenter?.metadata.name}-rack1-sts-0`).toBe(
      'hcd-paris-rack1-sts-0',
    );
  });

  test('neither a sync, nor the end of the application, nor helm uninstall, nor the end of the datacenter takes data', async () => {
    for (const rendering of renderings) {
      const objects = await renderObjects(rendering);
      const [database, ...more] = objects.filter((each) => isDatacenter(each) || each.kind === 'MissionControlCluster');
      expect(more).toEqual([]);
      expect(database?.metadata.annotations).toMatchObject({
        'argocd.argoproj.io/sync-options': 'Prune=false,Delete=false',
        'helm.sh/resource-policy': 'keep',
      });
      const [graph] = objects.filter(({ kind }) => kind === 'StatefulSet');
      expect(graph?.spec?.['persistentVolumeClaimRetentionPolicy']).toEqual({
        whenDeleted: 'Retain',
        whenScaled: 'Retain',
      });
      expect(JSON.stringify(database)).toContain('"cassandra.datastax.com/delete-pvc":"false"');
    }
  });

  test('F1: it holds no secret, only references', async () => {
    for (const rendering of renderings) {
      const stream = await render(rendering);
      expect(objectsOf(stream).filter(({ kind }) => kind === 'Secret')).toEqual([]);
      for (const [line] of stream.matchAll(/^.*password.*$/gim)) {
        expect(line).toMatch(/CQL_PASSWORD|key: password|PasswordAuthenticator/);
      }
    }
  });

  test('one pod of JanusGraph at most is taken by a drain, and nobody but cass-operator reaches the management API', async () => {
    const objects = await renderObjects({ environment: 'prod' });
    expect(objects.find(({ kind }) => kind === 'PodDisruptionBudget')?.spec).toMatchObject({ maxUnavailable: 1 });
    const policies = objects.filter(({ kind }) => kind === 'NetworkPolicy');
    expect(policies.map(({ metadata }) => metadata.name).sort()).toEqual(['datacenter', 'janusgraph', 'nobody']);
    const rules = policies.flatMap(({ spec }) => (spec?.['ingress'] ?? []) as { ports: { port: number }[] }[]);
    expect(rules.filter(({ ports }) => ports.some(({ port }) => port === 8080))).toEqual([
      {
        from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'cass-operator' } } }],
        ports: [{ port: 8080, protocol: 'TCP' }],
      },
    ]);
  });

  test('with Mission Control it is the cluster that Mission Control makes the same datacenter from', async () => {
    const objects = await renderObjects({ environment: 'prod', set: ['missionControl.enabled=true'] });
    expect(objects.filter(isDatacenter)).toEqual([]);
    const [cluster] = objects.filter(({ kind }) => kind === 'MissionControlCluster');
    expect(cluster?.metadata.name).toBe('hcd');
    // Its inner part is a K8ssandraCluster, whose definition is public.
    const inner = {
      apiVersion: 'k8ssandra.io/v1alpha1',
      kind: 'K8ssandraCluster',
      metadata: { name: 'hcd' },
      spec: cluster?.spec?.['k8ssandra'],
    };
    const module = await moduleFolder(['github.com/k8ssandra/k8ssandra-operator@v1.20.0']);
    const location = writeSchemas(folder, customKinds(join(module, 'config/crd/bases')));
    expect(await faults(JSON.stringify(inner), location)).toEqual([]);
    expect(await faults(JSON.stringify({ ...inner, spec: { size: 1 } }), location)).toHaveLength(1);
  });

  test.each([
    ['janusgraph.replicas=2', 'janusgraph.replicas can be 1 only while janusgraph.index.backend is lucene'],
    ['janusgraph.replicationFactor=9', 'janusgraph.replicationFactor is 9, but the datacenter has 5 nodes only'],
    ['datacenter.name=paris', 'datacenter.name must begin with the cluster’s name and a dash'],
    ['datacenter.size=0', "at '/datacenter/size': minimum: got 0, want 1"],
    ['datacenter.sise=3', "at '/datacenter': additional properties 'sise' not allowed"],
    ['datacenter.managementApi.clientSecret=one', "at '/datacenter/managementApi'"],
    ['janusgraph.index.backend=elasticsearch', "at '/janusgraph/index/hosts': minItems: got 0, want 1"],
    ['janusgraph.properties.storage\\.password=x', "invalid propertyName 'storage.password'"],
  ])('refuses %s and says why', async (set, reason) => {
    const { exitCode, stderr } = await helm('template', { environment: 'dev', set: [set] });
    expect(exitCode).not.toBe(0);
    expect(stderr.replaceAll("cluster's", 'cluster’s')).toContain(reason);
  });
});

describe('A7: the Argo CD applications', () => {
  const applications = readdirSync(join(platform, 'argocd/applications')).filter(
    (name) => name !== 'kustomization.yaml',
  );
  const streams = [...applications.map((name) => `applications/${name}`), 'argocd-cm.yaml'].map((name) =>
    readFileSync(join(platform, 'argocd', name), 'utf8'),
  );
  const objects = streams.flatMap(objectsOf);

  test('are what Argo CD accepts', async () => {
    expect(await faults(streams.join('\n---\n'))).toEqual([]);
  });

  test('follow a revision of their own each; dev and staging by themselves, prod by hand', () => {
    const applications = objects.filter(({ kind }) => kind === 'Application');
    const project = objects.find(({ kind }) => kind === 'AppProject');
    expect(applications.map(({ metadata }) => metadata.name).sort()).toEqual(
      environments.map((each) => `janusgraph-banking-${each}`).sort(),
    );
    for (const environment of environments) {
      const application = applications.find(({ metadata }) => metadata.name === `janusgraph-banking-${environment}`);
      const source = {
        targetRevision: `env/${environment}`,
        path: 'helm/janusgraph-banking',
        helm: { valueFiles: ['values.yaml', `values-${environment}.yaml`] },
      };
      const destination = {
        server: 'https://kubernetes.default.svc',
        namespace: `janusgraph-banking-${environment}`,
      };
      expect(application?.spec).toMatchObject({ project: 'janusgraph-banking', source, destination });
      expect(project?.spec?.['destinations']).toContainEqual(destination);
      expect(application?.metadata.annotations).toEqual({
        'argocd.argoproj.io/compare-options': 'ServerSideDiff=true',
      });
      const policy = application?.spec?.['syncPolicy'] as { automated?: object };
      if (environment === 'prod') expect(policy).not.toHaveProperty('automated');
      else expect(policy.automated).toEqual({ enabled: true, prune: true, selfHeal: true, allowEmpty: false });
    }
  });
});

function isDatacenter({ kind }: { readonly kind: string }): boolean {
  return kind === 'CassandraDatacenter';
}
