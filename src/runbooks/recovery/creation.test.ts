import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { creationOf } from './creation.ts';

const id = '5a1c4d20-0f2b-11f1-8f3e-3b1c5d7e9a01';
const wanted = { keyspace: 'bank', table: 'late', id };

/** As Cassandra's DESCRIBE SCHEMA WITH INTERNALS writes it. */
const keyspace = `CREATE KEYSPACE bank WITH replication = {'class': 'NetworkTopologyStrategy', 'hcd-paris': '3'}  AND durable_writes = true;`;
const table = `CREATE TABLE bank.late (
    key blob,
    column1 blob,
    value blob,
    PRIMARY KEY (key, column1)
) WITH ID = ${id}
    AND CLUSTERING ORDER BY (column1 ASC)
    AND additional_write_policy = '99p'
    AND bloom_filter_fp_chance = 0.01
    AND caching = {'keys': 'ALL', 'rows_per_partition': 'NONE'}
    AND cdc = false
    AND comment = 'it''s new; -- really'
    AND compaction = {'class': 'org.apache.cassandra.db.compaction.SizeTieredCompactionStrategy', 'max_threshold': '32'}
    AND compression = {'chunk_length_in_kb': '16', 'class': 'org.apache.cassandra.io.compress.LZ4Compressor'}
    AND memtable = 'default'
    AND crc_check_chance = 1.0
    AND default_time_to_live = 0
    AND extensions = {}
    AND gc_grace_seconds = 864000
    AND speculative_retry = '99p';`;
const schema = (...statements: readonly string[]) => statements.join('\n\n');

function statements(cql: string, of = wanted): readonly string[] {
  const creation = creationOf(cql, of);
  if (typeof creation === 'string') throw new TypeError(creation);
  return creation.statements;
}

test('a table is created from its parts, which are read and written anew', () => {
  expect(statements(schema(keyspace, table))).toEqual([
    `CREATE KEYSPACE IF NOT EXISTS "bank" WITH replication = {'class': 'NetworkTopologyStrategy', 'hcd-paris': '3'} AND durable_writes = true`,
    `CREATE TABLE "bank"."late" ("key" blob, "column1" blob, "value" blob, PRIMARY KEY ("key", "column1")) WITH ID = ${id} AND CLUSTERING ORDER BY ("column1" ASC) AND additional_write_policy = '99p' AND bloom_filter_fp_chance = 0.01 AND caching = {'keys': 'ALL', 'rows_per_partition': 'NONE'} AND cdc = false AND comment = 'it''s new; -- really' AND compaction = {'class': 'org.apache.cassandra.db.compaction.SizeTieredCompactionStrategy', 'max_threshold': '32'} AND compression = {'chunk_length_in_kb': '16', 'class': 'org.apache.cassandra.io.compress.LZ4Compressor'} AND memtable = 'default' AND crc_check_chance = 1.0 AND default_time_to_live = 0 AND extensions = {} AND gc_grace_seconds = 864000 AND speculative_retry = '99p'`,
  ]);
});

test('names that are quoted, for their capital letters, are found and kept', () => {
  const mixed = schema(
    `CREATE KEYSPACE "Aml" WITH replication = {'class': 'SimpleStrategy', 'replication_factor': '1'} AND durable_writes = true;`,
    `CREATE TABLE "Aml"."Late" (\n    "Key" blob PRIMARY KEY,\n    plain text\n) WITH ID = ${id}\n    AND comment = '';`,
  );
  expect(statements(mixed, { keyspace: 'Aml', table: 'Late', id })).toEqual([
    `CREATE KEYSPACE IF NOT EXISTS "Aml" WITH replication = {'class': 'SimpleStrategy', 'replication_factor': '1'} AND durable_writes = true`,
    `CREATE TABLE "Aml"."Late" ("Key" blob PRIMARY KEY, "plain" text) WITH ID = ${id} AND comment = ''`,
  ]);
  expect(creationOf(mixed, { keyspace: 'aml', table: 'Late', id })).toContain('it names "Aml"');
});

test('types of the keyspace come before the table that uses them, and dropped columns after it', () => {
  const cql = schema(
    'CREATE TYPE bank.address (\n    street text,\n    town frozen<town>\n);',
    'CREATE TYPE bank.town (\n    name text\n);',
    'CREATE TYPE other.address (a int);',
    `CREATE TABLE bank.late (\n    k int,\n    c int,\n    s text static,\n    home frozen<address>,\n    seen map<text, frozen<list<int>>>,\n    near vector<float, 3>,\n    gone text,\n    PRIMARY KEY ((k, c), home)\n) WITH ID = ${id}\n    AND CLUSTERING ORDER BY (home DESC);\nALTER TABLE bank.late DROP gone USING TIMESTAMP 1771466400000000;\nALTER TABLE bank.late ADD gone text;`,
    'ALTER TABLE bank.other DROP gone USING TIMESTAMP 1;',
  );
  expect(statements(cql)).toEqual([
    'CREATE TYPE IF NOT EXISTS "bank"."town" ("name" text)',
    'CREATE TYPE IF NOT EXISTS "bank"."address" ("street" text, "town" frozen<town>)',
    `CREATE TABLE "bank"."late" ("k" int, "c" int, "s" text static, "home" frozen<address>, "seen" map<text, frozen<list<int>>>, "near" vector<float, 3>, "gone" text, PRIMARY KEY (("k", "c"), "home")) WITH ID = ${id} AND CLUSTERING ORDER BY ("home" DESC)`,
    'ALTER TABLE "bank"."late" DROP "gone" USING TIMESTAMP 1771466400000000',
    'ALTER TABLE "bank"."late" ADD "gone" text',
  ]);
});

