import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { indexNames } from '../../src/sample/schema.ts';
import { inFull } from '../support/in-full.ts';
import { ownLab } from '../support/own-lab.ts';
import { platform } from '../support/platform-chart.ts';

/**
 * The sample platform as Argo CD delivers it from a Git repository into a real Kubernetes: HCD's place is taken by one node of Cassandra for
 * each environment. The order of the tests is a story.
 */
const lab = ownLab();
const repository = mkdtempSync(join(tmpdir(), 'cardea-platform-'));
const dev = 'janusgraph-banking-dev';
const minutes = 60_000;

async function git(...args: readonly string[]): Promise<string> {
  const identity = ['-c', 'user.name=A test', '-c', 'user.email=test@cardea.local', '-c', 'init.defaultBranch=main'];
  return (await execa('git', [...identity, ...args], { cwd: repository })).stdout;
}

/** Moves the revisions of environments to what is in the folder now; resolves with the commit. */
async function push(...environments: readonly string[]): Promise<string> {
  await git('add', '--all');
  await git('commit', '--quiet', '--allow-empty', '--message=A change');
  const branches = environments.map((each) => `HEAD:refs/heads/env/${each}`);
  await git('push', '--quiet', `git://${await lab.address()}/platform.git`, ...branches);
  return git('rev-parse', 'HEAD');
}

/** Of the environment's Application: `Synced Healthy Succeeded` and the revision of the last sync, which ends with the job for the schema. */
async function delivered(environment: string): Promise<string> {
  const operation = '{.status.operationState.phase} {.status.operationState.syncResult.revision}';
  const fields = `{.status.sync.status} {.status.health.status} ${operation}`;
  const name = `janusgraph-banking-${environment}`;
  return lab.kubectl(['get', 'application', name, '--namespace=argocd', `--output=jsonpath=${fields}`]);
}

const answer = z.object({ result: z.object({ data: z.object({ '@value': z.array(z.unknown()) }) }) });

/** What JanusGraph answers, through the service that its clients use. */
async function gremlin(query: string, namespace = dev): Promise<readonly unknown[]> {
  const path = `/api/v1/namespaces/${namespace}/services/janusgraph:gremlin/proxy/?gremlin=${encodeURIComponent(query)}`;
  return answer.parse(JSON.parse(await lab.kubectl(['get', '--raw', path]))).result.data['@value'];
}

const accounts = async () => JSON.stringify(await gremlin("g.V().has('businessKey','A1').values('number')"));

/** Changes when the pod is another one, or its container was started again. */
async function life(pod: string): Promise<string> {
  const fields = '{.metadata.uid} {.status.containerStatuses[0].containerID}';
  return lab.kubectl(['get', 'pod', pod, `--namespace=${dev}`, `--output=jsonpath=${fields}`]);
}

const ready = (pod: string) => async () =>
  lab.kubectl([
    'get',
    'pod',
    pod,
    `--namespace=${dev}`,
    '--output=jsonpath={.metadata.uid} {.status.conditions[?(@.type=="Ready")].status}',
  ]);

beforeAll(async () => {
  await lab.up();
  cpSync(platform, repository, { recursive: true });
  await git('init', '--quiet');
});

afterAll(async () => {
  await lab.down();
  rmSync(repository, { recursive: true, force: true });
});

test(
  'A7, A8: dev is delivered by Argo CD, becomes ready and answers a Gremlin query',
  async () => {
    const first = await push('dev');
    await lab.kubectl(['apply', '--server-side', `--kustomize=${join(repository, 'argocd/lab')}`]);
    await lab.becomes(async () => delivered('dev'), `Synced Healthy Succeeded ${first}`, dev);
    expect(await gremlin('g.V().count()')).toEqual([{ '@type': 'g:Int64', '@value': 0 }]);
    const account = "g.addV('account').property('businessKey','A1').property('number','N1').property('branch',7)";
    await gremlin(`${account}.iterate(); g.tx().commit()`);
    expect(await accounts()).toBe('["N1"]');
  },
  20 * minutes,
);

