import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openNodeFiles } from '../../../src/adapters/node-files/node-files.ts';
import { systemClock } from '../../../src/adapters/system/clock.ts';
import { FailedProblem, RetryableProblem } from '../../../src/model/problem.ts';
import { sha256 } from '../../../src/model/sha256.ts';
import { jobRunners } from '../../../src/node/jobs/job-runners.ts';
import type { NodeParts } from '../../../src/node/node-parts.ts';
import type { BackupTool } from '../../../src/ports/backup-tool.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { CopyLayout, Platform } from '../../../src/ports/platform.ts';
import type { CopiedBucket } from './copied-bucket.ts';
import type { BucketFacts } from './real-bucket.ts';

/** What a run had brought in place when it came to start a server. */
export interface Start {
  /** Path and SHA-256 of every file of data and log, by node. */
  readonly files: readonly string[];
  readonly layout?: Omit<CopyLayout, 'run'>;
}

/** An environment of one node with the real jobs of an agent over empty disks, whose servers only note what they would start on. */
export interface CopiedWorld {
  readonly platform: Platform;
  readonly start: () => Start | undefined;
  remove(): void;
}

export interface WorldParts {
  readonly facts: BucketFacts;
  readonly bucket: CopiedBucket;
  readonly clock: Clock;
  /** Where the disks are: in memory, best. */
  readonly folder: string;
  readonly tool: (bucket: CopiedBucket) => BackupTool | Promise<BackupTool>;
}

export async function copiedWorld({ facts, bucket, clock, folder, tool }: WorldParts): Promise<CopiedWorld> {
  let start: Start | undefined;
  let layout: Omit<CopyLayout, 'run'> | undefined;
  const opened = await tool(bucket);
  const nodeOf = (name: string) => {
    const root = join(folder, name);
    const directories = {
      data: join(root, 'data'),
      commitlog: join(root, 'commitlog'),
      hints: join(root, 'hints'),
      savedCaches: join(root, 'saved_caches'),
      aside: join(root, 'aside'),
    };
    for (const path of Object.values(directories)) mkdirSync(path, { recursive: true });
    const parts: NodeParts = {
      node: name,
      clock,
      bucket,
      tool: opened,
      database: {
        runningPid: async () => undefined,
        standing: async () => ({ lock: 'free', seen: undefined, seesAll: true }),
        takeLock: async () => ({ release: async () => undefined }),
        repair: async () => undefined,
        tables: async () => [],
        snapshot: async () => undefined,
        clearSnapshot: async () => undefined,
      },
      files: openNodeFiles(join(root, 'hashes.json')),
      directories,
    };
    return { root, runners: jobRunners(parts) };
  };
  const gone = async () => {
    throw new RetryableProblem({ code: 'database-unreachable', happened: 'The cluster is gone.', state: '', next: '' });
  };
  const platformOf = (name: string): Platform => {
    const node = nodeOf(name);
    const begin = async () => {
      start = { files: filesOf(node.root), ...(layout === undefined ? {} : { layout }) };
      throw new FailedProblem({ code: 'first-start', happened: 'A server would start now.', state: '', next: '' });
    };
    return {
      environment: 'local',
      keyspace: facts.keyspace,
      indexBackend: facts.indexBackend,
      nodes: [{ ...facts.node, name, cqlPort: 9042, agent: 'http://10.0.0.1' }],
      bucket,
      database: {
        ring: gone,
        ringSeenBy: gone,
        execute: gone,
        rows: () => rowsGone(gone),
        close: async () => undefined,
      },
      databaseLifecycle: { startAll: begin, stopAll: async () => undefined, running: async () => [] },
      graph: new Proxy({}, { get: () => gone }),
      graphLifecycle: {
        startAll: begin,
        stopAll: async () => undefined,
        running: async () => false,
        setIndexAside: async () => undefined,
        acceptIndexAside: async () => undefined,
        revertIndexAside: async () => undefined,
      },
      agent: () => ({
        node: name,
        health: async () => ({
          node: name,
          version: 'x',
          at: clock.now().toISOString(),
          highestEpoch: 0,
          runningJobs: 0,
        }),
        disk: async () => ({ total: 1e12, free: 5e11, liveData: 0, aside: 0, snapshots: 0 }),
        run: async (_job: unknown, kind: keyof typeof node.runners, params: never, { signal, progress }: never) =>
          node.runners[kind](params, { signal, progress, log: () => undefined }),
      }),
      ensureAgents: async () => undefined,
      copies: {
        prepare: async (_copy: string, { run: _run, ...wanted }: CopyLayout) => {
          layout = wanted;
          return platformOf(`${name}-copy`);
        },
        open: async () => (layout === undefined ? undefined : platformOf(`${name}-copy`)),
        remove: async () => undefined,
        connectionsToLive: async () => [],
        list: async () => [],
      },
      close: async () => undefined,
    } as unknown as Platform;
  };
  return {
    platform: platformOf(facts.node.name),
    start: () => start,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function* rowsGone(gone: () => Promise<never>): AsyncIterable<never> {
  yield await gone();
}

function filesOf(root: string): readonly string[] {
  return ['data', 'commitlog'].flatMap((part) =>
    readdirSync(join(root, part), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => `${path.slice(root.length + 1)} ${sha256(readFileSync(path))}`),
  );
}

/** The time stands where the bucket was left, so that the same questions have the same answers. */
export function standingClock(now: Date): Clock {
  return {
    now: () => now,
    monotonic: () => systemClock.monotonic(),
    sleep: (ms, signal) => systemClock.sleep(ms, signal),
  };
}

/** Brings files as Medusa's `download` does: each object that the manifest names to its table's folder, byte for byte. */
export function downloading(tool: BackupTool, bucket: CopiedBucket): BackupTool {
  return {
    ...tool,
    async download(node, backup, { destination, keyspaces }) {
      for (const { keyspace, table, path, key } of (await tool.contents(node, backup))?.files ?? []) {
        if (keyspaces?.includes(keyspace) === false) continue;
        const stored = await bucket.get(key);
        if (stored === undefined)
          throw new FailedProblem({ code: 'medusa-failed', happened: `${key} is missing.`, state: '', next: '' });
        const to = join(destination, keyspace, table, path);
        mkdirSync(dirname(to), { recursive: true });
        writeFileSync(to, stored.body);
      }
    },
  };
}

/** Prefix of folders in memory where that is offered: the jobs sync at every change. */
export function temporaryHome(): string {
  return join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'cardea-flips-');
}
