import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { DirectoryStore } from '../../adapters/directory/directory-store.ts';
import { openNodeFiles } from '../../adapters/node-files/node-files.ts';
import { RefusedProblem } from '../../model/problem.ts';
import { inventoryDocument, inventoryKey } from '../../model/restore-point.ts';
import { sha256 } from '../../model/sha256.ts';
import type { NodeFiles } from '../../ports/node-files.ts';
import { markDisk } from './disk-mark.ts';
import { acceptAside, checkAside, lookAside, revertAside, setAside } from './aside-jobs.ts';
import { clearStage, restoreFiles, stageFiles } from './restore-job.ts';
import { type SimulatedNode, folderOfTable, idleContext, simulateNode } from '../../../test/support/simulated-node.ts';
import { takeSnapshot } from './snapshot-job.ts';
import { upload } from './upload-job.ts';
import { verify } from './verify-job.ts';

const point = 'backup-20260219-020000';
const run = 'restore-1';
const edges = folderOfTable('edges');
const asBackedUp = 'the data of the backup';
const asLost = 'what a bad job made of it';

/** The agent dies here. */
class Death extends Error {}

/** How many changes of the file system are still made before the agent dies, at the next one or just after it. */
interface Life {
  changesLeft: number;
  dieAfterChange: boolean;
}

type MortalNode = SimulatedNode & { readonly life: Life };

const nodes: MortalNode[] = [];

afterEach(async () => {
  for (const node of nodes.splice(0)) await node.remove();
});

/** A stopped node whose data was ruined after its backup. */
async function ruinedNode(backedUp = true): Promise<MortalNode> {
  const life: Life = { changesLeft: Number.POSITIVE_INFINITY, dieAfterChange: false };
  const simulated = await simulateNode(
    (root) => new DirectoryStore(join(root, 'bucket')),
    (root) => mortal(openNodeFiles(join(root, 'hashes.json')), life),
  );
  const node = { ...simulated, life };
  nodes.push(node);
  node.schema.splice(0, node.schema.length, 'bank.edges', 'system.local', 'system_schema.tables');
  await node.writeFile('bank', 'edges', 'nb-1-big-Data.db', asBackedUp);
  await node.writeFile('system', 'local', 'nb-1-big-Data.db', 'identity');
  await node.writeFile('system_schema', 'tables', 'nb-1-big-Data.db', 'schema');
  if (backedUp) {
    await takeSnapshot(node, { point }, idleContext());
    await upload(node, { point, mode: 'differential' }, idleContext());
    await node.database.clearSnapshot(point, idleContext().signal);
  }
  await node.writeFile('bank', 'edges', 'nb-1-big-Data.db', asLost);
  await writeFile(join(node.directories.commitlog, 'CommitLog-7-1.log'), 'log');
  await writeFile(join(node.directories.hints, 'a.hints'), 'hint');
  return node;
}

function mortal(files: NodeFiles, life: Life): NodeFiles {
  const dieWhenTold = async <T>(change: () => Promise<T>): Promise<T> => {
    if (life.changesLeft > 0) {
      life.changesLeft -= 1;
      return change();
    }
    if (life.dieAfterChange) await change();
    throw new Death('killed');
  };
  return {
    ...files,
    rename: async (from, to) => dieWhenTold(async () => files.rename(from, to)),
    makeDirectory: async (path, like) => dieWhenTold(async () => files.makeDirectory(path, like)),
    remove: async (path) => dieWhenTold(async () => files.remove(path)),
    writeWhole: async (path, text) => dieWhenTold(async () => files.writeWhole(path, text)),
  };
}

