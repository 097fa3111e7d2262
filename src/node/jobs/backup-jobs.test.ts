import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DirectoryStore } from '../../adapters/directory/directory-store.ts';
import { openNodeFiles } from '../../adapters/node-files/node-files.ts';
import { FailedProblem, RetryableProblem } from '../../model/problem.ts';
import type { Progress } from '../../model/progress.ts';
import { inventoryDocument, inventoryKey } from '../../model/restore-point.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { waitFor } from '../../host/wait-for.ts';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { jobRunners } from './job-runners.ts';
import { clearSnapshot, deleteBackup } from './delete-backup-job.ts';
import { type SimulatedNode, folderOfTable, idleContext, simulateNode } from '../../../test/support/simulated-node.ts';
import { reread } from './reread-job.ts';
import { takeSnapshot } from './snapshot-job.ts';
import { upload } from './upload-job.ts';
import { verify } from './verify-job.ts';

const point = 'backup-20260219-020000';
const later = 'backup-20260220-020000';
const edges = folderOfTable('edges');

let node: SimulatedNode;

beforeEach(async () => {
  node = await simulateNode(
    (root) => new DirectoryStore(join(root, 'bucket')),
    (root) => openNodeFiles(join(root, 'hashes.json')),
  );
  await node.writeFile('bank', 'edges', 'nb-1-big-Data.db', 'one');
  await node.writeFile('bank', 'edges', '.edges_index/nb-1-big-Data.db', 'index');
  await node.writeFile('bank', 'empty', 'readme', '');
  await node.writeFile('system', 'local', 'nb-1-big-Data.db', 'identity');
  await node.writeFile('system_schema', 'tables', 'nb-1-big-Data.db', 'schema');
});

afterEach(async () => node.remove());

async function backup(of: string, knownPoints: readonly string[] = [], mode: 'full' | 'differential' = 'differential') {
  const snapshot = await takeSnapshot(node, { point: of }, idleContext());
  const uploaded = await upload(node, { point: of, mode }, idleContext());
  const verified = await verify(node, { point: of, knownPoints }, idleContext());
  await clearSnapshot(node, { point: of }, idleContext());
  return { snapshot, uploaded, verified };
}

async function detailsOf(work: Promise<unknown>): Promise<{ code: string; details: readonly string[] }> {
  const problem = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(problem).toBeInstanceOf(FailedProblem);
  const { code, details } = problem as FailedProblem;
  return { code, details };
}

describe('snapshot', () => {
  test('every file is in the inventory with size and hash, index files among them', async () => {
    const result = await takeSnapshot(node, { point }, idleContext());
    const stored = await node.bucket.get(inventoryKey(point, node.node));
    const inventory = inventoryDocument.read(stored?.body ?? '', 'inventory');
    const bank = inventory.tables.find((table) => table.table === edges);
    expect(bank?.files.map((file) => [file.path, file.bytes])).toEqual([
      ['.edges_index/nb-1-big-Data.db', 5],
      ['nb-1-big-Data.db', 3],
    ]);
    expect(bank?.files[1]?.sha256).toBe('7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed');
    expect(result).toMatchObject({ files: 5, inventory: inventoryKey(point, node.node) });
    expect(result.tables).toContain(`bank.${folderOfTable('empty')}`);
  });

  test('B6: a failed nodetool snapshot fails the job', async () => {
    node.faults.snapshotFails = new FailedProblem({ code: 'snapshot-failed', happened: 'no', state: 's', next: 'n' });
    expect((await detailsOf(takeSnapshot(node, { point }, idleContext()))).code).toBe('snapshot-failed');
  });

  test('B6: a table that the snapshot skipped fails the job by its name', async () => {
    node.faults.skipTable = 'bank.edges';
    expect(await detailsOf(takeSnapshot(node, { point }, idleContext()))).toEqual({
      code: 'snapshot-incomplete',
      details: ['bank.edges: the snapshot has no folder for it'],
    });
  });

  test('a dead attempt of the same name is cleared first', async () => {
    await takeSnapshot(node, { point }, idleContext());
    await node.writeFile('bank', 'edges', 'nb-2-big-Data.db', 'two');
    expect((await takeSnapshot(node, { point }, idleContext())).files).toBe(6);
  });

  test('a file seen before is not read again', async () => {
    await takeSnapshot(node, { point }, idleContext());
    const remembered = join(node.root, 'hashes.json');
    const lie = (await readFile(remembered, 'utf8')).replaceAll(/[0-9a-f]{64}/g, '0'.repeat(64));
    await writeFile(remembered, lie);
    await takeSnapshot(node, { point: later }, idleContext());
    const stored = await node.bucket.get(inventoryKey(later, node.node));
    expect(new TextDecoder().decode(stored?.body)).toContain(`"${'0'.repeat(64)}"`);
  });
});

