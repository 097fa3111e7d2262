import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../../src/host/wait-for.ts';
import { MutationCut } from '../../src/commitlog/mutation-cut.ts';
import type { CutRule } from '../../src/commitlog/mutation-cut.ts';
import { entriesOf } from '../../src/commitlog/entries.ts';
import { cutSections, type EntryRun } from '../../src/commitlog/cut-segment.ts';
import { meaningOf } from '../../src/commitlog/mutation-meaning.ts';
import { readMutation } from '../../src/commitlog/mutation-reader.ts';
import { encodeMutation } from '../../src/commitlog/mutation-writer.ts';
import { wholeSections } from '../../src/commitlog/section-chain.ts';
import { readSegmentHeader } from '../../src/commitlog/segment-header.ts';
import { tableIndexOf } from '../../src/commitlog/table-layout.ts';
import { tokenOf } from '../../src/commitlog/token.ts';
import { writeSegments } from '../../src/commitlog/write-segments.ts';
import type { LoggedTable } from '../../src/model/log-schema.ts';
import { type Micros, micros } from '../../src/model/instant.ts';
import { inFull } from '../support/in-full.ts';
import { everyKind } from '../support/every-kind.ts';
import { loggedTables } from '../support/logged-tables.ts';
import { type OneCassandra, oneCassandra } from '../support/one-cassandra.ts';
import { loadSample, sandboxUp, type TestSandbox } from '../support/sandbox.ts';

/**
 * The log of a real Cassandra in each of its formats: 5.0's own, that of 4.x, and every compression. One node is written to, killed, its log
 * cut, and the cut log replayed by the next start, which also brings the next format.
 */
const formats = [
  { name: 'plain', version: 8, compression: undefined, settings: {} },
  ...(inFull ? ['LZ4', 'Snappy', 'Deflate', 'Zstd'] : ['LZ4', 'Zstd']).map((kind) => ({
    name: kind,
    version: 8,
    compression: `${kind}Compressor`,
    // Compressed sections are written at the sync period alone.
    settings: { commitlog_compression: `[{class_name: ${kind}Compressor}]`, commitlog_sync_period: '100ms' },
  })),
];
const four = {
  name: 'four',
  version: 7,
  compression: undefined,
  settings: { storage_compatibility_mode: 'CASSANDRA_4' },
};

let sandbox: TestSandbox;
let cassandra: OneCassandra;
let schema: Map<string, LoggedTable>;

beforeAll(async () => {
  sandbox = await sandboxUp(1);
  await loadSample(sandbox.platform, 'commit log');
  cassandra = await oneCassandra(sandbox);
});

afterAll(async () => {
  await sandbox?.down();
});

const execute = async (...statements: readonly string[]) => {
  for (const statement of statements) await sandbox.platform.database.execute(statement);
};

/** Every whole entry of every live segment with its version. */
function* liveEntries(): Generator<{ mutation: Uint8Array; version: number; compression: string | undefined }> {
  for (const bytes of cassandra.segments().values()) {
    const header = readSegmentHeader(bytes);
    for (const { from, to } of wholeSections(bytes.subarray(header.length), header, header.length)) {
      for (const mutation of entriesOf(bytes.subarray(from, to), header)) {
        yield { mutation, version: header.version, compression: header.compression };
      }
    }
  }
}

/** Waits until what was written last has come into the part of the log that is whole. */
async function logged(key: string): Promise<void> {
  const found = await waitFor(
    () => {
      try {
        const { seen } = [...liveEntries()].reduce(
          ({ seen }, { mutation }) => ({ seen: seen || Buffer.from(mutation).includes(key) }),
          { seen: false },
        );
        return seen ? true : undefined;
      } catch {
        // A section that is being written at this moment.
        return undefined;
      }
    },
    { withinMs: 15_000, everyMs: 50 },
  );
  expect(found, `${key} in the log`).toBe(true);
}

