import { FailedProblem, problemFromDocument, RefusedProblem, RetryableProblem } from '../../src/model/problem.ts';
import { segmentOfFileName } from '../../src/model/log-segment.ts';
import type { BackupContents, BackupMode, BackupTool } from '../../src/ports/backup-tool.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { JobKind, NodeAgent } from '../../src/ports/node-agent.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';
import { jobRunners } from '../../src/node/jobs/job-runners.ts';
import { stillThere } from '../../src/node/jobs/still-there.ts';
import { jobStoreIn } from '../../src/node/job-store.ts';
import { JobTable } from '../../src/node/job-table.ts';
import type { NodeParts } from '../../src/node/node-parts.ts';
import type { NodeFiles } from '../../src/ports/node-files.ts';
import { noSpace, usedBytes, withRoom } from './full-disk.ts';
import { type Cell, cellsOfSegment, folderOf, nameOfCell } from './ring-cells.ts';
import { type DiskChange, MemoryFiles } from './memory-files.ts';
import { SimulatedShipping } from './simulated-shipping.ts';

/** What goes wrong with a job on one node. */
export type JobFault =
  | 'refused'
  /** The disk fails at the third change that the job makes. */
  | 'fails'
  /** The agent dies at that change, and is there again at once. */
  | 'killed'
  /** Done, but the answer never comes. */
  | 'answer-lost'
  /** Done, and the answer comes when the caller may have given up. */
  | 'late'
  /** Not to be reached for longer than anybody waits. */
  | 'away'
  /** Not to be reached for a while. */
  | 'away-and-back'
  /** The agent dies before it begins, and is there again when somebody starts the agents. */
  | 'gone';

export const directories = {
  data: '/var/data',
  commitlog: '/var/commitlog',
  hints: '/var/hints',
  savedCaches: '/var/saved_caches',
  aside: '/var/aside',
};
const cellTables = ['edgestore', 'janusgraph_ids'] as const;
const identityFile = `${directories.data}/system/local/nb-1-big-Data.db`;
const rolesFolder = 'roles-5bc52802de2535edaeab188eecebb090';
const roles = `${directories.data}/system_auth/${rolesFolder}`;
/** The first line of a log that a simulated node has written; logs that an agent has placed are real segments. */
const ownLog = 'own';

interface Agent {
  jobs: JobTable;
  alive: boolean;
  changesLeft: number;
  fails: boolean;
}

export interface RingNodeParts {
  readonly name: string;
  readonly hostId: string;
  readonly bucket: () => ObjectStore;
  readonly clock: Clock;
  /** Told of each change that an agent is about to make. */
  readonly onChange?: (change: DiskChange) => void;
  readonly onShipped?: (cells: readonly Cell[]) => void;
  readonly ships: boolean;
}

/** One Cassandra node with its real agent jobs over a file system in memory. */
export class RingNode {
  disk = new MemoryFiles();
  readonly faults = new Map<JobKind, JobFault[]>();
  /** Kinds of the jobs that were begun. */
  readonly begun = new Set<JobKind>();
  readonly shipping: SimulatedShipping;
  readonly parts: RingNodeParts;
  up = false;
  startFails = 0;
  /** The disk is full, but for so many bytes, from the first job of this kind on. */
  fills: { readonly at: JobKind; readonly spare: number } | undefined;
  #capacity = Number.POSITIVE_INFINITY;
  #segment = 0n;
  #agent: Agent | undefined;
  /** An agent that is alive holds the lock. */
  #moving = false;

  constructor(parts: RingNodeParts) {
    this.parts = parts;
    this.shipping = new SimulatedShipping({
      node: parts.name,
      hostId: parts.hostId,
      bucket: parts.bucket,
      clock: parts.clock,
      shipped: parts.onShipped ?? (() => {}),
    });
    for (const folder of Object.values(directories)) this.disk.makeFolder(folder);
  }

  get name(): string {
    return this.parts.name;
  }

  /** The same node on a disk of its own. */
  copyTo(other: RingNode): void {
    other.disk = this.disk.copy();
    other.up = this.up;
    other.#segment = this.#segment;
    this.shipping.copyTo(other.shipping);
  }

