import { expect, test } from 'vitest';
import { endpointStates, quorumLack, silentNodes } from './endpoint-states.ts';

/** Rows of `system_views.gossip_info`, as Cassandra 5.0 fills them. */
const rows = ['10.244.0.7', '10.244.0.8', '10.244.0.9'].map((address, at) => ({
  address,
  dc: 'hcd-paris',
  rack: 'rack1',
  host_id: `host-${at}`,
  status: null,
  status_with_port: 'NORMAL,-1',
  native_address_and_port: `${address}:9042`,
}));

test('every node is told in the words that cass-operator reads, itself marked and the silent ones too', () => {
  const states = endpointStates(rows, { local: '10.244.0.7', silent: new Set(['10.244.0.9']) });
  expect(states[0]).toEqual({
    DC: 'hcd-paris',
    RACK: 'rack1',
    HOST_ID: 'host-0',
    STATUS_WITH_PORT: 'NORMAL,-1',
    NATIVE_ADDRESS_AND_PORT: '10.244.0.7:9042',
    ENDPOINT_IP: '10.244.0.7',
    IS_LOCAL: 'true',
    IS_ALIVE: 'true',
  });
  expect(states.map((each) => each['IS_ALIVE'])).toEqual(['true', 'true', 'false']);
});

test('a node whose heartbeat stands still is silent; one that is new, or was started anew, is not', () => {
  const beat = (address: string, generation: number, heartbeat: number) => ({ address, generation, heartbeat });
  const first = [beat('10.244.0.7', 1, 5), beat('10.244.0.8', 1, 5), beat('10.244.0.9', 1, 5)];
  const now = [...first.slice(0, 2), beat('10.244.0.9', 2, 5), beat('10.244.0.10', 1, 5)];
  expect(silentNodes(first, now, '10.244.0.7')).toEqual(new Set(['10.244.0.8']));
});

test('a quorum of three replicas stands one silent node and not two', () => {
  const lack = (down: readonly string[], replicas: number) =>
    quorumLack(endpointStates(rows, { local: '10.244.0.7', silent: new Set(down) }), replicas);
  expect(lack([], 3)).toBeUndefined();
  expect(lack(['10.244.0.8'], 3)).toBeUndefined();
  expect(lack(['10.244.0.8', '10.244.0.9'], 3)).toMatch(/10\.244\.0\.8, 10\.244\.0\.9/);
  expect(lack(['10.244.0.8'], 1)).toBeDefined();
});

test('a ring of fewer nodes than a quorum lacks it', () => {
  const [alone] = rows;
  expect(quorumLack(endpointStates([alone], { local: '10.244.0.7', silent: new Set() }), 3)).toBe(
    '2 replicas required, but only 1 nodes in the ring',
  );
  expect(quorumLack(endpointStates([alone], { local: '10.244.0.7', silent: new Set() }), 1)).toBeUndefined();
});
