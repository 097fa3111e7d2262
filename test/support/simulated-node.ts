import { existsSync } from 'node:fs';
import { cp, link, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { systemClock } from '../../src/adapters/system/clock.ts';
import type { BackupContents, BackupTool, StoredFile } from '../../src/ports/backup-tool.ts';
import type { NodeDatabase, SchemaTable, Standing } from '../../src/ports/node-database.ts';
import type { NodeFiles } from '../../src/ports/node-files.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';
import type { JobContext } from '../../src/node/jobs/job-context.ts';
import type { NodeParts } from '../../src/node/node-parts.ts';

/**
 * A node for unit tests: real files in a temporary directory, a Cassandra that only makes snapshots, and a backup tool that keeps its
 * files in the given bucket as Medusa does. Its faults are switches.
 */
export interface SimulatedNode extends NodeParts {
  readonly root: string;
  readonly faults: Faults;
  /** Calls of the tool, in order. */
  readonly toolCalls: string[];
  /** Tables of the schema: `keyspace.table`. */
  readonly schema: string[];
  writeFile(keyspace: string, table: string, path: string, content: string): Promise<void>;
  remove(): Promise<void>;
}

interface Faults {
  running?: number;
  /** What is seen of Cassandra instead. */
  standing?: Partial<Standing>;
  snapshotFails?: Error;
  /** Table of which a snapshot makes no folder. */
  skipTable?: string;
  /** File that an upload leaves out of store and manifest. */
  forgetFile?: string;
}

/** In memory where that is offered: the jobs sync at every change, and tests make thousands of them. */
const home = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

export function folderOfTable(name: string): string {
  return `${name}-0123456789abcdef0123456789abcdef`;
}

export async function simulateNode(
  bucketIn: (root: string) => ObjectStore,
  filesIn: (root: string) => NodeFiles,
): Promise<SimulatedNode> {
  const root = await mkdtemp(join(home, 'cardea-node-'));
  const inRoot = (name: string) => join(root, name);
  const directories = {
    data: inRoot('data'),
    commitlog: inRoot('commitlog'),
    hints: inRoot('hints'),
    savedCaches: inRoot('saved_caches'),
    aside: inRoot('aside'),
  };
  await Promise.all([...Object.values(directories), inRoot('bucket')].map(async (path) => mkdir(path)));
  const bucket = bucketIn(root);
  const faults: Faults = {};
  const schema = ['bank.edges', 'bank.empty', 'system.local', 'system_schema.tables'];
  const toolCalls: string[] = [];
  const node = 'node-1';
  return {
    root,
    node,
    clock: systemClock,
    bucket,
    faults,
    schema,
    toolCalls,
    files: filesIn(root),
    directories,
    database: simulatedDatabase(directories.data, schema, faults),
    tool: simulatedTool({ node, bucket, data: directories.data, faults, calls: toolCalls }),
    async writeFile(keyspace, table, path, content) {
      const file = join(directories.data, keyspace, folderOfTable(table), path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
    },
    remove: async () => rm(root, { recursive: true, force: true }),
  };
}

/** What jobs are given when a test has nothing to say about it. */
export function idleContext(signal: AbortSignal = new AbortController().signal): JobContext {
  return { signal, progress: () => {}, log: () => {} };
}

function simulatedDatabase(data: string, schema: readonly string[], faults: Faults): NodeDatabase {
  const tables = (): SchemaTable[] =>
    schema.map((name) => {
      const [keyspace = '', table = ''] = name.split('.');
      return { keyspace, table, folder: folderOfTable(table) };
    });
  return {
    runningPid: async () => faults.running,
    standing: async () => ({
      lock: 'free',
      seen: faults.running === undefined ? undefined : `process ${faults.running}`,
      seesAll: true,
      ...faults.standing,
    }),
    takeLock: async () => ({ release: async () => {} }),
    tables: async () => tables(),
    async snapshot(tag) {
      if (faults.snapshotFails !== undefined) throw faults.snapshotFails;
      for (const { keyspace, table, folder } of tables()) {
        if (`${keyspace}.${table}` === faults.skipTable) continue;
        const from = join(data, keyspace, folder);
        const to = join(from, 'snapshots', tag);
        await mkdir(to, { recursive: true });
        const linked: string[] = [];
        for (const entry of await readdir(from, { recursive: true, withFileTypes: true })) {
          const path = join(entry.parentPath, entry.name).slice(from.length + 1);
          if (!entry.isFile() || path.startsWith('snapshots/')) continue;
          await mkdir(dirname(join(to, path)), { recursive: true });
          await link(join(from, path), join(to, path));
          linked.push(path);
        }
        await writeFile(join(to, 'manifest.json'), JSON.stringify({ files: linked }));
      }
    },
    repair: async () => {},
    async clearSnapshot(tag) {
      for (const { keyspace, folder } of tables()) {
        await rm(join(data, keyspace, folder, 'snapshots', tag), { recursive: true, force: true });
      }
    },
  };
}

interface ToolParts {
  readonly node: string;
  readonly bucket: ObjectStore;
  readonly data: string;
  readonly faults: Faults;
  readonly calls: string[];
}

/** As Medusa: files are shared by name and size alone, and what was stored is told by a manifest of its own. */
function simulatedTool({ node, bucket, data, faults, calls }: ToolParts): BackupTool {
  const manifestOf = (of: string, backup: string) => `medusa/${of}/${backup}/meta/manifest.json`;
  const folderOf: BackupTool['folderOf'] = (backup, mode, keyspace, table) =>
    `medusa/${mode === 'full' ? `${node}/${backup}` : node}/data/${keyspace}/${table}/`;
  const contents: BackupTool['contents'] = async (of, backup) => {
    const stored = await bucket.get(manifestOf(of, backup));
    if (stored === undefined) return undefined;
    return { ...(JSON.parse(Buffer.from(stored.body).toString()) as BackupContents), record: stored.key };
  };
  return {
    contents,
    folderOf,
    async upload(backup, mode, { onTable, signal }) {
      calls.push(`upload ${mode}`);
      const tables: Array<{ keyspace: string; table: string }> = [];
      const files: StoredFile[] = [];
      for (const keyspace of await readdir(data)) {
        for (const table of await readdir(join(data, keyspace))) {
          signal.throwIfAborted();
          const from = join(data, keyspace, table, 'snapshots', backup);
          onTable(keyspace, table);
          tables.push({ keyspace, table });
          for (const entry of await readdir(from, { recursive: true, withFileTypes: true })) {
            const path = join(entry.parentPath, entry.name).slice(from.length + 1);
            if (!entry.isFile() || path === 'manifest.json' || path === faults.forgetFile) continue;
            const body = await readFile(join(from, path));
            const key = `${folderOf(backup, mode, keyspace, table)}${path}`;
            if ((await bucket.head(key))?.bytes !== body.length) await bucket.put(key, body);
            files.push({ keyspace, table, path, bytes: body.length, key });
          }
        }
      }
      await bucket.put(manifestOf(node, backup), JSON.stringify({ tables, files }));
    },
    async remove(backup, { keepFiles }) {
      calls.push(`remove${keepFiles ? ' keeping files' : ''}`);
      if ((await contents(node, backup)) === undefined) return false;
      await bucket.delete(manifestOf(node, backup));
      return true;
    },
    async download(of, backup, { destination, keyspaces }) {
      calls.push('download');
      for (const { keyspace, table, path, key } of (await contents(of, backup))?.files ?? []) {
        if (keyspaces?.includes(keyspace) === false) continue;
        const to = join(destination, keyspace, table, path);
        await mkdir(dirname(to), { recursive: true });
        await cp(join(dirname(data), 'bucket', key), to);
      }
    },
    endLeftOver: async () => {},
  };
}
