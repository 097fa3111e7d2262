import { asProblem, FailedProblem, RefusedProblem, RetryableProblem } from '../../src/model/problem.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { BackupContents, BackupTool } from '../../src/ports/backup-tool.ts';
import type { JobKind, NodeAgent } from '../../src/ports/node-agent.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';
import type { Platform } from '../../src/ports/platform.ts';
import { problemFromDocument } from '../../src/model/problem.ts';
import { jobRunners } from '../../src/node/jobs/job-runners.ts';
import { jobStoreIn } from '../../src/node/job-store.ts';
import { JobTable } from '../../src/node/job-table.ts';
import type { NodeParts } from '../../src/node/node-parts.ts';
import { folderOfTable } from './simulated-node.ts';
import { MemoryFiles } from './memory-files.ts';

/** What goes wrong with the next jobs of a kind on one node, one after the other. */
export type JobFault =
  | 'refused'
  | 'fails'
  /** The agent dies at the third change of the file system that the job makes, and is there again at once. */
  | 'killed'
  /** Done, but the answer never comes. */
  | 'answer-lost'
  | 'away';

const directories = {
  data: '/var/data',
  commitlog: '/var/commitlog',
  hints: '/var/hints',
  savedCaches: '/var/saved_caches',
  aside: '/var/aside',
};
const table = folderOfTable('edges');
const dataFile = `${directories.data}/bank/${table}/nb-1-big-Data.db`;

interface Agent {
  jobs: JobTable;
  alive: boolean;
  changesLeft: number;
}

/** One Cassandra node with its real agent jobs over a file system in memory. */
export class RingNode {
  readonly disk = new MemoryFiles();
  readonly faults = new Map<JobKind, JobFault[]>();
  up = true;
  startFails = 0;
  #agent: Agent | undefined;
  /** An agent that is alive holds the lock. */
  #moving = false;

  readonly name: string;
  readonly bucket: () => ObjectStore;
  readonly clock: Clock;

  constructor(name: string, bucket: () => ObjectStore, clock: Clock) {
    this.name = name;
    this.bucket = bucket;
    this.clock = clock;
    for (const folder of Object.values(directories)) this.disk.makeFolder(folder);
    this.write('before');
  }

  /** What is written while the node runs. */
  write(content: string): void {
    this.disk.write(dataFile, content);
    this.disk.write(`${directories.commitlog}/CommitLog-7-1.log`, `log of ${content}`);
    this.disk.write(`${directories.data}/system/local/nb-1-big-Data.db`, `identity of ${this.name}`);
  }

  /** What the node serves; undefined when it has no graph data at all. */
  get content(): string | undefined {
    return this.disk.files.get(dataFile);
  }

  get asides(): ReadonlyMap<string, string> {
    return this.disk.below(directories.aside);
  }

  start(): void {
    if (this.startFails > 0) {
      this.startFails -= 1;
      throw new FailedProblem({
        code: 'node-not-started',
        happened: `${this.name} ended while it started.`,
        state: '',
        next: '',
      });
    }
    this.up = true;
    // Cassandra makes its own tables on an empty disk, and a commit log: a new, empty node.
    this.disk.write(`${directories.commitlog}/CommitLog-7-${String(this.clock.now().getTime())}.log`, 'log');
    if (this.content === undefined) this.disk.write(dataFile, 'EMPTY');
  }

