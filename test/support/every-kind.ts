/** CQL that puts everything into the log that Cassandra can write there, into a keyspace of its own. Pure: statements in order. */
export function everyKind(keyspace: string): readonly string[] {
  const wide = Array.from({ length: 80 }, (_, at) => `c${String(at).padStart(2, '0')}`);
  const wideValues = wide.map((name) => `'${name}'`).join(', ');
  return [
    `CREATE KEYSPACE ${keyspace} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
    ...schema(wide),
    ...scalars,
    ...collections,
    ...expiring,
    ...deletions,
    ...batches,
    `INSERT INTO wide (k, ${wide.join(', ')}) VALUES (1, ${wideValues})`,
    "INSERT INTO wide (k, c03, c70) VALUES (2, 'few', 'columns')",
    `INSERT INTO wide (k, ${wide.slice(5).join(', ')}) VALUES (3, ${wide
      .slice(5)
      .map(() => "'most'")
      .join(', ')})`,
    ...counters,
    ...conditional,
    // A column whose cells stay in the log after it has gone.
    "INSERT INTO keyed (k, gone, gone_list, v) VALUES (1, 'a', [1, 2], 'kept')",
    'ALTER TABLE keyed DROP gone',
    'ALTER TABLE keyed DROP gone_list',
    "INSERT INTO keyed (k, v) VALUES (2, 'later')",
  ].map((statement) => statement.replaceAll(/\b(TABLE|INTO|FROM|UPDATE|TYPE) ([a-z_]+)\b/g, `$1 ${keyspace}.$2`));
}

function schema(wide: readonly string[]): readonly string[] {
  return [
    'CREATE TYPE address (street text, number int, tags set<text>)'.replace('set<text>', 'frozen<set<text>>'),
    `CREATE TABLE scalars (
       k1 text, k2 int, a int, b text, c timeuuid, s text static, s_list list<int> static,
       t_ascii ascii, t_bigint bigint, t_blob blob, t_boolean boolean, t_date date, t_decimal decimal, t_double double,
       t_duration duration, t_float float, t_inet inet, t_int int, t_smallint smallint, t_text text, t_time time,
       t_timestamp timestamp, t_timeuuid timeuuid, t_tinyint tinyint, t_uuid uuid, t_varint varint,
       t_tuple tuple<int, text>, t_vector vector<float, 3>, t_words vector<text, 2>,
       PRIMARY KEY ((k1, k2), a, b, c)
     ) WITH CLUSTERING ORDER BY (a ASC, b DESC, c ASC)`,
    `CREATE TABLE collections (
       k int PRIMARY KEY, l list<text>, s set<int>, m map<text, bigint>, u address,
       fl frozen<list<text>>, fm frozen<map<int, text>>, fu frozen<address>, lu list<frozen<address>>, v text
     )`,
    'CREATE TABLE ranges (k int, a int, b text, v text, PRIMARY KEY (k, a, b)) WITH CLUSTERING ORDER BY (a DESC, b ASC)',
    'CREATE TABLE ordered (k int, a bigint, d timestamp, v boolean, PRIMARY KEY (k, a, d))',
    'CREATE TABLE expiring (k int PRIMARY KEY, v text, w text, l list<int>) WITH default_time_to_live = 86400',
    'CREATE TABLE bare (k int, c text, PRIMARY KEY (k, c))',
    'CREATE TABLE keyed (k int PRIMARY KEY, gone text, gone_list list<int>, v text)',
    'CREATE TABLE counted (k int, c text, n counter, s counter static, PRIMARY KEY (k, c))',
    'CREATE TABLE conditional (k int, c int, s int static, v text, PRIMARY KEY (k, c))',
    `CREATE TABLE wide (k int PRIMARY KEY, ${wide.map((name) => `${name} text`).join(', ')})`,
  ];
}

const scalars = [
  `INSERT INTO scalars (k1, k2, a, b, c, s, s_list, t_ascii, t_bigint, t_blob, t_boolean, t_date, t_decimal, t_double, t_duration, t_float,
     t_inet, t_int, t_smallint, t_text, t_time, t_timestamp, t_timeuuid, t_tinyint, t_uuid, t_varint, t_tuple, t_vector, t_words)
   VALUES ('key', 1, 5, 'clustering', 50554d6e-29bb-11e5-b345-feff819cdc9f, 'static', [1, 2, 3], 'ascii', 9007199254740993, 0xcafe00,
     true, '2026-02-19', 12.345, -0.5, 1mo2d3h, 1.5, '127.0.0.1', -7, 300, 'Grüße, 世界', '08:12:54.123456789', '2026-02-19 02:00:00+0000',
     50554d6e-29bb-11e5-b345-feff819cdc9f, 12, 123e4567-e89b-42d3-a456-426614174000, 123456789012345678901234567890,
     (7, 'seven'), [1.0, 2.0, 3.0], ['some', 'words'])`,
  "INSERT INTO scalars (k1, k2, a, b, c) VALUES ('', 0, -1, '', 50554d6e-29bb-11e5-b345-feff819cdc9f)",
  "UPDATE scalars SET s = 'static alone' WHERE k1 = 'other' AND k2 = 2",
  "UPDATE scalars SET t_text = '', t_int = null, t_blob = 0x WHERE k1 = 'key' AND k2 = 1 AND a = 5 AND b = 'update' AND c = 50554d6e-29bb-11e5-b345-feff819cdc9f",
  "DELETE s FROM scalars WHERE k1 = 'other' AND k2 = 2",
  "INSERT INTO bare (k, c) VALUES (1, 'one')",
  "INSERT INTO bare (k, c) VALUES (1, '')",
  "INSERT INTO ordered (k, a, d, v) VALUES (1, -9, '2026-02-19', false)",
  // Times that clients may give: long ago, before all counting, far ahead, beyond what a JavaScript number holds.
  'INSERT INTO ordered (k, a, d, v) VALUES (2, 1, 0, true) USING TIMESTAMP 1',
  'INSERT INTO ordered (k, a, d, v) VALUES (2, 2, 0, true) USING TIMESTAMP -5',
  'INSERT INTO ordered (k, a, d, v) VALUES (2, 3, 0, true) USING TIMESTAMP 9223372036854775807',
  'DELETE FROM ordered USING TIMESTAMP -9223372036854775807 WHERE k = 3',
];

const collections = [
  `INSERT INTO collections (k, l, s, m, u, fl, fm, fu, lu, v) VALUES (1, ['a', 'b'], {3, 1, 2}, {'x': 1, 'y': 2},
     {street: 'Main', number: 5, tags: {'t'}}, ['f'], {1: 'one'}, {street: 'Side', number: 6}, [{street: 'List', number: 1}], 'v')`,
  "UPDATE collections SET l = l + ['c'], s = s - {1}, m['z'] = 3, u.number = 9 WHERE k = 1",
  "UPDATE collections SET l[0] = 'first', m = m - {'x'} WHERE k = 1",
  "DELETE m['y'], l, u FROM collections WHERE k = 1",
  // One collection of the row deleted, another added to.
  "UPDATE collections SET l = ['only'], s = s + {7}, v = 'both' WHERE k = 2",
  'INSERT INTO collections (k, l, m) VALUES (3, null, {})',
];

const expiring = [
  "INSERT INTO expiring (k, v, w) VALUES (1, 'default', 'both')",
  "INSERT INTO expiring (k, v, l) VALUES (2, 'own', [1]) USING TTL 3600",
  "UPDATE expiring USING TTL 7200 SET w = 'cell alone' WHERE k = 1",
  "INSERT INTO expiring (k, v) VALUES (3, 'never') USING TTL 0",
  "INSERT INTO expiring (k, v) VALUES (4, 'soon') USING TTL 1",
];

const deletions = [
  ...[1, 2, 3].flatMap((k) =>
    [1, 2, 3, 4, 5].map((a) => `INSERT INTO ranges (k, a, b, v) VALUES (${k}, ${a}, 'b${a}', 'value ${a}')`),
  ),
  'DELETE FROM ranges WHERE k = 1',
  "DELETE FROM ranges WHERE k = 2 AND a = 1 AND b = 'b1'",
  'DELETE FROM ranges WHERE k = 2 AND a = 2',
  'DELETE FROM ranges WHERE k = 2 AND a >= 3 AND a < 4',
  "DELETE FROM ranges WHERE k = 2 AND a = 5 AND b > 'a' AND b <= 'c'",
  'DELETE FROM ranges WHERE k = 3 AND a > 4',
  "DELETE v FROM ranges WHERE k = 3 AND a = 1 AND b = 'b1'",
];

const batches = [
  `BEGIN BATCH
     DELETE FROM ranges USING TIMESTAMP 1000 WHERE k = 4 AND a >= 1 AND a < 5;
     DELETE FROM ranges USING TIMESTAMP 2000 WHERE k = 4 AND a >= 3 AND a <= 9;
     DELETE FROM ranges USING TIMESTAMP 3000 WHERE k = 4 AND a > 9 AND a < 20;
     INSERT INTO ranges (k, a, b, v) VALUES (4, 4, 'in between', 'x') USING TIMESTAMP 4000
   APPLY BATCH`,
  `BEGIN UNLOGGED BATCH
     INSERT INTO bare (k, c) VALUES (7, 'several tables');
     INSERT INTO keyed (k, v) VALUES (7, 'of one key');
     INSERT INTO wide (k, c00) VALUES (7, 'in one mutation')
   APPLY BATCH`,
];

const counters = [
  "UPDATE counted SET n = n + 5 WHERE k = 1 AND c = 'a'",
  "UPDATE counted SET n = n - 2 WHERE k = 1 AND c = 'a'",
  'UPDATE counted SET s = s + 1 WHERE k = 1',
  "DELETE n FROM counted WHERE k = 1 AND c = 'b'",
];

const conditional = [
  "INSERT INTO conditional (k, c, s, v) VALUES (1, 1, 0, 'first') IF NOT EXISTS",
  "INSERT INTO conditional (k, c, v) VALUES (1, 1, 'not applied') IF NOT EXISTS",
  "UPDATE conditional SET v = 'second' WHERE k = 1 AND c = 1 IF v = 'first'",
  `BEGIN BATCH
     UPDATE conditional SET s = 1 WHERE k = 1 IF s = 0;
     INSERT INTO conditional (k, c, v) VALUES (1, 2, 'with it')
   APPLY BATCH`,
  'DELETE FROM conditional WHERE k = 1 AND c = 2 IF EXISTS',
];