describe('upload and verify', () => {
  test('B3: a second differential backup reads back the new bytes only', async () => {
    const first = await backup(point);
    await node.writeFile('bank', 'edges', 'nb-2-big-Data.db', 'two more');
    const second = await backup(later, [point]);
    expect(first.verified).toMatchObject({ files: 5, bytes: 22, newBytes: 22 });
    expect(second.verified).toMatchObject({ files: 6, bytes: 30, newBytes: 8 });
    expect(second.uploaded.mode).toBe('differential');
  });

  test('a file that Medusa left out fails the upload by its name', async () => {
    node.faults.forgetFile = 'nb-1-big-Data.db';
    await takeSnapshot(node, { point }, idleContext());
    const { code, details } = await detailsOf(upload(node, { point, mode: 'differential' }, idleContext()));
    expect(code).toBe('backup-incomplete');
    expect(details).toContain(`bank/${edges}/nb-1-big-Data.db: not in the backup`);
  });

  test('what a dead attempt left is removed through the tool; one that got to the end is kept', async () => {
    await takeSnapshot(node, { point }, idleContext());
    node.faults.forgetFile = 'nb-1-big-Data.db';
    await upload(node, { point, mode: 'differential' }, idleContext()).catch(() => undefined);
    delete node.faults.forgetFile;
    await upload(node, { point, mode: 'differential' }, idleContext());
    await upload(node, { point, mode: 'differential' }, idleContext());
    expect(node.toolCalls).toEqual([
      'remove keeping files',
      'upload differential',
      'remove keeping files',
      'upload differential',
    ]);
  });

  test('a file name in use again with other content is stored by a full backup, and the older backup stays whole', async () => {
    await backup(point);
    await node.writeFile('bank', 'edges', 'nb-1-big-Data.db', 'ONE');
    expect((await backup(later, [point])).uploaded.mode).toBe('full');
    expect(await verify(node, { point, knownPoints: [] }, idleContext())).toMatchObject({ newBytes: 22 });
  });

  test('progress ends at the whole', async () => {
    await takeSnapshot(node, { point }, idleContext());
    const seen: Progress[] = [];
    const context = { ...idleContext(), progress: (progress: Progress) => void seen.push(progress) };
    await upload(node, { point, mode: 'full' }, context);
    expect(seen.at(-1)).toEqual({ done: 22, total: 22, unit: 'bytes' });
    expect(seen.every((each, at) => each.done >= (seen[at - 1]?.done ?? 0))).toBe(true);
  });

  const stored = () => join(node.root, 'bucket', 'medusa', node.node, 'data', 'bank', edges, 'nb-1-big-Data.db');

  test.each([
    ['truncated', async () => truncate(stored(), 1), '1 bytes in the store, 3 in the snapshot'],
    ['missing', async () => rm(stored()), 'missing in the store'],
    ['altered', async () => writeFile(stored(), 'eno'), 'different bytes in the store'],
  ])('B6: a %s file in the store fails the check by its name', async (_what, damage, says) => {
    await takeSnapshot(node, { point }, idleContext());
    await upload(node, { point, mode: 'differential' }, idleContext());
    await damage();
    const { code, details } = await detailsOf(verify(node, { point, knownPoints: [] }, idleContext()));
    expect(code).toBe('backup-damaged');
    expect(details).toHaveLength(1);
    expect(details[0]).toContain(`bank/${edges}/nb-1-big-Data.db: ${says}`);
  });

  test('a bucket that fails now and then, at a listing, at the start or in the middle of a file, costs the check time only', async () => {
    await takeSnapshot(node, { point }, idleContext());
    await upload(node, { point, mode: 'differential' }, idleContext());
    const clock = new FakeClock();
    const shaky = shakyStore(node.bucket, 2);
    const seen: Progress[] = [];
    const context = { ...idleContext(), progress: (progress: Progress) => void seen.push(progress) };
    const checking = jobRunners({ ...node, clock, bucket: shaky.store }).verify({ point, knownPoints: [] }, context);
    await untilEnded(checking, clock);
    expect(await checking).toMatchObject({ files: 5, newBytes: 22 });
    expect(seen.at(-1)).toMatchObject({ done: 22, total: 22 });
    expect(shaky.opened().length).toBeGreaterThan(5);
  });

  test('one object that never comes fails the check as a fault of the moment, within minutes and by its name', async () => {
    await takeSnapshot(node, { point }, idleContext());
    await upload(node, { point, mode: 'differential' }, idleContext());
    const clock = new FakeClock();
    const shaky = shakyStore(node.bucket, Number.POSITIVE_INFINITY, /edges_index/);
    const checking = jobRunners({ ...node, clock, bucket: shaky.store })
      .verify({ point, knownPoints: [] }, idleContext())
      .catch((thrown: unknown) => thrown);
    await untilEnded(checking, clock);
    expect(await checking).toMatchObject({ kind: 'retryable', happened: expect.stringContaining('edges_index') });
    expect(clock.monotonic()).toBeLessThan(300);
  });

  test('a check that one object ended goes on with what it had not read, when it is asked for again within the hour', async () => {
    await takeSnapshot(node, { point }, idleContext());
    await upload(node, { point, mode: 'differential' }, idleContext());
    const clock = new FakeClock();
    const shaky = shakyStore(node.bucket, 60, /stream .*edges_index/);
    const runners = jobRunners({ ...node, clock, bucket: shaky.store });
    const attempt = async () => {
      const before = shaky.opened().length;
      const checking = runners.verify({ point, knownPoints: [] }, idleContext()).catch((thrown: unknown) => thrown);
      await untilEnded(checking, clock);
      return { end: await checking, read: new Set(shaky.opened().slice(before)) };
    };
    const first = await attempt();
    expect(first).toMatchObject({ end: { kind: 'retryable' } });
    expect(first.read.size).toBeGreaterThan(1);
    for (let next = await attempt(); ; next = await attempt()) {
      const again = [...next.read].filter((key) => !key.includes('edges_index') && first.read.has(key));
      expect(again).toEqual([]);
      if (!(next.end instanceof RetryableProblem)) {
        expect(next.end).toMatchObject({ files: 5, newBytes: 22 });
        break;
      }
    }
    // Once it has come to its end, the next one reads everything.
    expect((await attempt()).read.size).toBe(5);
  });

  test.each([
    ['running', 4711],
    ['stopped', undefined],
  ])('the snapshot of a %s node is cleared from its disk', async (_state, pid) => {
    await takeSnapshot(node, { point }, idleContext());
    if (pid !== undefined) node.faults.running = pid;
    expect(await clearSnapshot(node, { point }, idleContext())).toEqual({ cleared: true });
    expect(await clearSnapshot(node, { point }, idleContext())).toEqual({ cleared: false });
  });

  test('B5: deleting a backup takes its inventory along and is no error the second time', async () => {
    await backup(point);
    expect(await deleteBackup(node, { point }, idleContext())).toEqual({ deleted: true });
    expect(await node.bucket.head(inventoryKey(point, node.node))).toBeUndefined();
    expect(await deleteBackup(node, { point }, idleContext())).toEqual({ deleted: false });
  });
});