/** Does the job on a fresh node per change of the file system, killed at that change, and again after each kill. Resolves with the number of kills. */
async function killedAnywhere(
  prepare: ((node: MortalNode) => Promise<void>) | undefined,
  job: (node: MortalNode) => Promise<unknown>,
  check: (node: MortalNode) => Promise<void>,
): Promise<number> {
  let kills = 0;
  for (const dieAfterChange of [false, true]) {
    for (let at = 0; ; at += 1) {
      const node = await ruinedNode(prepare !== undefined);
      await prepare?.(node);
      Object.assign(node.life, { changesLeft: at, dieAfterChange });
      const died = await job(node).then(
        () => false,
        (thrown: unknown) => {
          expect(thrown).toBeInstanceOf(Death);
          return true;
        },
      );
      node.life.changesLeft = Number.POSITIVE_INFINITY;
      if (died) await job(node);
      await check(node);
      if (!died) break;
      kills += 1;
    }
  }
  return kills;
}

const liveData = async (node: SimulatedNode, keyspace = 'bank', table = edges) =>
  readFile(join(node.directories.data, keyspace, table, 'nb-1-big-Data.db'), 'utf8');
const keptData = async (node: SimulatedNode, of = run) =>
  readFile(join(node.directories.aside, of, 'data', 'bank', edges, 'nb-1-big-Data.db'), 'utf8');
const aside = async (node: SimulatedNode) => setAside(node, { run }, idleContext());
const restore = async (node: SimulatedNode, inPlace = true) =>
  restoreFiles(node, { point, source: node.node, inPlace }, idleContext());
const stage = async (node: SimulatedNode) =>
  stageFiles(node, { point, source: node.node, inPlace: true }, idleContext());
const storedFile = (node: SimulatedNode) =>
  join(node.root, 'bucket', 'medusa', node.node, 'data', 'bank', edges, 'nb-1-big-Data.db');
const inventory = (node: SimulatedNode) => inventoryKey(point, node.node);

/** Other data of the same size, and an inventory that says so. Gives the inventory of before. */
async function exchangeFiles(node: SimulatedNode): Promise<string> {
  const planted = asBackedUp.toUpperCase();
  const original = Buffer.from((await node.bucket.get(inventory(node)))?.body ?? '').toString();
  const { kind: _kind, version: _version, check: _check, ...body } = JSON.parse(original);
  await writeFile(storedFile(node), planted);
  const text = JSON.stringify(body).replace(sha256(asBackedUp), sha256(planted));
  await node.bucket.put(inventory(node), inventoryDocument.write(JSON.parse(text)));
  return original;
}

const revert = async (node: SimulatedNode) => revertAside(node, { run }, idleContext());
const accept = async (node: SimulatedNode, of = run) => acceptAside(node, { run: of }, idleContext());

async function expectEmpty(...directories: string[]): Promise<void> {
  for (const directory of directories) expect(await readdir(directory)).toEqual([]);
}

describe('killed at any change and done again, the outcome is that of an undisturbed job', () => {
  test('C3: set-aside keeps everything and leaves empty directories', async () => {
    const kills = await killedAnywhere(undefined, aside, async (node) => {
      const { data, commitlog, hints, savedCaches } = node.directories;
      await expectEmpty(data, commitlog, hints, savedCaches);
      expect(await keptData(node)).toBe(asLost);
      expect(await readdir(join(node.directories.aside, run, 'hints'))).toEqual(['a.hints']);
    });
    expect(kills).toBeGreaterThan(15);
  });

  test('C3: restore-files puts the data of the backup into place', async () => {
    const kills = await killedAnywhere(
      async (node) => void (await aside(node)),
      restore,
      async (node) => {
        expect(await liveData(node)).toBe(asBackedUp);
        expect(await liveData(node, 'system', folderOfTable('local'))).toBe('identity');
        await expectEmpty(node.directories.commitlog, node.directories.hints, node.directories.savedCaches);
        expect(await keptData(node)).toBe(asLost);
      },
    );
    expect(kills).toBeGreaterThan(10);
  });

  test('C3: revert-aside brings the old data back and keeps the restored', async () => {
    const prepare = async (node: MortalNode) => {
      await aside(node);
      await restore(node);
    };
    const kills = await killedAnywhere(prepare, revert, async (node) => {
      expect(await liveData(node)).toBe(asLost);
      expect(await readdir(node.directories.hints)).toEqual(['a.hints']);
      expect(await keptData(node, `revert-${run}`)).toBe(asBackedUp);
      expect(await readdir(node.directories.aside)).toEqual([`revert-${run}`]);
    });
    expect(kills).toBeGreaterThan(15);
  });

  test('accept-aside deletes what was kept and nothing else', async () => {
    const prepare = async (node: MortalNode) => {
      await aside(node);
      await restore(node);
    };
    await killedAnywhere(prepare, accept, async (node) => {
      expect(await liveData(node)).toBe(asBackedUp);
      expect(await readdir(node.directories.aside)).toEqual(['placement.json']);
    });
  });

  test('a set-aside that was killed can be reverted instead', async () => {
    for (let at = 3; at < 12; at += 1) {
      const node = await ruinedNode(false);
      node.life.changesLeft = at;
      await aside(node).catch(() => undefined);
      node.life.changesLeft = Number.POSITIVE_INFINITY;
      await revert(node);
      expect(await liveData(node)).toBe(asLost);
      expect(await readdir(node.directories.hints)).toEqual(['a.hints']);
    }
  });
});

