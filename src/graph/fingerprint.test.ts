import { expect, test } from 'vitest';
import { TableRows } from '../../test/support/table-rows.ts';
import { shownValue } from './codec/attribute.ts';
import { fingerprintGraph } from './fingerprint.ts';
import { scanGraph } from './scan.ts';
import { readSchema } from './schema.ts';

const keyspace = 'janusgraph';

test('the schema of a real graph is read from its rows', async () => {
  const schema = await readSchema(new TableRows(), keyspace);
  expect([...schema.labels.values()].map((label) => label.name).sort()).toEqual([
    'a',
    'account',
    'b',
    'frozen',
    'hub',
    'person',
  ]);
  const types = [...schema.types.values()];
  expect(types.find((type) => type.name === 'transfer')).toMatchObject({ multiplicity: 'multi', descending: true });
  expect(types.find((type) => type.name === 'tag')).toMatchObject({ outOnly: true });
  expect(types.find((type) => type.name === 'email')).toMatchObject({ dataType: 'String', multiplicity: 'simple' });
  expect(schema.compositeIndexes.find((index) => index.name === 'byNamePhone')).toMatchObject({
    element: 'vertex',
    cardinality: 'list',
    keys: [{ name: 'name' }, { name: 'phone' }],
  });
  expect(schema.mixedIndexes).toMatchObject([{ name: 'search', backend: 'search', store: 'search' }]);
});

test('every value, of every type, is read as it was written', async () => {
  const database = new TableRows();
  const schema = await readSchema(database, keyspace);
  const read: Record<string, string> = {};
  await scanGraph({ database, keyspace }, schema, {
    relation(vertex, relation) {
      if (vertex.id === 4224 && relation.value !== undefined) {
        read[relation.type.name] = `${relation.value.type} ${shownValue(relation.value)}`;
      }
      if (relation.type.name === 'transfer' && relation.direction === 'out') {
        for (const { key, value } of relation.properties)
          read[`transfer ${relation.id} ${key.name}`] = shownValue(value);
      }
    },
    vertexEnd: () => undefined,
    damaged: (_vertex, _key, problem) => {
      throw problem;
    },
  });
  expect(read).toMatchInlineSnapshot(`
    {
      "amount": "Double 12.5",
      "b": "Byte -7",
      "ba": "byte[] [1,2,-3]",
      "bo": "Boolean true",
      "ch": "Character "é"",
      "dt": "Date 1700000000000",
      "fl": "Float 1.25",
      "geo": "Geoshape 010140340000000000004024000000000000",
      "inst": "Instant "1700000000.123456789"",
      "la": "long[] [1,-2]",
      "ob": "Long 5",
      "sa": "String[] [1'x',0'',1'ø']",
      "sh": "Short -300",
      "since": "Long -5",
      "transfer 3100 since": "50",
      "transfer 6175 amount": "9.75",
      "transfer 6175 note": ""hi"",
      "transfer 6175 since": "100",
      "transfer 6687 amount": "3",
      "transfer 6687 since": "100",
      "transfer 9247 since": "1",
      "uu": "UUID "12345678-9abc-def0-8765-43210fedcba9"",
    }
  `);
});

test('the fingerprint counts what Gremlin counts and does not depend on the order of rows', async () => {
  const database = new TableRows();
  const before = await fingerprintGraph(database, keyspace);
  expect(before).toMatchInlineSnapshot(`
    {
      "edgeLabels": {
        "knows": 2,
        "lives": 1,
        "owns": 1,
        "spouse": 1,
        "tag": 1,
        "transfer": 6,
      },
      "edges": 12,
      "hash": "d012a1e3087b9349792cab28257372aeba769e0ee85d9c5178fcac7f60af763d",
      "properties": 29,
      "propertyKeys": {
        "age": 2,
        "amount": 1,
        "b": 1,
        "ba": 1,
        "bo": 1,
        "ch": 1,
        "dt": 1,
        "email": 3,
        "fl": 1,
        "geo": 1,
        "inst": 1,
        "la": 1,
        "name": 5,
        "note": 1,
        "ob": 1,
        "phone": 3,
        "sa": 1,
        "sh": 1,
        "since": 1,
        "uu": 1,
      },
      "vertexLabels": {
        "account": 1,
        "frozen": 1,
        "hub": 1,
        "person": 2,
        "vertex": 1,
      },
      "vertices": 6,
    }
  `);
  const cells = [...(database.tables.edgestore?.values() ?? [])].reverse();
  database.tables.edgestore?.clear();
  for (const [key, column, value] of cells) database.put('edgestore', key, column, value);
  expect(await fingerprintGraph(database, keyspace)).toEqual(before);
});

test('one changed bit in any value of the graph changes the fingerprint', async () => {
  const database = new TableRows();
  const before = await fingerprintGraph(database, keyspace);
  // The age of one person, 41, becomes 42.
  const [key, column, value] = [...(database.tables.edgestore?.values() ?? [])].find(([, , one]) =>
    one.startsWith('00d2'),
  ) ?? ['', '', ''];
  database.put('edgestore', key, column, value.replace('00d2', '00d4'));
  const after = await fingerprintGraph(database, keyspace);
  expect(after.hash).not.toBe(before.hash);
  expect({ ...after, hash: '' }).toEqual({ ...before, hash: '' });
});
