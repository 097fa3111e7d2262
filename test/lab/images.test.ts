import { afterAll, beforeAll, expect, test } from 'vitest';
import { imageNames } from '../../lab/images/image-names.ts';
import { waitFor } from '../../src/host/wait-for.ts';
import { ownLab } from '../support/own-lab.ts';

/**
 * The lab's images under the real cass-operator, in a lab of their own: what it asks of a server image and its management API, and what
 * Cardea will ask of it. The order of the tests is a story.
 */
const lab = ownLab();
const namespace = 'images-test';
const pod = 'hcd-paris-rack1-sts-0';

const kubectl = (args: readonly string[], input?: string) => lab.kubectl([`--namespace=${namespace}`, ...args], input);

async function apply(...items: readonly object[]): Promise<void> {
  await kubectl(['apply', '--filename=-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
}

/** Waits until the template of kubectl gives `expected`. */
async function becomes(object: readonly string[], jsonpath: string, expected: string): Promise<void> {
  await lab.becomes(async () => kubectl(['get', ...object, `--output=jsonpath=${jsonpath}`]), expected, namespace);
}

const condition = (type: string) => `{.status.conditions[?(@.type=="${type}")].status}`;
const progress = `{.status.cassandraOperatorProgress} ${condition('Ready')} ${condition('Stopped')}`;

function datacenter(spec: object): object {
  return {
    apiVersion: 'cassandra.datastax.com/v1beta1',
    kind: 'CassandraDatacenter',
    metadata: { name: 'paris' },
    spec: {
      clusterName: 'hcd',
      datacenterName: 'hcd-paris',
      serverType: 'cassandra',
      serverVersion: imageNames.cassandra.split(':')[1],
      serverImage: imageNames.cassandra,
      readOnlyRootFilesystem: true,
      racks: [{ name: 'rack1' }],
      managementApiAuth: { insecure: {} },
      allowMultipleNodesPerWorker: true,
      disableSystemLoggerSidecar: true,
      resources: { requests: { cpu: '50m', memory: '800Mi' }, limits: { memory: '1500Mi' } },
      configBuilderResources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '256Mi' } },
      storageConfig: {
        cassandraDataVolumeClaimSpec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
      },
      config: {
        'cassandra-yaml': { authenticator: 'PasswordAuthenticator', authorizer: 'CassandraAuthorizer' },
        'jvm-server-options': { initial_heap_size: '384M', max_heap_size: '384M' },
      },
      podTemplateSpec: {
        spec: {
          containers: [],
          initContainers: [{ name: 'server-config-init', image: imageNames.cassandra, args: ['config', 'build'] }],
        },
      },
      ...spec,
    },
  };
}

const configuration = {
  'janusgraph.properties': [
    'gremlin.graph=org.janusgraph.core.JanusGraphFactory',
    'storage.backend=cql',
    'storage.hostname=hcd-paris-service',
    'storage.username=${env:CQL_USERNAME}',
    'storage.password=${env:CQL_PASSWORD}',
    'storage.cql.local-datacenter=hcd-paris',
    // Pods come back with another address: names are looked up again.
    'storage.cql.internal.string-configuration=datastax-java-driver { advanced.resolve-contact-points = false }',
  ].join('\n'),
  'server.yaml': JSON.stringify({
    host: '0.0.0.0',
    port: 8182,
    channelizer: 'org.apache.tinkerpop.gremlin.server.channel.WsAndHttpChannelizer',
    graphs: { graph: '/etc/janusgraph/janusgraph.properties' },
    scriptEngines: {
      'gremlin-groovy': {
        plugins: {
          'org.janusgraph.graphdb.tinkerpop.plugin.JanusGraphGremlinPlugin': {},
          'org.apache.tinkerpop.gremlin.jsr223.ScriptFileGremlinPlugin': { files: ['/etc/janusgraph/start.groovy'] },
        },
      },
    },
    serializers: [
      {
        className: 'org.apache.tinkerpop.gremlin.util.ser.GraphSONMessageSerializerV3',
        config: { ioRegistries: ['org.janusgraph.graphdb.tinkerpop.JanusGraphIoRegistry'] },
      },
    ],
  }),
  'start.groovy': 'def globals = [:]\nglobals << [g: traversal().withEmbedded(graph)]\n',
};

function graphServer(): object {
  const secret = (key: string) => ({ secretKeyRef: { name: 'hcd-superuser', key } });
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'janusgraph' },
    spec: {
      securityContext: { runAsNonRoot: true },
      containers: [
        {
          name: 'janusgraph',
          image: imageNames.janusgraph,
          imagePullPolicy: 'Never',
          env: [
            { name: 'JAVA_OPTIONS', value: '-Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1' },
            { name: 'CQL_USERNAME', valueFrom: secret('username') },
            { name: 'CQL_PASSWORD', valueFrom: secret('password') },
          ],
          securityContext: { readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
          readinessProbe: {
            httpGet: { path: '/?gremlin=g.V(256L).hasNext()', port: 8182 },
            periodSeconds: 3,
            timeoutSeconds: 10,
          },
          volumeMounts: [
            { name: 'temporary', mountPath: '/tmp' },
            { name: 'configuration', mountPath: '/etc/janusgraph' },
          ],
        },
      ],
      volumes: [
        { name: 'temporary', emptyDir: {} },
        { name: 'configuration', configMap: { name: 'janusgraph' } },
      ],
    },
  };
}