describe('what is refused', () => {
  test.each([
    ['set-aside', aside],
    ['restore-files', restore],
    ['revert-aside', revert],
  ] as const)('C6: %s while Cassandra runs', async (name, job) => {
    const node = await ruinedNode();
    if (name !== 'set-aside') await aside(node);
    node.faults.running = 4711;
    await expect(job(node)).rejects.toMatchObject({ code: 'database-running' });
  });

  test('restoring onto data that was not set aside', async () => {
    const node = await ruinedNode();
    await expect(restore(node)).rejects.toMatchObject({ code: 'data-present' });
    expect(await liveData(node)).toBe(asLost);
  });

  test('restoring onto a commit log that would be replayed', async () => {
    const node = await ruinedNode();
    await aside(node);
    await writeFile(join(node.directories.commitlog, 'CommitLog-7-2.log'), 'log');
    await expect(restore(node)).rejects.toMatchObject({ code: 'data-present' });
  });

  test('restoring again after Cassandra has changed the restored data', async () => {
    const node = await ruinedNode();
    await aside(node);
    await restore(node);
    await node.writeFile('bank', 'edges', 'nb-2-big-Data.db', 'written since');
    await expect(restore(node)).rejects.toMatchObject({ code: 'data-present' });
  });

  test('reverting or accepting what was never kept', async () => {
    const node = await ruinedNode();
    await expect(revert(node)).rejects.toBeInstanceOf(RefusedProblem);
    expect(await accept(node)).toEqual({ bytes: 0 });
  });
});

describe('restores', () => {
  test('a wiped disk is restored, and reverting brings the emptiness back', async () => {
    const node = await ruinedNode();
    await rm(node.directories.data, { recursive: true });
    await aside(node);
    await restore(node);
    expect(await liveData(node)).toBe(asBackedUp);
    await revert(node);
    await expectEmpty(node.directories.data);
    expect(await keptData(node, `revert-${run}`)).toBe(asBackedUp);
  });

  test('C3: a copy gets schema and data but not the identity of the node', async () => {
    const node = await ruinedNode();
    await aside(node);
    expect(await restore(node, false)).toEqual({ files: 2, bytes: asBackedUp.length + 'schema'.length });
    expect(await readdir(node.directories.data)).toEqual(['bank', 'system_schema']);
  });

  test('a file that is short in the store fails the restore by its object before anything is downloaded', async () => {
    const node = await ruinedNode();
    await aside(node);
    await writeFile(join(node.root, 'bucket', 'medusa', node.node, 'data', 'bank', edges, 'nb-1-big-Data.db'), 'short');
    const problem = await restore(node).catch((thrown: unknown) => thrown);
    expect(problem).toMatchObject({
      code: 'backup-damaged',
      details: [
        `bank/${edges}/nb-1-big-Data.db: 5 bytes in the store, ${asBackedUp.length} in the snapshot (medusa/${node.node}/data/bank/${edges}/nb-1-big-Data.db)`,
      ],
    });
    expect(node.toolCalls).not.toContain('download');
    await expectEmpty(node.directories.data);
  });

  test('a revert can itself be reverted', async () => {
    const node = await ruinedNode();
    await aside(node);
    await restore(node);
    await revert(node);
    await revertAside(node, { run: `revert-${run}` }, idleContext());
    expect(await liveData(node)).toBe(asBackedUp);
  });
});

