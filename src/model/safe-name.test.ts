import { expect, test } from 'vitest';
import { inventoryDocument, nodeBackup, restorePointDocument } from './restore-point.ts';
import { restoreRecordDocument } from './restore-record.ts';

const file = (path: string) => ({ path, bytes: 1, sha256: '00' });
const inventory = (table: object) => ({
  point: 'backup-20260219-020000',
  node: 'a',
  tables: [
    {
      keyspace: 'Aml_2',
      table: 'edgestore-7f6c1c20a1b211ee8c8d0f1e2d3c4b5a',
      files: [file('nb-1-big-Data.db')],
      ...table,
    },
  ],
});
const reads = (table: object) => inventoryDocument.body.safeParse(inventory(table)).success;

test('what Cassandra names its files and folders is taken', () => {
  const files = [
    'nb-1-big-Data.db',
    'nb-3g7k_0abc_1x2y3z4w5v6u7t8s9r-big-CompressionInfo.db',
    'da-2-bti-Partitions.db',
    'nb-1-big-SAI+aa+owner+Meta.db',
    'nb-1-big-SI_owner_idx.db',
    '.Owner_idx/nb-1-big-Digest.crc32',
  ].map(file);
  expect(reads({ files })).toBe(true);
  expect(reads({ keyspace: '_Quoted1' })).toBe(true);
});

test.each([
  '..',
  '.',
  '',
  'a/b',
  '../janusgraph',
  '-rf',
  '.hidden',
  'a b',
  'a\nb',
  'a\0b',
  '"a"',
  'a-b',
  'x'.repeat(300),
])('an inventory with the keyspace %j is not read', (keyspace) => {
  expect(reads({ keyspace })).toBe(false);
  const document = JSON.stringify({ kind: 'inventory', version: 1, ...inventory({ keyspace }) });
  expect(() => inventoryDocument.read(document, 'inventories/x.json')).toThrow('inventories/x.json cannot be read');
});

test.each(['..', '../edges-01', '', '-01', '.edges-01', 'edges-01/../..', 'edges-01\n', 'a/b-01'])(
  'an inventory with the table folder %j is not read',
  (table) => {
    expect(reads({ table })).toBe(false);
  },
);

test.each([
  '..',
  '../x.db',
  '/etc/passwd',
  '.hidden',
  '-rf',
  '.idx/../x.db',
  '.idx/.x.db',
  '../.idx/x.db',
  'sub/x.db',
  '.a/.b/x.db',
  'x.db\n',
  '',
])('an inventory with the file %j is not read', (path) => {
  expect(reads({ files: [file(path)] })).toBe(false);
});

const node = {
  node: 'hcd-paris-rack1-sts-0',
  hostId: 'h',
  tokens: ['-9223372036854775808', '0'],
  datacenter: 'hcd-paris',
  rack: 'rack 1',
  bytes: 0,
  files: 0,
  newBytes: 0,
  inventory: 'i',
};

test('what a point says of its nodes cannot add lines to the settings of a copy, nor leave its folders', () => {
  expect(nodeBackup.safeParse(node).success).toBe(true);
  const wrong = [
    { node: '../../etc' },
    { tokens: ['0\naudit_logging_options: {archive_command: "/bin/sh"}'] },
    { datacenter: 'dc\nstorage.backend=evil' },
    { rack: '../..' },
    { rack: 'rack1\nprefer_local=true' },
  ];
  for (const change of wrong) expect(nodeBackup.safeParse({ ...node, ...change }).success).toBe(false);
});

test('the keyspace of a point cannot add lines to the settings of the server of a copy', () => {
  const { keyspace } = restorePointDocument.body.shape;
  expect(keyspace.safeParse('janusgraph').success).toBe(true);
  expect(keyspace.safeParse('janusgraph\nstorage.backend=evil').success).toBe(false);
});

test('what a restore record says of the data aside is a plain name, because that folder is deleted', () => {
  const record = {
    run: 'restore-20260219-031500-k3f9',
    environment: 'prod',
    point: 'backup-20260219-020000',
    aside: 'restore-20260219-031500-k3f9',
    startedAt: '2026-02-19T03:15:00.000Z',
    state: 'open',
  };
  expect(restoreRecordDocument.body.safeParse(record).success).toBe(true);
  for (const aside of ['..', '../../data', '', '/']) {
    expect(restoreRecordDocument.body.safeParse({ ...record, aside }).success).toBe(false);
  }
  expect(restoreRecordDocument.body.safeParse({ ...record, environment: 'prod; reboot' }).success).toBe(false);
});