const simple = (options: string) => `CREATE TABLE bank.late (k int PRIMARY KEY) WITH ID = ${id} ${options};`;

test.each([
  ['no statement with its id', 'CREATE TABLE bank.late (k int PRIMARY KEY);', '0 statements have its id'],
  ['two statements with its id', schema(table, table), '2 statements have its id'],
  ['another table under its id', table.replace('bank.late', 'system_auth.roles'), 'it names "system_auth"'],
  ['another kind of statement', `DROP TABLE bank.late WITH ID = ${id};`, 'create table expected, "drop" found'],
  ['a view', `CREATE MATERIALIZED VIEW bank.late AS SELECT * FROM bank.t WITH ID = ${id};`, 'create table expected'],
  [
    'an option that is not known',
    simple(`AND triggers = {'class': 'x'}`),
    'the option triggers of a table is not known',
  ],
  [
    'a class of somebody else',
    simple(`AND compaction = {'class': 'com.evil.Strategy'}`),
    'the class "com.evil.Strategy"',
  ],
  ['a class as a compressor', simple(`AND compression = {'class': 'java.lang.Runtime.x'}`), 'the class "java.lang'],
  ['a type by its class', `CREATE TABLE bank.late (k 'com.evil.Type' PRIMARY KEY) WITH ID = ${id};`, 'found'],
  ['a word as a value', simple('AND comment = now'), 'a value expected, now found'],
  ['something after its end', simple(`AND comment = '' DROP KEYSPACE bank`), 'its end expected, "drop" found'],
  [
    'a strategy of somebody else',
    schema(keyspace.replace('NetworkTopologyStrategy', 'com.evil.S'), table),
    'com.evil.S',
  ],
  [
    'an unknown option of its keyspace',
    schema(keyspace.replace('durable_writes', 'storage'), table),
    'the option storage',
  ],
  ['an open quote', `${table} ' `, 'not CQL'],
  ['an alteration that drops the table', `${table} ALTER TABLE bank.late RENAME a TO b;`, 'add expected'],
])('a schema with %s is not executed', (_what, cql, why) => {
  expect(creationOf(cql, wanted)).toEqual(expect.stringContaining(why));
});

test('a statement hidden in a comment, a text or a name stays what it is', () => {
  const evil = `'; DROP KEYSPACE bank; --`;
  const [made = ''] = statements(simple(`AND comment = '${evil.replaceAll("'", "''")}' /* ; DROP TABLE bank.late; */`));
  expect(made).toBe(
    `CREATE TABLE "bank"."late" ("k" int PRIMARY KEY) WITH ID = ${id} AND comment = '''; DROP KEYSPACE bank; --'`,
  );
  const named = `CREATE TABLE bank.late (k int, "a"" int); DROP TABLE x; --" int, PRIMARY KEY (k)) WITH ID = ${id};`;
  expect(statements(named)).toEqual([
    `CREATE TABLE "bank"."late" ("k" int, "a"" int); DROP TABLE x; --" int, PRIMARY KEY ("k")) WITH ID = ${id}`,
  ]);
});

test('whatever a schema says, only creations of the wanted objects come out of it', () => {
  const piece = fc.constantFrom(
    table,
    keyspace,
    'DROP TABLE bank.late;',
    'CREATE KEYSPACE bank WITH',
    `WITH ID = ${id}`,
    `CREATE TABLE bank.late (`,
    'k int PRIMARY KEY)',
    ' AND ',
    "comment = '",
    "'",
    '"',
    ';',
    '--',
    '/*',
    '*/',
    '$$',
    'ALTER TABLE bank.late ADD x int;',
    'CREATE TYPE bank.int (a int);',
    'GRANT ALL ON ALL KEYSPACES TO mallory;',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const creation = creationOf(pieces.join(' '), wanted);
      if (typeof creation === 'string') return;
      for (const statement of creation.statements) {
        expect(statement).toMatch(
          /^(?:CREATE KEYSPACE IF NOT EXISTS "bank" WITH|CREATE TYPE IF NOT EXISTS "bank"\.|CREATE TABLE "bank"\."late" \(|ALTER TABLE "bank"\."late" (?:ADD|DROP) )/,
        );
        // Written anew, it reads as one statement again.
        if (statement.startsWith('CREATE TABLE')) expect(statements(`${statement};`)).toEqual([statement]);
      }
    }),
    { numRuns: 500 },
  );
});