  /** What is written while the node runs, acknowledged when this returns. */
  write(cells: readonly Cell[]): void {
    this.#segment += 1n;
    this.disk.write(`${directories.commitlog}/CommitLog-8-${this.#segment}.log`, `${ownLog}\n${JSON.stringify(cells)}`);
    if (this.parts.ships) this.shipping.note(this.#segment, cells);
  }

  /** What the node holds in its tables and in the log that it would replay. */
  cells(): ReadonlyMap<string, Cell> {
    const cells = new Map<string, Cell>();
    for (const [path, text] of this.disk.below(directories.data)) {
      if (!path.startsWith('bank/') || path.includes('/snapshots/')) continue;
      for (const cell of JSON.parse(text) as readonly Cell[]) cells.set(nameOfCell(cell), cell);
    }
    for (const cell of this.#logged()) cells.set(nameOfCell(cell), cell);
    return cells;
  }

  /** It has its own identity, not that of a node which was made anew on an empty disk. */
  get isItself(): boolean {
    return this.disk.read(identityFile) === this.parts.hostId;
  }

  start(): void {
    if (this.up) return;
    if (this.#moving) throw problemOf('refused', `The lock of ${this.name}`);
    if (this.startFails > 0) {
      this.startFails -= 1;
      throw new FailedProblem({
        code: 'node-not-started',
        happened: `${this.name} ended while it started.`,
        state: '',
        next: '',
      });
    }
    const newest = this.disk
      .names(directories.commitlog)
      .reduce((most, name) => max(most, segmentOfFileName(name)?.id ?? 0n), 0n);
    this.#segment = max(BigInt(this.parts.clock.now().getTime()), newest + 1n);
    this.#flush();
    // An empty disk makes a new node.
    if (this.disk.read(identityFile) === undefined) {
      const copies = !this.parts.ships;
      this.disk.write(identityFile, copies ? this.parts.hostId : 'a new one');
    }
    this.disk.write(`${directories.commitlog}/CommitLog-8-${this.#segment}.log`, `${ownLog}\n[]`);
    this.up = true;
  }

  /** Drained. */
  stop(): void {
    if (!this.up) return;
    this.#flush();
    this.disk.write(`${directories.commitlog}/CommitLog-8-${this.#segment}.log`, `${ownLog}\n[]`);
    this.up = false;
  }

  /** Somebody gets a new password. */
  changeRoles(): void {
    this.disk.write(`${roles}/nb-2-big-Data.db`, 'the new password');
  }

  loseRoles(): void {
    this.disk.remove(`${directories.data}/system_auth`);
  }

  get hasNewRoles(): boolean {
    return this.disk.read(`${roles}/nb-2-big-Data.db`) !== undefined;
  }

  /** A new, empty node as its operator makes it. */
  bootstrap(): void {
    this.disk.write(identityFile, this.parts.hostId);
    this.disk.write(`${roles}/nb-1-big-Data.db`, 'the old password');
    this.start();
  }

  /** Nobody has started the agent since it died. */
  agentGone = false;

  /** `run` as the HTTP client does it: starts, joins, follows, begins a lost job anew. */
  agent(): Pick<NodeAgent, 'node' | 'run' | 'disk' | 'health'> {
    const { clock } = this.parts;
    return {
      node: this.name,
      health: async () => ({
        node: this.name,
        version: 'x',
        at: clock.now().toISOString(),
        highestEpoch: 0,
        runningJobs: 0,
      }),
      disk: async () => {
        if (this.agentGone) throw this.#unreachable();
        return { total: 1e12, free: 5e11, liveData: 100, aside: 0, snapshots: 0 };
      },
      run: async (key, kind, params, { signal }) => {
        let fault = this.faults.get(kind)?.shift();
        if (fault === 'gone') this.agentGone = true;
        if (this.agentGone || fault === 'away') {
          await clock.sleep(10_000, signal);
          throw this.#unreachable();
        }
        if (fault === 'away-and-back') await clock.sleep(8000, signal);
        for (;;) {
          signal.throwIfAborted();
          const agent = await this.#alive();
          this.begun.add(kind);
          if (this.fills?.at === kind) this.#capacity = usedBytes(this.disk) + this.fills.spare;
          if (this.fills?.at === kind) this.fills = undefined;
          if (fault === 'refused') throw problemOf('refused', this.name);
          if (fault === 'killed' || fault === 'fails') {
            agent.changesLeft = 3;
            agent.fails = fault === 'fails';
            fault = undefined;
          }
          const { id } = await agent.jobs.start(key, kind, params);
          let status = (await agent.jobs.status(id, 1000, signal))?.status;
          while (status?.state === 'running' && agent.alive) {
            signal.throwIfAborted();
            status = (await agent.jobs.status(id, 1000, signal))?.status;
          }
          agent.changesLeft = Number.POSITIVE_INFINITY;
          if (!agent.alive || status === undefined || status.state === 'lost' || status.state === 'running') {
            await clock.sleep(500, signal);
            continue;
          }
          if (fault === 'answer-lost') {
            await clock.sleep(60_000, signal);
            throw this.#unreachable();
          }
          if (fault === 'late') await clock.sleep(400_000, signal);
          if (status.state === 'failed') throw problemFromDocument(status.problem);
          return status.result as never;
        }
      },
    };
  }

  async #alive(): Promise<Agent> {
    if (this.#agent?.alive === true) return this.#agent;
    const agent = { alive: true, changesLeft: Number.POSITIVE_INFINITY, fails: false } as Agent;
    const withinRoom = (files: NodeFiles) => withRoom(this.disk, files, () => this.#capacity);
    const changed = this.disk.as(async (change) => {
      if (!agent.alive) await new Promise(() => {});
      agent.changesLeft -= 1;
      if (agent.changesLeft <= 0) {
        agent.changesLeft = Number.POSITIVE_INFINITY;
        if (agent.fails) throw problemOf('fails', this.name);
        agent.alive = false;
        this.#moving = false;
        await new Promise(() => {});
      }
      this.parts.onChange?.(change);
    });
    const files = withinRoom(changed);
    const parts: NodeParts = {
      node: this.name,
      clock: this.parts.clock,
      bucket: this.parts.bucket(),
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
          if (this.up || this.#moving) return undefined;
          this.#moving = true;
          return {
            release: async () => {
              this.#moving = false;
            },
          };
        },
        tables: async () => {
          if (!this.up) throw this.#silent();
          return this.#tables();
        },
        snapshot: async (tag) => {
          if (!this.up) throw this.#silent();
          this.#flush();
          this.disk.write(`${directories.commitlog}/CommitLog-8-${this.#segment}.log`, `${ownLog}\n[]`);
          for (const { keyspace, folder } of this.#tables()) {
            const from = `${directories.data}/${keyspace}/${folder}`;
            const linked = this.disk.names(from).filter((name) => name.endsWith('.db'));
            for (const name of linked) {
              this.disk.write(`${from}/snapshots/${tag}/${name}`, this.disk.read(`${from}/${name}`) ?? '');
            }
            this.disk.write(`${from}/snapshots/${tag}/manifest.json`, JSON.stringify({ files: linked }));
          }
        },
        repair: async () => this.changeRoles(),
        clearSnapshot: async (tag) => {
          for (const { keyspace, folder } of this.#tables()) {
            this.disk.remove(`${directories.data}/${keyspace}/${folder}/snapshots/${tag}`);
          }
        },
      },
      tool: this.#tool(),
    };
    // An agent's own memory lies on a disk of its own here: to write it is no change that kills.
    agent.jobs = new JobTable({
      store: jobStoreIn('/agent', withinRoom(this.disk.as())),
      runners: jobRunners(parts, this.parts.ships ? this.shipping : undefined),
      stillThere: stillThere(parts),
      clock: this.parts.clock,
      log: { write: () => {} },
    });
    await agent.jobs.recover();
    this.#agent = agent;
    return agent;
  }

  #tables() {
    return [
      ...cellTables.map((table) => ({ keyspace: 'bank', table, folder: folderOf(table) })),
      { keyspace: 'system', table: 'local', folder: 'local' },
      { keyspace: 'system_auth', table: 'roles', folder: rolesFolder },
    ];
  }

  #logged(): readonly Cell[] {
    return [...this.disk.below(directories.commitlog).values()].flatMap((text) =>
      text.startsWith(ownLog)
        ? (JSON.parse(text.slice(ownLog.length)) as readonly Cell[])
        : cellsOfSegment(Buffer.from(text, 'latin1')),
    );
  }

  /** What is in the log goes into tables, and the log is empty. */
  #flush(): void {
    const logged = this.#logged();
    for (const table of cellTables) {
      const cells = logged.filter((cell) => cell.table === table);
      if (cells.length === 0) continue;
      const folder = `${directories.data}/bank/${folderOf(table)}`;
      const numbers = this.disk.names(folder).map((name) => Number(/^nb-(\d+)-/.exec(name)?.[1] ?? 0));
      this.disk.write(`${folder}/nb-${Math.max(0, ...numbers) + 1}-big-Data.db`, JSON.stringify(cells));
    }
    for (const name of this.disk.names(directories.commitlog)) this.disk.remove(`${directories.commitlog}/${name}`);
  }

