import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DirectoryStore } from '../../adapters/directory/directory-store.ts';
import { openNodeFiles } from '../../adapters/node-files/node-files.ts';
import { entriesOf } from '../../commitlog/entries.ts';
import { decodeMutation } from '../../commitlog/mutation-reader.ts';
import { sha256 } from '../../model/sha256.ts';
import { readPiece } from '../../commitlog/piece.ts';
import { wholeSections } from '../../commitlog/section-chain.ts';
import { readSegmentHeader } from '../../commitlog/segment-header.ts';
import { tokenOf } from '../../commitlog/token.ts';
import { runId, timelineId } from '../../model/identifiers.ts';
import { formatInstant, micros } from '../../model/instant.ts';
import { type LogPlan, logPlanDocument, logPlanKey, readLogPlan } from '../../model/log-plan.ts';
import type { LoggedTable } from '../../model/log-schema.ts';
import { RefusedProblem } from '../../model/problem.ts';
import { keepLogPlan } from '../../ports/log-plan-store.ts';
import type { NodeFiles } from '../../ports/node-files.ts';
import {
  type LoggedWrite,
  graphTable,
  mutationOf,
  shipSchema,
  shipSegment,
} from '../../../test/support/shipped-logs.ts';
import { type SimulatedNode, idleContext, simulateNode } from '../../../test/support/simulated-node.ts';
import { placeLogs, unreplayedLogs } from './place-logs-job.ts';
import { stageLogs } from './stage-logs-job.ts';

const run = runId.parse('restore-20260219-030000-k3f9');
const hosts = ['6f8a2c44-0d7e-4d35-9f04-1b3c5d7e9f01', '6f8a2c44-0d7e-4d35-9f04-1b3c5d7e9f02'] as const;
const edgestore = graphTable('edgestore', '11111111-1111-4111-8111-111111111111');
const ids = graphTable('janusgraph_ids', '22222222-2222-4222-8222-222222222222');
const locks = graphTable('edgestore_lock_', '33333333-3333-4333-8333-333333333333');
const local = graphTable('local', '7ad54392-bcdd-35a6-8417-4e047860b377', 'system');
const tables = [edgestore, ids, locks, local];
const t = 1_771_466_400_000_001;

let node: SimulatedNode;
let failing: { renames: number; changes: number };
/** The newest plan: as a run's journal names it. */
let planned: { readonly plan: string; readonly sha256: string };

beforeEach(async () => {
  failing = { renames: Number.POSITIVE_INFINITY, changes: Number.POSITIVE_INFINITY };
  node = await simulateNode(
    (root) => new DirectoryStore(join(root, 'bucket')),
    (root) => dying(openNodeFiles(join(root, 'hashes.json'))),
  );
});

afterEach(async () => node.remove());