/**
 * Every object's first `times` readings fail: in turn before its first byte and in the middle. Listings and whole
 * objects fail as often.
 */
function shakyStore(bucket: ObjectStore, times: number, only = /./) {
  const failures = new Map<string, number>();
  const opened: string[] = [];
  const shake = (what: string) => {
    const before = failures.get(what) ?? 0;
    if (before >= times || !only.test(what)) return 0;
    failures.set(what, before + 1);
    return before + 1;
  };
  const away = (key: string) =>
    new RetryableProblem({ code: 'store-unreachable', happened: `${key}: 503`, state: 's', next: 'n' });
  const store: ObjectStore = {
    description: bucket.description,
    put: (key, body, condition) => bucket.put(key, body, condition),
    putStream: (key, body) => bucket.putStream(key, body),
    async get(key) {
      if (shake(`get ${key}`) > 0) throw away(key);
      return bucket.get(key);
    },
    async getStream(key) {
      opened.push(key);
      const failure = shake(`stream ${key}`);
      if (failure % 2 === 1) throw away(key);
      const whole = Buffer.concat(await Array.fromAsync(await bucket.getStream(key)));
      return (async function* () {
        yield whole.subarray(0, 1);
        if (failure > 0) throw away(key);
        yield whole.subarray(1);
      })();
    },
    head: (key) => bucket.head(key),
    async *list(prefix, options) {
      if (shake(`list ${prefix}`) > 0) throw away(prefix);
      yield* bucket.list(prefix, options);
    },
    children: (prefix, options) => bucket.children(prefix, options),
    delete: (key) => bucket.delete(key),
    close: () => bucket.close(),
  };
  return { store, opened: () => opened };
}

