import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { idleContext, simulateNode } from '../../../test/support/simulated-node.ts';
import { DirectoryStore } from '../../adapters/directory/directory-store.ts';
import { openNodeFiles } from '../../adapters/node-files/node-files.ts';
import { revertAside, setAside } from '../../node/jobs/aside-jobs.ts';
import type { NodeFiles } from '../../ports/node-files.ts';
import { startEnvironment } from './bring-up.ts';
import { nodeFolders } from './topology.ts';

vi.mock('./cassandra-ring.ts', () => ({ startRing: async () => undefined, runningNodes: () => [] }));
vi.mock('./graph-server.ts', () => ({ startGraphServer: async () => undefined }));
vi.mock('./graph-tables.ts', () => ({ ensureGraphTables: async () => undefined }));
vi.mock('./node-agents.ts', () => ({ startNodeAgents: async () => undefined, runningAgents: () => [] }));
vi.mock('./bucket-of.ts', () => ({ bucketOf: () => ({ look: async () => undefined, close: async () => undefined }) }));

/** Of so many changes; at the next one the machine loses its power. */
function mortal(files: NodeFiles, changes: number): NodeFiles {
  let left = changes;
  const change = <Args extends readonly unknown[], T>(work: (...args: Args) => Promise<T>) => {
    return async (...args: Args): Promise<T> => {
      left -= 1;
      if (left < 0) throw new Error('no power');
      return work(...args);
    };
  };
  return {
    ...files,
    makeDirectory: change(files.makeDirectory.bind(files)),
    writeWhole: change(files.writeWhole.bind(files)),
    rename: change(files.rename.bind(files)),
    remove: change(files.remove.bind(files)),
    read: files.read.bind(files),
    entries: files.entries.bind(files),
    walk: files.walk.bind(files),
    space: files.space.bind(files),
  };
}

test.each(['set-aside', 'revert-aside'] as const)(
  '`sandbox up` asks before it starts Cassandra wherever a %s that a power failure cut short has moved data',
  async (what) => {
    const wrong: string[] = [];
    let cut = 0;
    for (let changes = 1; changes <= 60; changes += 1) {
      const directory = await mkdtemp(join(tmpdir(), 'cardea-half-moved-'));
      const simulated = await simulateNode(
        (root) => new DirectoryStore(join(root, 'bucket')),
        (root) => openNodeFiles(join(root, 'hashes.json')),
      );
      try {
        const { data, commitlog, hints, savedCaches, aside } = nodeFolders(directory, 'node-1');
        const directories = { data, commitlog, hints, savedCaches, aside };
        for (const each of Object.values(directories)) await mkdir(each, { recursive: true });
        await mkdir(join(data, 'bank'));
        await writeFile(join(data, 'bank', 'all.db'), 'the old data');
        const whole = { ...simulated, directories };
        const run = 'restore-20260219-020000-aaaa';
        if (what === 'revert-aside') {
          await setAside(whole, { run }, idleContext());
          await writeFile(join(data, 'half.db'), 'half placed');
        }
        const dying = { ...whole, files: mortal(simulated.files, changes) };
        const job = what === 'set-aside' ? setAside : revertAside;
        const end = await job(dying, { run }, idleContext()).then(
          () => 'done',
          (thrown: unknown) => (thrown as Error).message,
        );
        if (end === 'done') break;
        if (end !== 'no power') throw new Error(end);
        cut += 1;
        const isWhole = existsSync(join(data, 'bank', 'all.db')) && !existsSync(join(aside, run, 'commitlog'));
        let asked = false;
        const environment = {
          directory,
          record: {
            name: 'local',
            network: '127.1.1',
            nodes: [{ name: 'node-1' }],
            store: { kind: 'directory', path: join(directory, 'store') },
          },
        } as unknown as Parameters<typeof startEnvironment>[0];
        await startEnvironment(environment, {
          progress: () => undefined,
          signal: new AbortController().signal,
          beforeDatabase: async (found) => {
            asked = found.size > 0;
          },
        });
        if (!isWhole && !asked) wrong.push(`cut short after ${changes} changes`);
      } finally {
        await simulated.remove();
        await rm(directory, { recursive: true, force: true });
      }
    }
    expect(cut).toBeGreaterThan(3);
    expect(wrong).toEqual([]);
  },
);