describe('place-logs', () => {
  test('what was placed and is still there after a start is named; Cassandra deletes what it has replayed', async () => {
    expect(await unreplayedLogs(node)).toEqual({ left: [] });
    await plan([[mutationOf([write('a', 'kept', t - 2)])]]);
    await place();
    const names = await readdir(node.directories.commitlog);
    expect(names.length).toBeGreaterThan(0);
    expect(await unreplayedLogs(node)).toEqual({ left: names });
    for (const name of names) await rm(join(node.directories.commitlog, name));
    await writeFile(join(node.directories.commitlog, 'CommitLog-8-9999999999999.log'), 'its own');
    expect(await unreplayedLogs(node)).toEqual({ left: [] });
  });

  test('what was committed up to the instant is placed, also of a mutation that merges transactions; nothing later is', async () => {
    await plan([
      [
        mutationOf([write('a', 'kept', t - 2)]),
        mutationOf([write('b', 'merged', t - 2), write('b', 'later', t + 2)]),
        mutationOf([removal('a', 'kept', t + 3)]),
      ],
    ]);
    const outcome = await place();
    expect(outcome).toMatchObject({ mutations: 2, cut: 1, dropped: 1 });
    expect(await placed()).toEqual(['edgestore a/kept', 'edgestore b/merged']);
  });

  test('the streams of all nodes are placed, under new ids above all of theirs', async () => {
    const future = String(Date.now() + 5_000_000);
    await plan([[mutationOf([write('a', 'one', t)])], [mutationOf([write('b', 'two', t)])]], { segmentId: future });
    const { lastSegment } = await place();
    expect(BigInt(lastSegment ?? 0)).toBeGreaterThan(BigInt(future));
    expect(await placed()).toEqual(['edgestore a/one', 'edgestore b/two']);
    expect((await segments()).every((name) => BigInt(name.split('-')[2]?.slice(0, -4) ?? 0) > BigInt(future))).toBe(
      true,
    );
  });

  test('ids claimed after the instant stay claimed, locks and the system’s own rows stay away', async () => {
    await plan([
      [
        mutationOf([{ ...write('ids', 'claim', t + 100), table: ids }]),
        mutationOf([{ ...write('lock', 'held', t - 2), table: locks }]),
        mutationOf([{ ...write('local', 'host', t - 2), table: local }]),
      ],
    ]);
    await place();
    expect(await placed()).toEqual(['janusgraph_ids ids/claim']);
  });

  test('an excluded transaction is left out and a later one stays', async () => {
    await plan([[mutationOf([write('a', 'bad', t - 10)]), mutationOf([write('a', 'good', t - 4)])]], {
      exclusions: [formatInstant(micros(t - 10))],
    });
    await place();
    expect(await placed()).toEqual(['edgestore a/good']);
  });

  test('with token ranges only the keys of these are placed', async () => {
    await plan([[mutationOf([write('mine', 'x', t)]), mutationOf([write('other', 'x', t)])]]);
    const token = tokenOf(Buffer.from('mine'));
    await place([[String(token - 1n), String(token)]]);
    expect(await placed()).toEqual(['edgestore mine/x']);
  });

  test('nothing to replay places no file and says so', async () => {
    await plan([[mutationOf([write('a', 'late', t + 2)])]]);
    expect(await place()).toMatchObject({ mutations: 0, bytes: 0, lastSegment: null });
    expect(await segments()).toEqual([]);
  });

  test('done again it places nothing again; after a death between two files it begins anew', async () => {
    const streamOf = (host: string) =>
      Array.from({ length: 20 }, (_, index) =>
        mutationOf([{ ...write(`${host}-${index}`, 'x', t), value: 'v'.repeat(2 ** 20) }]),
      );
    await plan([streamOf('one'), streamOf('two')]);
    failing.renames = 1;
    await expect(place()).rejects.toThrow('killed');
    expect(await segments()).toHaveLength(1);
    failing.renames = Number.POSITIVE_INFINITY;
    const first = await place();
    const files = await segments();
    expect(files.length).toBeGreaterThan(1);
    expect(await placed()).toHaveLength(40);
    expect(await place()).toEqual(first);
    expect(await segments()).toEqual(files);
  });

  test('a log that was changed since the plan was made is not placed, and its object is named', async () => {
    const [object] = await plan([[mutationOf([write('a', 'kept', t)])]]);
    const stored = await node.bucket.get(object?.key ?? '');
    const body = Buffer.from(stored?.body ?? '');
    body[body.length - 6] = (body[body.length - 6] ?? 0) ^ 1;
    await node.bucket.put(object?.key ?? '', body);
    const happened: unknown = expect.stringContaining(object?.key ?? 'no key');
    await expect(place()).rejects.toMatchObject({ code: 'log-damaged', happened });
    expect(await segments()).toEqual([]);
  });

  test('an object that was merged into a larger one since the plan was made is found there', async () => {
    const [first] = await plan([[mutationOf([write('a', 'kept', t)])]]);
    const whole = first?.key ?? '';
    const split = whole.replace(/\d{10}$/, (to) => String(Number(to) - 9).padStart(10, '0'));
    expect(await node.bucket.head(split)).toBeUndefined();
    const stored = await kept();
    const plain = readPiece((await node.bucket.get(whole))?.body ?? new Uint8Array()).plain.subarray(0, -9);
    const text = JSON.stringify(stored)
      .replace(whole, split)
      .replace(first?.sha256 ?? '', sha256(plain));
    await keep(JSON.parse(text) as LogPlan);
    // Cut short it is no whole section any more: that it is looked at at all shows that it was found.
    await expect(place()).rejects.toThrow('should end at');
  });

  test('parts that were merged since the plan was made are placed from there, as if they lay alone still', async () => {
    const large = (key: string) => mutationOf([{ ...write(key, 'x', t), value: 'v'.repeat(2 ** 20 - 4096) }]);
    const [first] = await plan([['a', 'b', 'c'].map(large)]);
    const whole = first?.key ?? '';
    const { plain } = readPiece((await node.bucket.get(whole))?.body ?? new Uint8Array());
    const header = readSegmentHeader(plain);
    const ends = [...wholeSections(plain.subarray(header.length), header, header.length)].map(({ to }) => to);
    expect(ends.length).toBeGreaterThan(1);
    const parts = ends.map((to, at) => {
      const from = at === 0 ? 0 : (ends[at - 1] ?? 0);
      const name = [from, to].map((offset) => String(offset).padStart(10, '0')).join('-');
      const key = whole.replace(/[^/]+$/, name);
      return { key, sha256: sha256(plain.subarray(from, to)), bytes: to - from };
    });
    const stored = await kept();
    const strands = stored.strands.map((strand) => ({
      ...strand,
      streams: strand.streams.map((stream) => ({ ...stream, objects: parts })),
    }));
    await keep({ ...stored, strands });
    expect(await place()).toMatchObject({ mutations: 3, dropped: 0 });
    expect(await placed()).toEqual(['edgestore a/x', 'edgestore b/x', 'edgestore c/x']);
  });

  test('a plan whose document has other bytes than the run decided on is refused before anything is touched', async () => {
    await plan([[mutationOf([write('a', 'kept', t)])]]);
    const key = logPlanKey({ run, sha256: planned.sha256 });
    const changed = { ...(await kept()), uncut: ['bank.edgestore'] };
    await node.bucket.put(key, logPlanDocument.write(changed));
    await writeFile(join(node.directories.commitlog, 'CommitLog-8-1.log'), 'somebody’s');
    await expect(place()).rejects.toMatchObject({ code: 'log-plan-changed' });
    await node.bucket.delete(key);
    await expect(place()).rejects.toMatchObject({ code: 'log-plan-missing' });
    expect(await segments()).toEqual(['CommitLog-8-1.log']);
  });

  test('what was staged while Cassandra ran is placed without a byte of the log being read', async () => {
    await plan([[mutationOf([write('a', 'kept', t - 2)]), mutationOf([write('a', 'late', t + 2)])]]);
    node.faults.running = 7;
    const outcome = await stage();
    expect(await segments()).toEqual([]);
    expect(await stage(withoutLog())).toEqual(outcome);
    delete node.faults.running;
    expect(await placeLogs(withoutLog(), planned, idleContext())).toEqual(outcome);
    expect(await placed()).toEqual(['edgestore a/kept']);
    expect(await readdir(node.directories.aside)).toEqual(['logs.json']);
  });

  test('after a death between two renames the rest is placed without the log being read again', async () => {
    const large = (key: string) =>
      Array.from({ length: 20 }, (_, at) =>
        mutationOf([{ ...write(`${key}-${at}`, 'x', t), value: 'v'.repeat(2 ** 20) }]),
      );
    await plan([large('one'), large('two')]);
    const outcome = await stage();
    failing.renames = 1;
    await expect(place()).rejects.toThrow('killed');
    failing.renames = Number.POSITIVE_INFINITY;
    expect(await placeLogs(withoutLog(), planned, idleContext())).toEqual(outcome);
    expect(await placed()).toHaveLength(40);
  });

  test('of another plan nothing that was staged is placed', async () => {
    await plan([[mutationOf([write('a', 'first', t)])]]);
    await stage();
    await plan([[mutationOf([write('a', 'second', t)])]], { segmentId: '1771466000001' });
    await place();
    expect(await placed()).toEqual(['edgestore a/second']);
  });

  test('an extension is placed with what was staged, and what was cut too early is in it', async () => {
    const later = t + 10_000_000;
    const first = [mutationOf([write('a', 'settled', t - 2)]), mutationOf([write('a', 'tail', t + 2)])];
    await plan([first]);
    const staged = planned;
    await stage();
    await plan([[...first, mutationOf([write('b', 'new', later)])]], { segmentId: '1771466000001', until: later });
    const all = { ...staged, extension: planned.sha256 };
    await placeLogs(node, all, idleContext());
    expect([...new Set(await placed())]).toEqual(['edgestore a/settled', 'edgestore a/tail', 'edgestore b/new']);
    const names = await segments();
    expect(new Set(names).size).toBe(2);
    await expect(placeLogs(node, { ...staged, extension: '0'.repeat(64) }, idleContext())).rejects.toMatchObject({
      code: 'log-plan-missing',
    });
    expect(await segments()).toEqual(names);
  });

  test('killed at any change, staging and placing with an extension go on to the same log and leave nothing behind', async () => {
    await plan([[mutationOf([write('a', 'settled', t - 2)])]]);
    const staged = planned;
    await plan([[mutationOf([write('b', 'new', t)])]], { segmentId: '1771466000001' });
    const all = { ...staged, extension: planned.sha256 };
    let kills = 0;
    for (let killed = true; killed; ) {
      const { aside, commitlog } = node.directories;
      for (const folder of [aside, commitlog]) {
        await rm(folder, { recursive: true });
        await mkdir(folder);
      }
      failing.changes = kills;
      killed = await stageLogs(node, staged, idleContext())
        .then(async () => placeLogs(node, all, idleContext()))
        .then(
          () => false,
          (error: unknown) => error instanceof TypeError && error.message === 'killed',
        );
      failing.changes = Number.POSITIVE_INFINITY;
      if (killed) kills += 1;
      expect(await placeLogs(node, all, idleContext())).toMatchObject({ mutations: 2, dropped: 0 });
      expect(await placed()).toEqual(['edgestore a/settled', 'edgestore b/new']);
      expect(await readdir(aside)).toEqual(['logs.json']);
    }
    expect(kills).toBeGreaterThan(10);
  });

  test('damage and a lack of room are met while the logs are staged, and the bytes asked are the node’s own part', async () => {
    const [object] = await plan([[mutationOf([write('a', 'kept', t)])]]);
    await expect(stageLogs(node, { ...planned, bytes: 2 ** 52 }, idleContext())).rejects.toMatchObject({
      code: 'disk-too-small',
      happened: expect.stringMatching(/^The logs to replay on node-1 take up to 4.0 PiB, but only .* are free\.$/),
    });
    await node.bucket.delete(object?.key ?? '');
    await expect(stage()).rejects.toMatchObject({ code: 'log-damaged' });
    expect((await readdir(node.directories.aside)).filter((name) => name.endsWith('.json'))).toEqual([]);
  });

  test('a running Cassandra and a directory that is not empty are refused', async () => {
    await plan([[mutationOf([write('a', 'kept', t)])]]);
    node.faults.running = 7;
    await expect(place()).rejects.toBeInstanceOf(RefusedProblem);
    delete node.faults.running;
    await writeFile(join(node.directories.commitlog, 'CommitLog-8-1.log'), 'somebody’s');
    await expect(place()).rejects.toMatchObject({ code: 'data-present' });
    expect(await segments()).toEqual(['CommitLog-8-1.log']);
  });
});

