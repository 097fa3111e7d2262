import { expect, test } from 'vitest';
import { type NodeVariables, serverConfiguration } from './server-configuration.ts';

const base = JSON.stringify({ num_tokens: 16, authenticator: 'AllowAllAuthenticator', phi_convict_threshold: 12 });

/** As cass-operator 1.30 sends it. */
function variables(config: object = {}): NodeVariables {
  return {
    configuration: JSON.stringify({
      'cluster-info': { name: 'hcd', seeds: 'hcd-seed-service,hcd-paris-additional-seed-service' },
      'datacenter-info': { name: 'hcd-paris', 'graph-enabled': 0, 'solr-enabled': 0, 'spark-enabled': 0 },
      ...config,
    }),
    podAddress: '10.244.0.9',
    hostAddress: '10.244.0.1',
    rack: 'rack1',
    broadcastHostAddress: false,
  };
}

test('a node gets its names, its own addresses and the seeds behind the operator’s services', () => {
  const { files } = serverConfiguration(variables(), base);
  expect(JSON.parse(files['cassandra.yaml'] ?? '')).toMatchObject({
    cluster_name: 'hcd',
    listen_address: '10.244.0.9',
    rpc_address: '0.0.0.0',
    broadcast_rpc_address: '10.244.0.9',
    num_tokens: 16,
    seed_provider: [{ parameters: [{ seeds: 'hcd-seed-service,hcd-paris-additional-seed-service' }] }],
  });
  expect(files['cassandra-rackdc.properties']).toBe('dc=hcd-paris\nrack=rack1\nprefer_local=false\n');
});

test('what the datacenter asks for wins over the image, and null takes a setting away', () => {
  const asked = { 'cassandra-yaml': { authenticator: 'PasswordAuthenticator', phi_convict_threshold: null } };
  const yaml = JSON.parse(serverConfiguration(variables(asked), base).files['cassandra.yaml'] ?? '');
  expect(yaml.authenticator).toBe('PasswordAuthenticator');
  expect(yaml).not.toHaveProperty('phi_convict_threshold');
});

test('heap sizes and options reach the JVM, with one garbage collector', () => {
  const heap = {
    'jvm-server-options': { initial_heap_size: '512M', max_heap_size: '512M', 'additional-jvm-opts': ['-Da="b"'] },
  };
  expect(serverConfiguration(variables(heap), base).files['jvm.options']).toBe(
    '"-XX:+UseSerialGC"\n"-Xms512M"\n"-Xmx512M"\n"-Da=\\"b\\""\n',
  );
  const collector = { 'jvm17-server-options': { garbage_collector: 'ZGC' } };
  expect(serverConfiguration(variables(collector), base).files['jvm.options']).toBe('"-XX:+UseZGC"\n');
});

test('an option that the builder does not know is told', () => {
  const asked = { 'jvm-server-options': { resize_tlb: true } };
  expect(serverConfiguration(variables(asked), base).unknown).toEqual(['resize_tlb']);
});

test('a configuration that cannot be read is refused', () => {
  expect(() => serverConfiguration({ ...variables(), configuration: '' }, base)).toThrow(/has an unexpected form/);
});