/** The jobs work on real files, so that time moves on only while one waits for it. */
async function untilEnded(work: Promise<unknown>, clock: FakeClock): Promise<void> {
  let ended = false;
  const over = () => {
    ended = true;
  };
  work.then(over, over);
  const ask = async () => {
    if (clock.sleeping > 0) await clock.advance(1000);
    return ended || undefined;
  };
  expect(await waitFor(ask, { withinMs: 30_000, everyMs: 1 })).toBe(true);
}

describe('what older points vouch for is read again', () => {
  /** Everything is due. */
  const turn = { after: 0, until: 1, of: 1 };
  const again = async (points = [later, point]) => reread(node, { own: later, points, turn }, idleContext());

  beforeEach(async () => {
    await backup(point);
    await node.writeFile('bank', 'edges', 'nb-2-big-Data.db', 'two more');
    await backup(later, [point]);
  });

  test('each object once, and only what is due', async () => {
    expect(await again()).toEqual({ files: 6, bytes: 30, damaged: [], mended: 0 });
    expect(
      await reread(node, { own: later, points: [point], turn: { after: 1, until: 1, of: 1 } }, idleContext()),
    ).toMatchObject({
      files: 0,
    });
  });

  test('B3: other bytes of the same length are found, and each point that holds them is named', async () => {
    const [key = ''] = await keysEnding('edges_index/nb-1-big-Data.db');
    await node.bucket.put(key, 'inDex');
    const what = expect.stringContaining(`different bytes in the store (${key})`);
    expect((await again()).damaged).toEqual([
      { point: later, what },
      { point, what },
    ]);
  });

  test('what the new point’s snapshot still has is brought again, and every point that holds it is whole', async () => {
    const [key = ''] = await keysEnding('edges_index/nb-1-big-Data.db');
    await takeSnapshot(node, { point: later }, idleContext());
    for (const damage of [async () => node.bucket.put(key, 'inDex'), async () => node.bucket.delete(key)]) {
      await damage();
      expect(await again()).toMatchObject({ damaged: [], mended: 1 });
      expect(Buffer.from((await node.bucket.get(key))?.body ?? []).toString()).toBe('index');
    }
    // One that the node has with other bytes is not.
    await node.writeFile('bank', 'edges', `snapshots/${later}/.edges_index/nb-1-big-Data.db`, 'other');
    await node.bucket.put(key, 'inDex');
    expect(await again()).toMatchObject({ damaged: [{ point: later }, { point }], mended: 0 });
  });

  test('an object that is gone is damage, and one that only the newer point holds is none of the older', async () => {
    const [key = ''] = await keysEnding('nb-2-big-Data.db');
    await node.bucket.delete(key);
    expect((await again()).damaged).toEqual([{ point: later, what: expect.stringContaining('missing in the store') }]);
  });

  test('a point without its inventory is named', async () => {
    await node.bucket.put(inventoryKey(point, node.node), 'damaged');
    expect((await again()).damaged).toEqual([{ point, what: expect.stringContaining('its inventory') }]);
  });
});

async function keysEnding(end: string): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of node.bucket.list('')) if (key.endsWith(end)) keys.push(key);
  return keys;
}
