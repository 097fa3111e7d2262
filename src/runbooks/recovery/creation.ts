import { CqlReader, UnknownCql } from './cql-reader.ts';
import { type CqlToken, cqlStatements, quotedName, quotedText } from './cql-tokens.ts';

/** What is to be created: under its old id, or the log does not fit it. */
export interface WantedTable {
  readonly keyspace: string;
  readonly table: string;
  /** UUID with dashes. */
  readonly id: string;
}

/** Statements in an order that works, each written anew from what was read. Those that may find their object there already say so. */
export interface Creation {
  readonly statements: readonly string[];
}

/**
 * The statements that create a table, made from the text of a schema document. The text lies in the bucket, so that nothing of it is passed on:
 * it is read as CQL, of which only CREATE KEYSPACE, CREATE TYPE and CREATE TABLE of the expected names are taken (and the ALTER TABLE lines by
 * which DESCRIBE tells of dropped columns), with known options, and written anew. A string is why that cannot be done. Pure.
 */
export function creationOf(cql: string, wanted: WantedTable): Creation | string {
  const statements = cqlStatements(cql);
  if (statements === undefined) return 'the schema is not CQL';
  try {
    const own = statements.filter((tokens) => hasId(tokens, wanted.id));
    const [first] = own;
    if (first === undefined || own.length > 1) return `${own.length} statements have its id`;
    const table = readTable(first, wanted);
    const later = statements
      .slice(statements.indexOf(first) + 1)
      .filter((tokens) => concerns(tokens, 'alter', wanted))
      .map((tokens) => readAlteration(tokens, wanted));
    const keyspace = statements.filter((tokens) => concerns(tokens, 'create', { keyspace: wanted.keyspace }));
    if (keyspace.length > 1) return `${keyspace.length} statements create its keyspace`;
    return {
      statements: [
        ...keyspace.map((tokens) => readKeyspace(tokens, wanted.keyspace)),
        ...typesFor(statements, wanted.keyspace, table.types),
        table.cql,
        ...later.flatMap(({ cql: text }) => text),
      ],
    };
  } catch (error) {
    if (error instanceof UnknownCql) return error.message;
    throw error;
  }
}

const classOf = (folder: string) => new RegExp(`^(?:org\\.apache\\.cassandra\\.${folder}\\.)?[A-Za-z0-9]+$`);
const strategy = classOf('locator');

function readKeyspace(tokens: readonly CqlToken[], keyspace: string): string {
  const reader = new CqlReader(tokens);
  reader.expect('create', 'keyspace');
  requireName(reader.name(), keyspace);
  reader.expect('with');
  const options: string[] = [];
  do {
    const option = reader.word();
    reader.expect('=');
    if (option === 'replication') {
      const replication = reader.textMap();
      requireClass(replication.get('class') ?? '', strategy);
      const pairs = [...replication].map(([key, value]) => `${quotedText(key)}: ${quotedText(value)}`);
      options.push(`replication = {${pairs.join(', ')}}`);
    } else if (option === 'durable_writes' || option === 'graph_engine') {
      options.push(`${option} = ${reader.literal()}`);
    } else throw new UnknownCql(`the option ${option} of a keyspace is not known`);
  } while (reader.takes('and'));
  reader.expectEnd();
  return `CREATE KEYSPACE IF NOT EXISTS ${quotedName(keyspace)} WITH ${options.join(' AND ')}`;
}

/** What a table may be told. Whatever names a class is bound to Cassandra's own ones below. */
const tableOptions: ReadonlySet<string> = new Set([
  'additional_write_policy',
  'allow_auto_snapshot',
  'bloom_filter_fp_chance',
  'caching',
  'cdc',
  'comment',
  'compaction',
  'compression',
  'crc_check_chance',
  'dclocal_read_repair_chance',
  'default_time_to_live',
  'extensions',
  'gc_grace_seconds',
  'incremental_backups',
  'max_index_interval',
  'memtable',
  'memtable_flush_period_in_ms',
  'min_index_interval',
  'nodesync',
  'read_repair',
  'read_repair_chance',
  'speculative_retry',
]);

const classes: ReadonlyMap<string, RegExp> = new Map([
  ['compaction', classOf('db\\.compaction')],
  ['compression', classOf('io\\.compress')],
]);

function readTable(
  tokens: readonly CqlToken[],
  wanted: WantedTable,
): { readonly cql: string; readonly types: readonly string[] } {
  const reader = new CqlReader(tokens);
  reader.expect('create', 'table');
  requireTable(reader, wanted);
  reader.expect('(');
  const types: string[] = [];
  const columns = reader.list(')', () => {
    if (reader.takes('primary', 'key')) return `PRIMARY KEY (${primaryKey(reader)})`;
    const name = quotedName(reader.name());
    const type = reader.type();
    types.push(...type.names);
    const more = [reader.takes('static') ? ' static' : '', reader.takes('primary', 'key') ? ' PRIMARY KEY' : ''];
    return `${name} ${type.cql}${more.join('')}`;
  });
  reader.expect('with');
  const options: string[] = [];
  do options.push(tableOption(reader, wanted.id));
  while (reader.takes('and'));
  reader.expectEnd();
  const cql = `CREATE TABLE ${quotedName(wanted.keyspace)}.${quotedName(wanted.table)} (${columns.join(', ')}) WITH ${options.join(' AND ')}`;
  return { cql, types };
}

