import { expect, test } from 'vitest';
import { type ConfigInput, configSchema, type EnvironmentConfig } from '../../model/config.ts';
import { configurationChanges, withSettings } from './configuration-changes.ts';
import type { EnvironmentRecord } from './environment-record.ts';

const directory = '/home/cardea/local';

type Written = Omit<ConfigInput['environments'][string], 'platform'> & { readonly heapMb?: number };

function configOf({ heapMb, ...rest }: Written = {}): EnvironmentConfig {
  const platform = { kind: 'sandbox' as const, ...(heapMb === undefined ? {} : { heapMb }) };
  const { environments } = configSchema.parse({ name: 'bank', environments: { local: { platform, ...rest } } });
  const [only] = Object.values(environments);
  if (only === undefined) throw new TypeError('the configuration lost its environment');
  return only;
}

/** What `sandbox up local` makes of a configuration of defaults. */
const record: EnvironmentRecord = {
  name: 'local',
  createdAt: '2026-02-19T09:00:00.000Z',
  network: '127.70.1',
  cluster: 'hcd-local',
  datacenter: 'hcd-paris',
  heapMb: 384,
  nodes: [0, 1, 2].map((at) => ({
    name: `local-rack1-sts-${at}`,
    rack: 'rack1',
    address: `127.70.1.${at + 1}`,
    tokens: [String(at)],
  })),
  graph: { address: '127.70.1.201', keyspace: 'janusgraph', index: 'search', replicationFactor: 3 },
  store: { kind: 'directory', path: `${directory}/bucket` },
  ownStoreServer: false,
  bandwidth: 0,
  shipping: { intervalMs: 250, maximumPinned: 4 * 1024 ** 3 },
  chosen: { nodes: false, store: false },
};

const keysOf = (config: EnvironmentConfig, of: EnvironmentRecord = record) =>
  configurationChanges(of, config, directory).map(({ key, takes }) => `${key}: ${takes}`);

test('an environment that its configuration made differs from it in nothing', () => {
  expect(keysOf(configOf())).toEqual([]);
  // The same said in other words.
  expect(keysOf(configOf({ backup: { log: { interval: '0.25s', maximumPinned: '4096MiB' } } }))).toEqual([]);
});

test('every setting that a running environment would ignore is named, with what it takes to apply it', () => {
  const config = configOf({
    heapMb: 512,
    datacenter: { cluster: 'other', name: 'lyon', racks: ['a', 'b'], size: 4 },
    janusgraph: { keyspace: 'bank', index: 'find', replicationFactor: 2 },
    backup: {
      store: { kind: 'directory', path: '/elsewhere' },
      bandwidth: 5,
      log: { interval: '1s', maximumPinned: '1GiB' },
    },
  });
  expect(keysOf(config)).toEqual([
    'platform.heapMb: nodes',
    'datacenter.cluster: environment',
    'datacenter.name: environment',
    'datacenter.racks: environment',
    'datacenter.size: environment',
    'janusgraph.keyspace: environment',
    'janusgraph.index: environment',
    'janusgraph.replicationFactor: environment',
    'backup.store: environment',
    'backup.bandwidth: agents',
    'backup.log.interval: agents',
    'backup.log.maximumPinned: agents',
  ]);
  expect(configurationChanges(record, config, directory)).toContainEqual({
    key: 'backup.log.interval',
    was: '250ms',
    is: '1s',
    takes: 'agents',
  });
  expect(configurationChanges(record, config, directory)).toContainEqual({
    key: 'backup.store',
    was: `directory ${directory}/bucket`,
    is: 'directory /elsewhere',
    takes: 'environment',
  });
});

test('what an option of sandbox up decided is no change, nor what a record does not say', () => {
  const [first] = record.nodes;
  if (first === undefined) throw new TypeError('the record lost its nodes');
  const small: EnvironmentRecord = {
    ...record,
    nodes: [first],
    graph: { ...record.graph, replicationFactor: 1 },
    store: { kind: 'directory', path: '/given' },
    chosen: { nodes: true, store: true },
  };
  expect(keysOf(configOf(), small)).toEqual([]);
  const { chosen: _, ...before } = small;
  expect(keysOf(configOf(), before)).toEqual([]);
  expect(keysOf(configOf(), { ...small, chosen: { nodes: false, store: false } })).toEqual([
    'datacenter.size: environment',
    'backup.store: environment',
  ]);
});

test('shipping that is turned on or off takes an environment made anew', () => {
  expect(keysOf(configOf({ backup: { log: { ship: false, interval: '9s' } } }))).toEqual([
    'backup.log.ship: environment',
  ]);
  const { shipping: _, ...silent } = record;
  expect(keysOf(configOf(), silent)).toEqual(['backup.log.ship: environment']);
});

test('a store on S3 is compared with all that decides where it is, and never with its credentials', () => {
  const store = { kind: 's3', bucket: 'backups', endpoint: 'https://s3.example.com' } as const;
  const keys = { accessKeyId: { env: 'ID' }, secretAccessKey: { env: 'KEY' } };
  const on: EnvironmentRecord = {
    ...record,
    store: {
      ...store,
      region: 'us-east-1',
      encryption: 'AES256',
      checksums: 'when-required',
      credentialsFile: '/x',
    },
  };
  expect(keysOf(configOf({ backup: { store: { ...store, ...keys } } }), on)).toEqual([]);
  for (const other of [{ bucket: 'others' }, { region: 'eu-west-3' }, { encryption: 'none' as const }]) {
    expect(keysOf(configOf({ backup: { store: { ...store, ...other } } }), on)).toEqual(['backup.store: environment']);
  }
});

test('a relative path is compared by its last part: it began in a folder that is not known any more', () => {
  const on: EnvironmentRecord = { ...record, store: { kind: 'directory', path: '/home/of/somebody/bucket' } };
  expect(keysOf(configOf({ backup: { store: { kind: 'directory', path: './bucket' } } }), on)).toEqual([]);
  expect(keysOf(configOf({ backup: { store: { kind: 'directory', path: './other' } } }), on)).toHaveLength(1);
});

test('the record follows what may be applied, and that alone', () => {
  const config = configOf({
    heapMb: 512,
    datacenter: { cluster: 'other' },
    backup: { bandwidth: 5, log: { interval: '1s' } },
  });
  expect(withSettings(record, config, new Set())).toEqual(record);
  expect(withSettings(record, config, new Set(['nodes'] as const))).toEqual({ ...record, heapMb: 512 });
  const followed = withSettings(record, config, new Set(['agents', 'nodes'] as const));
  expect(followed).toEqual({
    ...record,
    heapMb: 512,
    bandwidth: 5,
    shipping: { intervalMs: 1000, maximumPinned: 4 * 1024 ** 3 },
  });
  expect(keysOf(config, followed)).toEqual(['datacenter.cluster: environment']);
});