test('K7: the pod has the name that the user’s commands have, and its ring the name hcd-paris', async () => {
  const said = await lab.kubectl(['exec', 'hcd-paris-rack1-sts-0', `--namespace=${dev}`, '--', 'nodetool', 'status']);
  expect(said).toContain('Datacenter: hcd-paris');
  expect(said).toMatch(/^UN /m);
});

test('the job brought the schema of the sample, its indexes ready', async () => {
  const script = `m = graph.openManagement(); try { m.getGraphIndexes(org.apache.tinkerpop.gremlin.structure.Vertex)
    .collect { it.name() + ' ' + it.fieldKeys.collect { key -> it.getIndexStatus(key).name() }.unique().join() }.sort() } finally { m.rollback() }`;
  const expected = Object.values(indexNames).map((name) => `${name} ENABLED`);
  expect(await gremlin(script)).toEqual(expected.sort());
});

test(
  'A7: a push to dev’s revision arrives, a new part of the schema with it, and nowhere else',
  async () => {
    const file = join(repository, 'helm/janusgraph-banking/files/graph-schema.json');
    const schema = z
      .looseObject({
        propertyKeys: z.record(z.string(), z.unknown()),
        compositeIndexes: z.record(z.string(), z.unknown()),
      })
      .parse(JSON.parse(readFileSync(file, 'utf8')));
    schema.propertyKeys['nickname'] = { type: 'String', cardinality: 'SINGLE' };
    // Over a key that a vertex has already: it has to be found by it.
    schema.compositeIndexes['byBranch'] = { keys: ['branch'] };
    writeFileSync(file, JSON.stringify(schema));
    const second = await push('dev');
    await lab.becomes(async () => delivered('dev'), `Synced Healthy Succeeded ${second}`, dev);
    const script = "m = graph.openManagement(); try { m.containsPropertyKey('nickname') } finally { m.rollback() }";
    expect(await gremlin(script)).toEqual([true]);
    const status = `m = graph.openManagement(); try { m.getGraphIndex('byBranch').getIndexStatus(m.getPropertyKey('branch')).name() } finally { m.rollback() }`;
    expect(await gremlin(status)).toEqual(['ENABLED']);
    expect(await gremlin("g.V().has('branch',7).values('number')")).toEqual(['N1']);
    expect(await lab.kubectl(['get', 'namespaces', '--output=name'])).not.toMatch(/banking-(staging|prod)/);
  },
  15 * minutes,
);

test.each([
  ['of Cassandra', 'hcd-paris-rack1-sts-0'],
  ['of JanusGraph', 'janusgraph-0'],
] as const)(
  'the pod %s is deleted: it comes back with its data, and the platform answers',
  async (_whose, pod) => {
    const [uid] = (await life(pod)).split(' ');
    await lab.kubectl(['delete', 'pod', pod, `--namespace=${dev}`]);
    await lab.becomes(ready(pod), new RegExp(`^(?!${uid} ).+ True$`), dev);
    await lab.becomes(accounts, '["N1"]', dev);
    await lab.becomes(
      async () => (await delivered('dev')).split(' ').slice(0, 3).join(' '),
      'Synced Healthy Succeeded',
      dev,
    );
    // One that comes back takes its own place: a registration that is left behind would block changes of the schema.
    const instances = 'm = graph.openManagement(); try { m.openInstances.collect { it } } finally { m.rollback() }';
    expect(await gremlin(instances)).toEqual(['janusgraph-0(current)']);
  },
  20 * minutes,
);