  /** `run` as the HTTP client does it: starts, joins, follows, begins a lost job anew. */
  agent(): Pick<NodeAgent, 'node' | 'run' | 'disk' | 'health'> {
    return {
      node: this.name,
      health: async () => ({
        node: this.name,
        version: 'x',
        at: this.clock.now().toISOString(),
        highestEpoch: 0,
        runningJobs: 0,
      }),
      disk: async () => ({ total: 1e12, free: 5e11, liveData: 100, aside: 0, snapshots: 0 }),
      run: async (key, kind, params, { signal }) => {
        let fault = this.faults.get(kind)?.shift();
        if (fault === 'away') throw this.#unreachable();
        for (;;) {
          signal.throwIfAborted();
          const agent = await this.#alive();
          if (fault === 'killed') {
            agent.changesLeft = 3;
            fault = undefined;
          }
          if (fault === 'refused') throw problemOf('refused', this.name);
          if (fault === 'fails') throw problemOf('fails', this.name);
          const { id } = await agent.jobs.start(key, kind, params);
          let status = (await agent.jobs.status(id))?.status;
          while (status?.state === 'running') {
            if (!agent.alive) status = { state: 'lost' };
            else {
              await this.clock.sleep(100, signal);
              status = (await agent.jobs.status(id))?.status;
            }
          }
          if (!agent.alive || status === undefined || status.state === 'lost') {
            await this.clock.sleep(100, signal);
            continue;
          }
          if (fault === 'answer-lost') throw this.#unreachable();
          if (status.state === 'failed') throw problemFromDocument(status.problem);
          if (status.state === 'succeeded') return status.result as never;
        }
      },
    };
  }

  async #alive() {
    if (this.#agent?.alive === true) return this.#agent;
    const agent = { alive: true, changesLeft: Number.POSITIVE_INFINITY } as Agent;
    const files = this.disk.as(async () => {
      if (!agent.alive) await new Promise(() => {});
      agent.changesLeft -= 1;
      if (agent.changesLeft > 0) return;
      agent.alive = false;
      this.#moving = false;
      await new Promise(() => {});
    });
    const parts: NodeParts = {
      node: this.name,
      clock: this.clock,
      bucket: this.bucket(),
      files,
      directories,
      database: {
        runningPid: async () => (this.up ? 4711 : undefined),
        standing: async () => ({
          lock: this.up || this.#moving ? 'taken' : 'free',
          seen: this.up ? 'process 4711' : undefined,
          seesAll: true,
        }),
        takeLock: async () => {
          if (this.up) return undefined;
          this.#moving = true;
          return {
            release: async () => {
              this.#moving = false;
            },
          };
        },
        tables: async () => [
          { keyspace: 'bank', table: 'edges', folder: table },
          { keyspace: 'system', table: 'local', folder: 'local' },
        ],
        snapshot: async (tag) => {
          for (const folder of [`bank/${table}`, 'system/local']) {
            const from = `${directories.data}/${folder}`;
            const text = this.disk.files.get(`${from}/nb-1-big-Data.db`) ?? '';
            this.disk.write(`${from}/snapshots/${tag}/nb-1-big-Data.db`, text);
            this.disk.write(`${from}/snapshots/${tag}/manifest.json`, JSON.stringify({ files: ['nb-1-big-Data.db'] }));
          }
        },
        repair: async () => {},
        clearSnapshot: async (tag) => {
          for (const folder of [`bank/${table}`, 'system/local']) {
            this.disk.remove(`${directories.data}/${folder}/snapshots/${tag}`);
          }
        },
      },
      tool: this.#tool(),
    };
    // An agent's own memory lies on a disk of its own here: to write it is no change that kills.
    agent.jobs = new JobTable({
      store: jobStoreIn('/agent', this.disk.as()),
      runners: jobRunners(parts),
      clock: this.clock,
      log: { write: () => {} },
    });
    await agent.jobs.recover();
    this.#agent = agent;
    return agent;
  }