function write(key: string, column: string, at: number): LoggedWrite {
  return { table: edgestore, key, column, value: `${key}/${column}`, at };
}

function removal(key: string, column: string, at: number): LoggedWrite {
  return { table: edgestore, key, column, at };
}

/** Ships the streams, one for each host, and writes the plan that replays them up to `t`. */
async function plan(
  streams: ReadonlyArray<readonly Uint8Array[]>,
  { segmentId = '1771466000000', exclusions = [] as readonly string[], until = t } = {},
) {
  const objects = await Promise.all(
    streams.map(async (mutations, index) =>
      shipSegment(node.bucket, { hostId: hosts[index] ?? '', segmentId }, mutations),
    ),
  );
  const body: LogPlan = {
    run,
    instant: formatInstant(micros(t)),
    strands: [
      {
        timeline: timelineId.parse('t0001'),
        until: formatInstant(micros(until)),
        exclusions: [...exclusions],
        streams: objects.map((object, index) => ({
          hostId: hosts[index] ?? '',
          node: `node-${index}`,
          objects: [object],
        })),
        schemas: [await shipSchema(node.bucket, tables)],
      },
    ],
    uncut: ['bank.janusgraph_ids'],
    omitted: ['bank.edgestore_lock_'],
    incomplete: [],
    addedTables: [],
  };
  await keep(body);
  return objects;
}