const now = (): Micros => micros(Date.now() * 1000);
const keepUntil = (lastKept: Micros): CutRule => ({
  lastKept,
  exclusions: new Set(),
  uncut: new Set(),
  omitted: new Set(),
});

/**
 * The live segments cut, as the only files of the commit log. The node is dead. Everything is there twice, as the logs of two replicas would
 * bring it: replay must not mind, counters included.
 */
async function placeCut(lastKept: Micros) {
  const live = cassandra.segments();
  let id = [...live.values()].reduce((last, bytes) => {
    const header = readSegmentHeader(bytes);
    return header.id > last ? header.id : last;
  }, 0n);
  const cut = new MutationCut(schema, keepUntil(lastKept));
  rmSync(cassandra.commitlog, { recursive: true });
  mkdirSync(cassandra.commitlog);
  const twice = [...live.values(), ...live.values()];
  for await (const { file, bytes } of writeSegments(runsOf(twice, cut), () => (id += 1n))) {
    writeFileSync(join(cassandra.commitlog, file), bytes, { flag: 'a' });
  }
  return cut.counts;
}

function* runsOf(segments: Iterable<Uint8Array>, cut: MutationCut): Generator<EntryRun> {
  for (const bytes of segments) {
    const header = readSegmentHeader(bytes);
    let end = header.length;
    for (const { to } of wholeSections(bytes.subarray(end), header, end)) end = to;
    yield* cutSections(bytes.subarray(0, end), 0, header, cut);
  }
}

const tables = ['ledger', 'counted', 'conditional', 'expiring'];

/** Everything that the tables show, as text. */
async function shown(keyspace: string): Promise<string> {
  const { database } = sandbox.platform;
  const rows = await Promise.all(
    tables.map(async (table) => [table, await database.execute(`SELECT * FROM ${keyspace}.${table}`)]),
  );
  return inspect(rows, { depth: 10, maxArrayLength: null });
}