describe('staged first', () => {
  test('files are brought while Cassandra runs, and moved without being brought again', async () => {
    const node = await ruinedNode();
    node.faults.running = 4711;
    await stage(node);
    await stage(node);
    expect(await liveData(node)).toBe(asLost);
    delete node.faults.running;
    await aside(node);
    await restore(node);
    expect(await liveData(node)).toBe(asBackedUp);
    expect(node.toolCalls.filter((call) => call === 'download')).toHaveLength(1);
    expect(await readdir(node.directories.aside)).toEqual(['placement.json', run]);
  });

  test('C4: a bit that flipped in the store is named before anything is moved', async () => {
    const node = await ruinedNode();
    const flipped = asBackedUp.replace('data', 'dat`');
    await writeFile(storedFile(node), flipped);
    await expect(stage(node)).rejects.toMatchObject({
      code: 'restore-damaged',
      details: [
        `bank/${edges}/nb-1-big-Data.db: its bytes differ from the snapshot (medusa/node-1/data/bank/${edges}/nb-1-big-Data.db)`,
      ],
    });
    expect(await liveData(node)).toBe(asLost);
  });

  test('a bit that flipped on the way is brought again, because the store holds the file as it was', async () => {
    const node = await ruinedNode();
    const download: typeof node.tool.download = async (of, backup, options) => {
      await node.tool.download(of, backup, options);
      await writeFile(join(options.destination, 'bank', edges, 'nb-1-big-Data.db'), asBackedUp.replace('data', 'dat`'));
    };
    await expect(stage({ ...node, tool: { ...node.tool, download } })).rejects.toMatchObject({
      kind: 'retryable',
      code: 'download-damaged',
      happened: expect.stringContaining('nb-1-big-Data.db'),
    });
    await stage(node);
    expect(await liveData(node)).toBe(asLost);
  });

  test('what was staged for another point, or changed since, is brought again', async () => {
    const node = await ruinedNode();
    await stage(node);
    await rm(join(node.directories.aside, 'staging', 'bank'), { recursive: true });
    await aside(node);
    await restore(node);
    expect(await liveData(node)).toBe(asBackedUp);
    expect(node.toolCalls.filter((call) => call === 'download')).toHaveLength(2);
  });

  test('files are staged and placed only by the inventory that the run has checked', async () => {
    const node = await ruinedNode();
    const { inventorySha256 = '' } = await verify(node, { point, knownPoints: [] }, idleContext());
    const params = { point, source: node.node, inPlace: true, inventorySha256 };
    await stageFiles(node, params, idleContext());
    const original = await exchangeFiles(node);
    const refused = { kind: 'refused', code: 'inventory-changed', happened: expect.stringContaining(inventory(node)) };
    await expect(stageFiles(node, params, idleContext())).rejects.toMatchObject(refused);
    await aside(node);
    await expect(restoreFiles(node, params, idleContext())).rejects.toMatchObject(refused);
    await expectEmpty(node.directories.data);
    await node.bucket.put(inventory(node), original);
    await restoreFiles(node, params, idleContext());
    expect(await liveData(node)).toBe(asBackedUp);
  });

  test('what was staged by another inventory of the same sizes is not placed', async () => {
    const node = await ruinedNode();
    const original = await exchangeFiles(node);
    await stage(node);
    await node.bucket.put(inventory(node), original);
    await writeFile(storedFile(node), asBackedUp);
    await clearStage(node, { keepPoint: point });
    await aside(node);
    await restore(node);
    expect(await liveData(node)).toBe(asBackedUp);
  });

  test('what an agent of before has staged is brought again, because nobody knows by which inventory', async () => {
    const node = await ruinedNode();
    await stage(node);
    const marker = join(node.directories.aside, 'staged.json');
    await writeFile(marker, (await readFile(marker, 'utf8')).replace(/,\s*"inventory": "[0-9a-f]+"/, ''));
    await aside(node);
    await restore(node);
    expect(await liveData(node)).toBe(asBackedUp);
    expect(node.toolCalls.filter((call) => call === 'download')).toHaveLength(2);
  });

  test('what was staged with a marker that cannot be read is brought again, and can be cleared', async () => {
    const node = await ruinedNode();
    await stage(node);
    await writeFile(join(node.directories.aside, 'staged.json'), '{"kind": "st');
    await clearStage(node, { keepPoint: point });
    expect(await readdir(node.directories.aside)).toEqual([]);
    await stage(node);
    await writeFile(join(node.directories.aside, 'staged.json'), '');
    await aside(node);
    await restore(node);
    expect(await liveData(node)).toBe(asBackedUp);
    expect(node.toolCalls.filter((call) => call === 'download')).toHaveLength(3);
  });

  test('killed at any change, staging and placing go on to the data of the backup', async () => {
    const kills = await killedAnywhere(
      async (node) => void (await aside(node)),
      async (node) => {
        await stage(node);
        await restore(node);
      },
      async (node) => expect(await liveData(node)).toBe(asBackedUp),
    );
    expect(kills).toBeGreaterThan(10);
  });

  test('what was staged and is not wanted goes', async () => {
    const node = await ruinedNode();
    await stage(node);
    await clearStage(node, {});
    expect(await readdir(node.directories.aside)).toEqual([]);
  });

  test('a Cassandra that was started while the files were brought keeps its data', async () => {
    const node = await ruinedNode();
    await aside(node);
    const download = node.tool.download.bind(node.tool);
    Object.assign(node.tool, {
      download: async (...given: Parameters<typeof download>) => {
        await download(...given);
        await node.writeFile('bank', 'edges', 'nb-9-big-Data.db', 'acknowledged meanwhile');
      },
    });
    await expect(restore(node)).rejects.toMatchObject({ code: 'data-present' });
    expect(await readdir(join(node.directories.data, 'bank', edges))).toEqual(['nb-9-big-Data.db']);
  });
});