/** `(a, b), c` and `a, c`. */
function primaryKey(reader: CqlReader): string {
  reader.expect('(');
  const name = () => quotedName(reader.name());
  return reader.list(')', () => (reader.takes('(') ? `(${reader.list(')', name).join(', ')})` : name())).join(', ');
}

function tableOption(reader: CqlReader, id: string): string {
  if (reader.takes('id', '=')) {
    const found = reader.uuid();
    if (found !== id) throw new UnknownCql(`its id is ${found}`);
    return `ID = ${id}`;
  }
  if (reader.takes('clustering', 'order', 'by', '(')) {
    const order = reader.list(')', () => {
      const name = quotedName(reader.name());
      const descends = reader.takes('desc');
      if (!descends) reader.expect('asc');
      return `${name} ${descends ? 'DESC' : 'ASC'}`;
    });
    return `CLUSTERING ORDER BY (${order.join(', ')})`;
  }
  const option = reader.word();
  if (!tableOptions.has(option)) throw new UnknownCql(`the option ${option} of a table is not known`);
  reader.expect('=');
  const known = classes.get(option);
  if (known === undefined) return `${option} = ${reader.literal()}`;
  const map = reader.textMap();
  for (const key of ['class', 'sstable_compression']) {
    const named = map.get(key);
    if (named !== undefined) requireClass(named, known);
  }
  const pairs = [...map].map(([key, value]) => `${quotedText(key)}: ${quotedText(value)}`);
  return `${option} = {${pairs.join(', ')}}`;
}

/** `ALTER TABLE … DROP column USING TIMESTAMP n` and `… ADD column type`: how DESCRIBE tells of columns that were dropped. */
function readAlteration(tokens: readonly CqlToken[], wanted: WantedTable): { readonly cql: string } {
  const reader = new CqlReader(tokens);
  reader.expect('alter', 'table');
  requireTable(reader, wanted);
  const head = `ALTER TABLE ${quotedName(wanted.keyspace)}.${quotedName(wanted.table)}`;
  if (reader.takes('drop')) {
    const name = quotedName(reader.name());
    reader.expect('using', 'timestamp');
    const at = reader.number();
    reader.expectEnd();
    return { cql: `${head} DROP ${name} USING TIMESTAMP ${at}` };
  }
  reader.expect('add');
  const name = quotedName(reader.name());
  const type = reader.type();
  const more = reader.takes('static') ? ' static' : '';
  reader.expectEnd();
  return { cql: `${head} ADD ${name} ${type.cql}${more}` };
}

/** The types of the keyspace among these names, those first that others are made of. */
function typesFor(
  statements: ReadonlyArray<readonly CqlToken[]>,
  keyspace: string,
  names: readonly string[],
  above: readonly string[] = [],
): readonly string[] {
  const made: string[] = [];
  for (const name of new Set(names)) {
    const [tokens] = statements.filter((each) => concerns(each, 'create', { keyspace, type: name }));
    if (tokens === undefined) continue;
    if (above.includes(name)) throw new UnknownCql(`the type ${name} is made of itself`);
    const reader = new CqlReader(tokens);
    reader.expect('create', 'type');
    reader.qualifiedName();
    reader.expect('(');
    const inner: string[] = [];
    const fields = reader.list(')', () => {
      const field = quotedName(reader.name());
      const type = reader.type();
      inner.push(...type.names);
      return `${field} ${type.cql}`;
    });
    reader.expectEnd();
    const cql = `CREATE TYPE IF NOT EXISTS ${quotedName(keyspace)}.${quotedName(name)} (${fields.join(', ')})`;
    for (const each of [...typesFor(statements, keyspace, inner, [...above, name]), cql]) {
      if (!made.includes(each)) made.push(each);
    }
  }
  return made;
}

/** Whether a statement begins as one about this object, whatever follows. */
function concerns(
  tokens: readonly CqlToken[],
  verb: 'create' | 'alter',
  of: { readonly keyspace: string; readonly table?: string; readonly type?: string },
): boolean {
  const reader = new CqlReader(tokens);
  try {
    reader.expect(verb);
    if (of.table === undefined && of.type === undefined) {
      reader.expect('keyspace');
      return reader.name() === of.keyspace;
    }
    reader.expect(of.type === undefined ? 'table' : 'type');
    const { keyspace, name } = reader.qualifiedName();
    return keyspace === of.keyspace && name === (of.type ?? of.table);
  } catch (error) {
    if (error instanceof UnknownCql) return false;
    throw error;
  }
}

function hasId(tokens: readonly CqlToken[], id: string): boolean {
  return tokens.some(
    ({ kind, text }, at) =>
      kind === 'uuid' && text === id && tokens[at - 1]?.text === '=' && tokens[at - 2]?.text === 'id',
  );
}

function requireTable(reader: CqlReader, { keyspace, table }: WantedTable): void {
  const found = reader.qualifiedName();
  requireName(found.keyspace, keyspace);
  requireName(found.name, table);
}

function requireName(found: string, wanted: string): void {
  if (found !== wanted) throw new UnknownCql(`it names ${JSON.stringify(found.slice(0, 60))}`);
}

function requireClass(name: string, known: RegExp): void {
  if (!known.test(name)) throw new UnknownCql(`it names the class ${JSON.stringify(name.slice(0, 80))}`);
}