  /** As Medusa: files are shared by name and size alone, and what was stored is told by a manifest of its own. */
  #tool(): BackupTool {
    const { name } = this;
    const { bucket } = this.parts;
    const manifestOf = (node: string, backup: string) => `medusa/${node}/${backup}/meta/manifest.json`;
    const folderIn = (backup: string, mode: BackupMode, keyspace: string, table: string) =>
      `medusa/${mode === 'full' ? `${name}/${backup}` : name}/data/${keyspace}/${table}/`;
    const contents = async (node: string, backup: string) => {
      const stored = await bucket().get(manifestOf(node, backup));
      if (stored === undefined) return undefined;
      return { ...(JSON.parse(Buffer.from(stored.body).toString()) as BackupContents), record: stored.key };
    };
    return {
      contents,
      folderOf: folderIn,
      upload: async (backup, mode) => {
        const tables = this.#tables().map(({ keyspace, folder }) => ({ keyspace, table: folder }));
        const files = [];
        for (const { keyspace, table } of tables) {
          const from = `${directories.data}/${keyspace}/${table}/snapshots/${backup}`;
          for (const path of this.disk.names(from).filter((each) => each.endsWith('.db'))) {
            const text = this.disk.read(`${from}/${path}`) ?? '';
            const key = `${folderIn(backup, mode, keyspace, table)}${path}`;
            if ((await bucket().head(key))?.bytes !== text.length) await bucket().put(key, text);
            files.push({ keyspace, table, path, bytes: text.length, key });
          }
        }
        await bucket().put(manifestOf(name, backup), JSON.stringify({ tables, files }));
      },
      remove: async (backup, { keepFiles }) => {
        const going = await contents(name, backup);
        if (going === undefined) return false;
        if (!keepFiles) {
          const kept = new Set<string>();
          for await (const child of bucket().children(`medusa/${name}/`)) {
            const other = child.slice(`medusa/${name}/`.length, -1);
            if (other === backup || other === 'data') continue;
            for (const { key } of (await contents(name, other))?.files ?? []) kept.add(key);
          }
          for (const { key } of going.files) if (!kept.has(key)) await bucket().delete(key);
        }
        await bucket().delete(manifestOf(name, backup));
        return true;
      },
      download: async (node, backup, { destination, keyspaces }) => {
        for (const { keyspace, table, path, key } of (await contents(node, backup))?.files ?? []) {
          if (keyspaces?.includes(keyspace) === false) continue;
          const stored = await bucket().get(key);
          if (stored !== undefined) {
            if (usedBytes(this.disk) + stored.body.length > this.#capacity) throw noSpace();
            this.disk.write(`${destination}/${keyspace}/${table}/${path}`, Buffer.from(stored.body).toString());
          }
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

  #silent(): RetryableProblem {
    return new RetryableProblem({
      code: 'database-unreachable',
      happened: `${this.name} does not answer.`,
      state: 'Nothing was changed.',
      next: 'See that it runs.',
    });
  }
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function problemOf(kind: 'refused' | 'fails', node: string): RefusedProblem | FailedProblem {
  const text = { code: `${kind}-by-fault`, happened: `${node} ${kind}.`, state: 'As it was.', next: 'Look.' };
  return kind === 'refused' ? new RefusedProblem(text) : new FailedProblem(text);
}