describe('a placement that broke off', () => {
  /** Dies with some keyspaces placed and others not. */
  async function halfPlaced(): Promise<MortalNode> {
    const node = await ruinedNode();
    await aside(node);
    await stage(node);
    // The directory, the marker, then one rename.
    Object.assign(node.life, { changesLeft: 3 });
    await expect(restore(node)).rejects.toBeInstanceOf(Death);
    node.life.changesLeft = Number.POSITIVE_INFINITY;
    expect(await readdir(node.directories.data)).toHaveLength(1);
    return node;
  }

  test('what Cassandra wrote there since then is never removed: the placement is refused by the name of the file', async () => {
    const node = await halfPlaced();
    await node.writeFile('bank', 'edges', 'nb-9-big-Data.db', 'acknowledged meanwhile');
    await expect(restore(node)).rejects.toMatchObject({
      kind: 'refused',
      code: 'data-present',
      details: [expect.stringContaining(`bank/${edges}/nb-9-big-Data.db`)],
    });
    expect(await readdir(join(node.directories.data, 'bank', edges))).toContain('nb-9-big-Data.db');
  });

  test('a keyspace that nobody placed is not removed either', async () => {
    const node = await halfPlaced();
    await node.writeFile('other', 'table', 'nb-1-big-Data.db', 'acknowledged meanwhile');
    await expect(restore(node)).rejects.toMatchObject({ code: 'data-present' });
    expect(await liveData(node, 'other', folderOfTable('table'))).toBe('acknowledged meanwhile');
  });

  test('when the staged rest has gone, only that is brought again', async () => {
    const node = await halfPlaced();
    const [placed = ''] = await readdir(node.directories.data);
    await clearStage(node, {});
    await restore(node);
    expect(await liveData(node)).toBe(asBackedUp);
    expect(await readdir(node.directories.data)).toEqual(['bank', 'system', 'system_schema']);
    expect(placed).not.toBe('');
  });
});