async function keep(body: LogPlan): Promise<void> {
  planned = { plan: run, sha256: await keepLogPlan(node.bucket, body) };
}

async function kept(): Promise<LogPlan> {
  const key = logPlanKey({ run, sha256: planned.sha256 });
  return readLogPlan((await node.bucket.get(key))?.body ?? '', key);
}

async function place(ranges?: ReadonlyArray<readonly [string, string]>) {
  return placeLogs(node, { ...planned, ...(ranges === undefined ? {} : { ranges }) }, idleContext());
}

/** A bucket in which every object of the log is out of reach: only documents can be read. */
function withoutLog(): SimulatedNode {
  const { bucket } = node;
  const get: typeof bucket.get = async (key, ...more) => {
    if (key.startsWith('log/')) throw new TypeError(`${key} was fetched`);
    return bucket.get(key, ...more);
  };
  return { ...node, bucket: new Proxy(bucket, { get: (of, name) => (name === 'get' ? get : Reflect.get(of, name)) }) };
}

async function stage(from: SimulatedNode = node) {
  return stageLogs(from, planned, idleContext());
}

async function segments(): Promise<readonly string[]> {
  return (await readdir(node.directories.commitlog)).sort();
}

/** What Cassandra would replay, in order: `table key/column`. */
async function placed(): Promise<readonly string[]> {
  const schema = new Map<string, LoggedTable>(tables.map((table) => [table.id, table]));
  const found: string[] = [];
  for (const name of await segments()) {
    const bytes = await readFile(join(node.directories.commitlog, name));
    const header = readSegmentHeader(bytes);
    expect(name).toBe(`CommitLog-${header.version}-${header.id}.log`);
    const rest = bytes.subarray(header.length);
    for (const { from, to } of wholeSections(rest, header, header.length)) {
      for (const entry of entriesOf(bytes.subarray(from, to), header)) {
        for (const { table, key, rows } of decodeMutation(entry, header.version, schema).updates) {
          for (const { clustering } of rows) {
            found.push(`${table.table} ${Buffer.from(key).toString()}/${Buffer.from(clustering[0] ?? []).toString()}`);
          }
        }
      }
    }
  }
  return found.sort();
}

function dying(files: NodeFiles): NodeFiles {
  const change = () => {
    if (failing.changes <= 0) throw new TypeError('killed');
    failing.changes -= 1;
  };
  return {
    ...files,
    rename: async (from, to) => {
      change();
      if (failing.renames <= 0) throw new TypeError('killed');
      failing.renames -= 1;
      return files.rename(from, to);
    },
    makeDirectory: async (...what) => (change(), files.makeDirectory(...what)),
    remove: async (path) => (change(), files.remove(path)),
    writeWhole: async (path, text) => (change(), files.writeWhole(path, text)),
    append: async (...what) => (change(), files.append(...what)),
  };
}