const before = (k: string) => [
  `CREATE KEYSPACE ${k} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
  `CREATE TABLE ${k}.ledger (k text, c int, s text static, v text, w text, l list<int>, m map<text, text>, PRIMARY KEY (k, c))`,
  `CREATE TABLE ${k}.counted (k text, c int, n counter, PRIMARY KEY (k, c))`,
  `CREATE TABLE ${k}.conditional (k int PRIMARY KEY, v text)`,
  `CREATE TABLE ${k}.expiring (k int PRIMARY KEY, v text)`,
  ...['dropped', 'ranged', 'rows', 'cells', 'untouched'].flatMap((key) =>
    [1, 2, 3, 4].map(
      (c) =>
        `INSERT INTO ${k}.ledger (k, c, s, v, w, l, m) VALUES ('${key}', ${c}, 'static', 'v${c}', 'w${c}', [1, 2], {'a': 'b'})`,
    ),
  ),
  `DELETE FROM ${k}.ledger WHERE k = 'untouched' AND c >= 2 AND c < 4`,
  `UPDATE ${k}.counted SET n = n + 5 WHERE k = 'a' AND c = 1`,
  `UPDATE ${k}.counted SET n = n + 5 WHERE k = 'a' AND c = 1`,
  `INSERT INTO ${k}.conditional (k, v) VALUES (1, 'first') IF NOT EXISTS`,
  `INSERT INTO ${k}.expiring (k, v) VALUES (1, 'an hour') USING TTL 3600`,
  `CREATE TABLE ${k}.fleeting (k int PRIMARY KEY, v text)`,
  `INSERT INTO ${k}.fleeting (k, v) VALUES (1, 'gone before the restart') USING TTL 1`,
  `CREATE TABLE ${k}.mixed (k int, c int, s text static, v text, w text, l list<int>, m map<text, text>, PRIMARY KEY (k, c))`,
  `INSERT INTO ${k}.mixed (k, c, v) VALUES (1, 12, 'in both ranges')`,
  `INSERT INTO ${k}.mixed (k, c, v) VALUES (1, 25, 'in the late range')`,
  `INSERT INTO ${k}.mixed (k, c, v, l) VALUES (1, 2, 'in the late list', [1])`,
];

/** All the ways to destroy what stood there. */
const after = (k: string) => [
  `DELETE FROM ${k}.ledger WHERE k = 'dropped'`,
  `DELETE FROM ${k}.ledger WHERE k = 'ranged' AND c > 1 AND c <= 3`,
  `DELETE FROM ${k}.ledger WHERE k = 'rows' AND c = 1`,
  `INSERT INTO ${k}.ledger (k, c, s, v) VALUES ('rows', 2, 'changed', 'changed')`,
  `INSERT INTO ${k}.ledger (k, c) VALUES ('rows', 9)`,
  `DELETE v, l FROM ${k}.ledger WHERE k = 'cells' AND c = 1`,
  `UPDATE ${k}.ledger SET l = l + [3], m['c'] = 'd', w = 'changed' WHERE k = 'cells' AND c = 2`,
  `UPDATE ${k}.ledger SET m = {'only': 'this'} WHERE k = 'cells' AND c = 3`,
  `DELETE s FROM ${k}.ledger WHERE k = 'cells'`,
  `UPDATE ${k}.counted SET n = n + 100 WHERE k = 'a' AND c = 1`,
  `UPDATE ${k}.conditional SET v = 'second' WHERE k = 1 IF v = 'first'`,
  `UPDATE ${k}.expiring USING TTL 7200 SET v = 'two hours' WHERE k = 1`,
  `BEGIN BATCH DELETE FROM ${k}.conditional WHERE k = 1; DELETE FROM ${k}.expiring WHERE k = 1 APPLY BATCH`,
];

/** One mutation with writes before and after the instant, as read repair sends them. */
const mixed = (k: string, t: Micros) => `BEGIN UNLOGGED BATCH
  INSERT INTO ${k}.mixed (k, c, v, w) VALUES (1, 1, 'kept', 'kept') USING TIMESTAMP ${t - 3};
  UPDATE ${k}.mixed USING TIMESTAMP ${t + 4} SET w = 'late', s = 'late' WHERE k = 1 AND c = 1;
  UPDATE ${k}.mixed USING TIMESTAMP ${t - 2} SET m = m + {'kept': 'kept'} WHERE k = 1 AND c = 1;
  UPDATE ${k}.mixed USING TIMESTAMP ${t + 5} SET m = {'late': 'late'}, l = [9] WHERE k = 1 AND c = 2;
  DELETE FROM ${k}.mixed USING TIMESTAMP ${t + 6} WHERE k = 1 AND c = 5;
  DELETE FROM ${k}.mixed USING TIMESTAMP ${t - 1} WHERE k = 1 AND c >= 10 AND c < 20;
  DELETE FROM ${k}.mixed USING TIMESTAMP ${t + 7} WHERE k = 1 AND c >= 15 AND c < 30;
  DELETE FROM ${k}.mixed USING TIMESTAMP 1 WHERE k = 1;
APPLY BATCH`;

/** What of `mixed` and of what stood there before comes back. */
const mixedThen = [
  { k: 1, c: 1, s: null, l: null, m: { kept: 'kept' }, v: 'kept', w: null },
  { k: 1, c: 2, s: null, l: [1], m: null, v: 'in the late list', w: null },
  { k: 1, c: 25, s: null, l: null, m: null, v: 'in the late range', w: null },
];

describe('the commit log of a real Cassandra', () => {
  for (const [at, format] of [...formats, four].entries()) {
    const keyspace = `log_${format.name.toLowerCase()}`;
    let instant: Micros;
    let shownThen = '';

    test(`every entry is understood and written back to the same bytes: ${format.name}`, async () => {
      if (format === four) {
        // Cassandra does not go back to the formats of 4.x over files of 5.0.
        await cassandra.kill();
        cassandra.wipe();
        await cassandra.start(four.settings);
      }
      if (format.compression === undefined) await execute(...everyKind(`${keyspace}_kinds`));
      await execute(...before(keyspace));
      schema = await loggedTables(sandbox.platform.database);
      shownThen = await shown(keyspace);
      instant = now();
      // Nothing was written within these milliseconds, so that the mixed times below are nobody else's.
      await waitFor(() => (now() > instant + 10_000 ? true : undefined), { withinMs: 1000, everyMs: 2 });
      await execute(...after(keyspace), mixed(keyspace, instant));
      await execute(`INSERT INTO ${keyspace}.ledger (k, c) VALUES ('the last of all', 1)`);
      await logged('the last of all');

      const seen = new Set<string>();
      let entries = 0;
      for (const { mutation, version, compression } of liveEntries()) {
        expect({ version, compression }).toEqual({ version: format.version, compression: format.compression });
        const stored = readMutation(mutation, tableIndexOf(schema, 8));
        expect(Buffer.compare(encodeMutation(stored), mutation)).toBe(0);
        for (const { table } of meaningOf(stored).updates) seen.add(`${table.keyspace}.${table.table}`);
        entries += 1;
      }
      expect(entries).toBeGreaterThan(50);
      const ofKinds = [...schema.values()].filter((table) => table.keyspace.startsWith(keyspace));
      for (const { keyspace: of, table } of ofKinds) expect(seen).toContain(`${of}.${table}`);
      if (at === 0) expect(seen).toContain('janusgraph.edgestore');
    });

    test(`the cut log, replayed, shows what stood at the instant: ${format.name}`, async () => {
      await cassandra.kill();
      const counts = await placeCut(instant);
      expect(counts).toMatchObject({ cut: 2, dropped: expect.any(Number), foreign: 0 });
      expect(counts.dropped).toBeGreaterThan(10);
      await cassandra.start(format === four ? four.settings : (formats[at + 1]?.settings ?? {}));
      expect(await shown(keyspace)).toBe(shownThen);
      const { database } = sandbox.platform;
      const rows = await database.execute(`SELECT * FROM ${keyspace}.mixed`);
      expect(rows.map((row) => ({ ...row }))).toEqual(mixedThen);
      // A time to live is an instant in the log: what has expired since stays so.
      expect(await database.execute(`SELECT * FROM ${keyspace}.fleeting`)).toEqual([]);
      // Counters and conditions go on from there.
      await execute(`UPDATE ${keyspace}.counted SET n = n + 1 WHERE k = 'a' AND c = 1`);
      expect(await database.execute(`SELECT n FROM ${keyspace}.counted`)).toMatchObject([{ n: 11n }]);
      const [applied] = await database.execute(
        `UPDATE ${keyspace}.conditional SET v = 'another' WHERE k = 1 IF v = 'first'`,
      );
      expect(applied).toMatchObject({ '[applied]': true });
    });
  }

  test('tokens are those that Cassandra computes', async () => {
    const rows = await sandbox.platform.database.execute('SELECT k, token(k) AS t FROM log_four.ledger');
    for (const { k, t } of rows) expect(tokenOf(Buffer.from(String(k)))).toBe(t);
    const { database } = sandbox.platform;
    await execute('CREATE TABLE log_four.tokens (k blob PRIMARY KEY)');
    const keys = Array.from({ length: 70 }, (_, length) => Buffer.alloc(length, 0x61 + length * 5));
    for (const key of keys.slice(1)) await database.execute('INSERT INTO log_four.tokens (k) VALUES (?)', [key]);
    const found = await database.execute('SELECT k, token(k) AS t FROM log_four.tokens');
    expect(found).toHaveLength(69);
    for (const { k, t } of found) expect(tokenOf(k as Buffer)).toBe(t);
  });
});