test(
  'C6: a datacenter that is stopped stays so, although dev is synced by itself; started, it has its data',
  async () => {
    const [, , , revision] = (await delivered('dev')).split(' ');
    const stop = async (stopped: boolean) =>
      lab.kubectl([
        'patch',
        'cassandradatacenter',
        'paris',
        `--namespace=${dev}`,
        '--type=merge',
        `--patch=${JSON.stringify({ spec: { stopped } })}`,
      ]);
    await stop(true);
    const pods = async () =>
      lab.kubectl(['get', 'pods', `--namespace=${dev}`, '--selector=cassandra.datastax.com/cluster', '--output=name']);
    await lab.becomes(pods, '', dev);
    await lab.becomes(async () => delivered('dev'), /^Synced (Suspended|Progressing) /, dev);
    const application = ['application', 'janusgraph-banking-dev', '--namespace=argocd'];
    const asked = 'argocd.argoproj.io/refresh';
    await lab.kubectl(['annotate', ...application, `${asked}=hard`]);
    const annotations = async () => lab.kubectl(['get', ...application, '--output=jsonpath={.metadata.annotations}']);
    await lab.becomes(async () => String((await annotations()).includes(asked)), 'false', dev);
    expect(await delivered('dev')).toMatch(new RegExp(`^Synced .+ ${revision}$`));
    expect(await pods()).toBe('');
    await stop(false);
    await lab.becomes(accounts, '["N1"]', dev);
    await lab.becomes(async () => delivered('dev'), `Synced Healthy Succeeded ${revision}`, dev);
  },
  20 * minutes,
);

test.each(inFull ? ['kubelet', 'apiserver'] : ['kubelet'])(
  'the %s is started anew: the platform runs on and answers',
  async (server) => {
    const pods = ['hcd-paris-rack1-sts-0', 'janusgraph-0'];
    const before = await Promise.all(pods.map(life));
    await lab.restart(server);
    await lab.becomes(accounts, '["N1"]', dev);
    await lab.becomes(
      async () => (await delivered('dev')).split(' ').slice(0, 3).join(' '),
      'Synced Healthy Succeeded',
      dev,
    );
    expect(await Promise.all(pods.map(life))).toEqual(before);
  },
  15 * minutes,
);

test(
  'A7: staging follows its own revision by itself; prod waits for a person',
  async () => {
    const third = await push('staging', 'prod');
    await lab.becomes(
      async () => delivered('staging'),
      `Synced Healthy Succeeded ${third}`,
      'janusgraph-banking-staging',
    );
    await lab.becomes(async () => (await delivered('prod')).trim(), 'OutOfSync Missing', 'argocd');
    expect(await lab.kubectl(['get', 'namespaces', '--output=name'])).not.toContain('janusgraph-banking-prod');
    const application = ['application', 'janusgraph-banking-prod', '--namespace=argocd'];
    // As the command line does it: an operation does not ask the application for its options.
    const options = await lab.kubectl(['get', ...application, '--output=jsonpath={.spec.syncPolicy.syncOptions}']);
    const sync = { revision: third, prune: true, syncOptions: z.array(z.string()).parse(JSON.parse(options)) };
    const operation = { initiatedBy: { username: 'a person' }, sync };
    await lab.kubectl(['patch', ...application, '--type=merge', `--patch=${JSON.stringify({ operation })}`]);
    await lab.becomes(async () => delivered('prod'), `Synced Healthy Succeeded ${third}`, 'janusgraph-banking-prod');
    expect(await gremlin('g.V().count()', 'janusgraph-banking-prod')).toHaveLength(1);
  },
  30 * minutes,
);

test(
  'an application that is deleted leaves the platform; a datacenter that is deleted leaves its volumes',
  async () => {
    const namespace = 'janusgraph-banking-staging';
    const here = `--namespace=${namespace}`;
    const volumes = async () => lab.kubectl(['get', 'pvc', here, '--output=name', '--sort-by=.metadata.name']);
    const before = await volumes();
    expect(before).toContain('server-data-hcd-paris-rack1-sts-0');
    await lab.kubectl(['delete', 'application', namespace, '--namespace=argocd']);
    expect(await gremlin('g.V().count()', namespace)).toHaveLength(1);
    await lab.kubectl(['delete', 'cassandradatacenter', 'paris', here]);
    await lab.becomes(
      async () => lab.kubectl(['get', 'pod', 'hcd-paris-rack1-sts-0', here, '--ignore-not-found']),
      '',
      namespace,
    );
    expect(await volumes()).toBe(before);
  },
  10 * minutes,
);