async function gremlin(query: string): Promise<unknown> {
  const url = `http://localhost:8182/?gremlin=${encodeURIComponent(query)}`;
  return JSON.parse(await kubectl(['exec', 'janusgraph', '--', 'curl', '--silent', '--show-error', url])).result.data;
}

beforeAll(async () => {
  await lab.up();
  await kubectl(['create', 'namespace', namespace]);
});

afterAll(() => lab.down());

test('cass-operator brings a datacenter of the Cassandra image to Ready, with a superuser of its own', async () => {
  await apply(datacenter({ size: 1 }));
  await becomes(['cassandradatacenter', 'paris'], progress, 'Ready True False');
  const containers = '{.spec.containers[*].name} {.spec.containers[0].securityContext.readOnlyRootFilesystem}';
  expect(await kubectl(['get', 'pod', pod, `--output=jsonpath=${containers}`])).toBe('cassandra true');
}, 900_000);

test('K7: nodetool and df answer in the first container of a node', async () => {
  expect(await kubectl(['exec', pod, '--', 'nodetool', 'status'])).toMatch(/^UN +10\.244\./m);
  expect(await kubectl(['exec', pod, '--', 'df', '-h', '/var/lib/cassandra'])).toContain('/var/lib/cassandra');
  await kubectl(['exec', pod, '--', 'nodetool', 'clearsnapshot', '--all']);
});

test('JanusGraph opens its graph in it, as the superuser from the secret, and writes', async () => {
  const metadata = { name: 'janusgraph' };
  await apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: configuration }, graphServer());
  await becomes(['pod', 'janusgraph'], condition('Ready'), 'True');
  await gremlin("g.addV('account').iterate(); g.tx().commit()");
  expect(await gremlin('g.V().count()')).toMatchObject({ '@value': [{ '@value': 1 }] });
});

test('C6: stopped, the datacenter has no pod; started, it has its data, and JanusGraph finds it again', async () => {
  await apply(datacenter({ size: 1, stopped: true }));
  await becomes(['cassandradatacenter', 'paris'], condition('Stopped'), 'True');
  await becomes(['pods'], '{.items[*].metadata.name}', 'janusgraph');
  await apply(datacenter({ size: 1, stopped: false }));
  await becomes(['cassandradatacenter', 'paris'], progress, 'Ready True False');
  await becomes(['pod', 'janusgraph'], condition('Ready'), 'True');
  expect(await gremlin('g.V().count()')).toMatchObject({ '@value': [{ '@value': 1 }] });
}, 1_200_000);

test('a second node joins, and a task of the operator runs on both', async () => {
  await apply(datacenter({ size: 2 }));
  await becomes(['statefulset', 'hcd-paris-rack1-sts'], '{.status.readyReplicas}', '2');
  await becomes(['cassandradatacenter', 'paris'], progress, 'Ready True False');
  expect((await kubectl(['exec', pod, '--', 'nodetool', 'status'])).match(/^UN /gm)).toHaveLength(2);
  await apply({
    apiVersion: 'control.k8ssandra.io/v1alpha1',
    kind: 'CassandraTask',
    metadata: { name: 'cleanup' },
    spec: { datacenter: { name: 'paris', namespace }, jobs: [{ name: 'cleanup', command: 'cleanup' }] },
  });
  await becomes(['cassandratask', 'cleanup'], `{.status.succeeded} ${condition('Complete')}`, '2 True');
}, 1_200_000);

test('a node that is killed is made anew by the operator, with its data, and the ring is whole again', async () => {
  const uid = async () => kubectl(['get', 'pod', pod, '--ignore-not-found', '--output=jsonpath={.metadata.uid}']);
  const before = await uid();
  await kubectl(['exec', pod, '--', '/bin/sh', '-c', 'kill -9 $(pgrep java)']);
  const again = async () => (['', before].includes(await uid()) ? undefined : true);
  expect(await waitFor(again, { withinMs: 300_000, everyMs: 500 })).toBe(true);
  await becomes(['statefulset', 'hcd-paris-rack1-sts'], '{.status.readyReplicas}', '2');
  await becomes(['cassandradatacenter', 'paris'], `${progress} ${condition('Healthy')}`, 'Ready True False True');
  await becomes(['pod', 'janusgraph'], condition('Ready'), 'True');
  expect(await gremlin('g.V().count()')).toMatchObject({ '@value': [{ '@value': 1 }] });
}, 1_200_000);