describe('looked at before', () => {
  test('what set-aside would refuse is refused while Cassandra runs', async () => {
    const node = await ruinedNode();
    node.faults.running = 4711;
    expect(await checkAside(node)).toEqual({ aside: [] });
    const space = node.files.space.bind(node.files);
    Object.assign(node.files, {
      space: async (path: string) => ({
        ...(await space(path)),
        device: path === node.directories.commitlog ? 'other' : 'one',
      }),
    });
    await expect(checkAside(node)).rejects.toMatchObject({ code: 'aside-elsewhere' });
  });

  test('a marker that is lost or has lost its text: what lies aside is brought back all the same, and is never deleted by that', async () => {
    for (const lose of [
      async (path: string) => rm(path),
      async (path: string) => writeFile(path, ''),
      async (path: string) => writeFile(path, 'not a marker'),
    ]) {
      const node = await ruinedNode();
      await aside(node);
      await restore(node);
      await lose(join(node.directories.aside, run, 'aside.json'));
      expect(await lookAside(node, { run })).toMatchObject({ phase: 'kept', itself: true });
      await revert(node);
      expect(await liveData(node)).toBe(asLost);
      await accept(node, `revert-${run}`);
      expect(await liveData(node)).toBe(asLost);
    }
  });

  test('without its marker, what lies aside can be accepted', async () => {
    const node = await ruinedNode();
    await aside(node);
    await restore(node);
    await rm(join(node.directories.aside, run, 'aside.json'));
    await accept(node);
    expect(await lookAside(node, { run })).toMatchObject({ phase: null });
    expect(await liveData(node)).toBe(asBackedUp);
  });

  test('how far the moving aside has come is told', async () => {
    const node = await ruinedNode();
    expect(await lookAside(node, { run })).toMatchObject({ phase: null });
    await aside(node);
    expect(await lookAside(node, { run })).toMatchObject({ phase: 'kept' });
  });

  test('what lies aside says whether the disk was marked when it was moved, whatever becomes of the mark', async () => {
    const node = await ruinedNode();
    await markDisk(node, { run, keep: [] });
    await aside(node);
    await markDisk(node, { run: 'restore-2', keep: [] });
    expect(await readdir(node.directories.aside)).not.toContain(`mark.${run}`);
    expect(await lookAside(node, { run })).toMatchObject({ phase: 'kept', itself: true, marked: true });
    // Somebody has started a database on another disk, which was then moved aside.
    const other = await ruinedNode();
    await aside(other);
    await markDisk(other, { run, keep: [] });
    expect(await lookAside(other, { run })).toMatchObject({ phase: 'kept', itself: true, marked: false });
  });

  test('what is accepted takes its own mark with it, and none of another run', async () => {
    const node = await ruinedNode();
    await markDisk(node, { run, keep: [] });
    await aside(node);
    await restore(node);
    await markDisk(node, { run: 'restore-2', keep: [run] });
    await accept(node);
    expect(await readdir(node.directories.aside)).toEqual(expect.arrayContaining(['mark.restore-2']));
    expect(await readdir(node.directories.aside)).not.toContain(`mark.${run}`);
  });

  test('reverting on a node that may never have set anything aside leaves it as it is', async () => {
    const node = await ruinedNode();
    expect(await revertAside(node, { run, mayBeAbsent: true }, idleContext())).toMatchObject({ path: null });
    expect(await liveData(node)).toBe(asLost);
    await revertAside(node, { run: `revert-${run}` }, idleContext());
    expect(await liveData(node)).toBe(asLost);
    await accept(node, `revert-revert-${run}`);
    expect(await readdir(node.directories.aside)).toEqual([]);
  });
});