  #tool(): BackupTool {
    const manifest = (node: string, backup: string) => `medusa/${node}/${backup}/meta/manifest.json`;
    const contents = async (node: string, backup: string) => {
      const stored = await this.bucket().get(manifest(node, backup));
      return stored === undefined ? undefined : (JSON.parse(Buffer.from(stored.body).toString()) as BackupContents);
    };
    return {
      contents,
      folderOf: (backup, _mode, keyspace, each) => `medusa/${this.name}/${backup}/${keyspace}/${each}/`,
      upload: async (backup) => {
        const tables = [
          { keyspace: 'bank', table },
          { keyspace: 'system', table: 'local' },
        ];
        const files = tables.map(({ keyspace, table: folder }) => {
          const path = 'nb-1-big-Data.db';
          const text =
            this.disk.files.get(`${directories.data}/${keyspace}/${folder}/snapshots/${backup}/${path}`) ?? '';
          return {
            keyspace,
            table: folder,
            path,
            bytes: text.length,
            key: `medusa/${this.name}/${backup}/${keyspace}/${folder}/${path}`,
            text,
          };
        });
        for (const { key, text } of files) await this.bucket().put(key, text);
        await this.bucket().put(
          manifest(this.name, backup),
          JSON.stringify({ tables, files: files.map(({ text: _text, ...file }) => file) }),
        );
      },
      remove: async () => true,
      download: async (node, backup, { destination }) => {
        for (const { keyspace, table: folder, path, key } of (await contents(node, backup))?.files ?? []) {
          const stored = await this.bucket().get(key);
          this.disk.write(`${destination}/${keyspace}/${folder}/${path}`, Buffer.from(stored?.body ?? '').toString());
        }
      },
      endLeftOver: async () => {},
    };
  }

  #unreachable(): RetryableProblem {
    return new RetryableProblem({
      code: 'agent-unreachable',
      happened: `The agent of ${this.name} cannot be reached.`,
      state: 'What it was doing goes on there.',
      next: 'See that it runs.',
    });
  }
}

/** The graph's servers and their index, as far as a restore moves them. */
export class RingGraph {
  up = true;
  index = 'before';
  readonly asides = new Map<string, string>();
  startFails = 0;
}

/** A platform of nodes whose agents run the real jobs; the database answers nothing. */
export function simulatedPlatform(nodes: readonly RingNode[], graph: RingGraph, bucket: ObjectStore): Platform {
  const find = (name: string) => nodes.find((node) => node.name === name);
  return {
    environment: 'local',
    keyspace: 'bank',
    indexBackend: undefined,
    nodes: nodes.map(({ name }, index) => ({
      name,
      datacenter: 'dc1',
      rack: `rack${index % 2}`,
      address: `10.0.0.${index}`,
      cqlPort: 9042,
      agent: `http://10.0.0.${index}`,
    })),
    bucket,
    database: { ring: async () => [], close: async () => {} },
    databaseLifecycle: {
      startAll: async (_signal: AbortSignal, only?: readonly string[]) => {
        for (const node of nodes) if (only?.includes(node.name) !== false && !node.up) node.start();
      },
      stopAll: async () => {
        for (const node of nodes) node.up = false;
      },
      running: async () => nodes.filter(({ up }) => up).map(({ name }) => name),
    },
    graphLifecycle: {
      startAll: async () => {
        if (graph.startFails > 0) {
          graph.startFails -= 1;
          throw asProblem(new TypeError('graph'), 'Starting the graph');
        }
        graph.up = true;
      },
      stopAll: async () => {
        graph.up = false;
      },
      running: async () => graph.up,
      setIndexAside: async (run: string) => {
        if (!graph.asides.has(run)) graph.asides.set(run, graph.index);
        graph.index = 'empty';
      },
      acceptIndexAside: async (run: string) => void graph.asides.delete(run),
      revertIndexAside: async (run: string, { mayBeAbsent }: { mayBeAbsent: boolean }) => {
        const kept = graph.asides.get(run);
        if (kept === undefined) {
          if (mayBeAbsent || graph.asides.has(`revert-${run}`)) return;
          throw problemOf('refused', 'index');
        }
        graph.asides.set(`revert-${run}`, graph.index);
        graph.index = kept;
        graph.asides.delete(run);
      },
    },
    agent: (name: string) => find(name)?.agent(),
    ensureAgents: async () => {},
    close: async () => {},
  } as unknown as Platform;
}

function problemOf(kind: 'refused' | 'fails', node: string): RefusedProblem | FailedProblem {
  const text = { code: `${kind}-by-fault`, happened: `${node} ${kind}.`, state: 'As it was.', next: 'Look.' };
  return kind === 'refused' ? new RefusedProblem(text) : new FailedProblem(text);
}
