import { expect, test } from 'vitest';
import { type LoggedTable, loggedTable } from './log-schema.ts';
import { type ComparedSchema, schemaDifference } from './schema-difference.ts';

function table(name: string, change: Partial<LoggedTable> = {}): LoggedTable {
  const column = { position: -1, type: 'blob', clusteringOrder: 'none' };
  return loggedTable.parse({
    keyspace: 'graph',
    table: name,
    id: '6f8a2c44-0d7e-4d35-9f04-000000000000',
    columns: [
      { ...column, name: 'key', kind: 'partition_key', position: 0 },
      { ...column, name: 'value', kind: 'regular' },
    ],
    ...change,
  });
}

function schema(tables: readonly LoggedTable[], replicas = '3'): ComparedSchema {
  const keyspaces = ['graph', 'system_auth'].map((keyspace) => ({
    keyspace,
    durableWrites: true,
    replication: { class: 'NetworkTopologyStrategy', dc1: replicas },
  }));
  return { tables: [...tables], keyspaces };
}

const none = { changed: [], added: [], replicatedOtherwise: [] };
const other = '6f8a2c44-0d7e-4d35-9f04-000000000001';
const third = '6f8a2c44-0d7e-4d35-9f04-000000000002';

test('a schema told in another order is no other one', () => {
  const [one, two] = [table('one'), table('two', { id: other })];
  const turned = { ...one, columns: one.columns.toReversed() };
  expect(schemaDifference(schema([one, two]), schema([two, turned]))).toEqual(none);
});

test('tables are known by their ids, and told by their names', () => {
  const before = schema([table('kept'), table('gone', { id: other })]);
  const wider = table('kept', { columns: table('kept').columns.slice(0, 1) });
  const anew = table('gone', { id: third });
  expect(schemaDifference(before, schema([wider, anew]))).toEqual({
    changed: [
      { table: 'graph.kept', what: 'altered' },
      { table: 'graph.gone', what: 'made anew' },
    ],
    added: [anew],
    replicatedOtherwise: [],
  });
  expect(schemaDifference(before, schema([table('kept')])).changed).toEqual([{ table: 'graph.gone', what: 'dropped' }]);
});

test('a column that was dropped alters a table, for its cells may still stand in the log', () => {
  const after = table('one', { dropped: [{ name: 'old', type: 'text', kind: 'regular' }] });
  expect(schemaDifference(schema([table('one')]), schema([after])).changed).toHaveLength(1);
});

test('Cassandra’s own keyspaces do not count', () => {
  const own = table('roles', { keyspace: 'system_auth', id: other });
  const [before, after] = [schema([table('one'), own]), schema([table('one')], '5')];
  expect(schemaDifference(before, after)).toEqual({ ...none, replicatedOtherwise: ['graph'] });
});
