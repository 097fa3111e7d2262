import { writePositive, writeSigned } from '../../src/graph/codec/variable-long.ts';
import { claimCell, readIdMark } from '../../src/graph/id-claims.ts';
import { displacedName } from '../../src/model/displaced-name.ts';
import { FailedProblem, RefusedProblem, RetryableProblem } from '../../src/model/problem.ts';
import type { RingMember } from '../../src/model/database-node.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { CqlRow, Database } from '../../src/ports/database.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';
import type { CopyLayout, Platform } from '../../src/ports/platform.ts';
import { type Cell, laterTable, nameOfCell, type Place, placesOf, replicasOf, tables } from './ring-cells.ts';
import type { DiskChange } from './memory-files.ts';
import { RingNode } from './simulated-ring.ts';
import type { SimulatedProcess } from './simulated-process.ts';

export interface RingParts {
  readonly bucket: () => ObjectStore;
  readonly clock: Clock;
  readonly onChange?: (node: string, change: DiskChange) => void;
  readonly onShipped?: (cells: readonly Cell[]) => void;
}

/** Of each pool of ids one block is claimed by a server that starts, so long. */
const blockLength = 10n;
const pool = { namespace: 'normal', partition: 0, tag: 0 } as const;
const partitions = 2;

/** A ring of simulated nodes with its graph servers, and the copies beside it. */
export class SimulatedRing {
  readonly nodes: readonly RingNode[];
  readonly copies = new Map<string, SimulatedRing>();
  /** The runs that made them. */
  readonly #makers = new Map<string, string>();
  readonly graph = { up: false, index: 'of the beginning', startFails: 0, stopFails: 0 };
  readonly indexesAside = new Map<string, string>();
  /** What this graph has not: `settings` before JanusGraph's first start, `ids` where they are claimed in another table. */
  readonly lacks = new Set<'settings' | 'ids'>();
  /** Where the blocks of ids begin that were given out, and how far each goes. */
  readonly blocks: Array<{ readonly from: bigint; readonly to: bigint }> = [];
  /** Tells of ids that were given out a second time. */
  doubled = false;
  stopFails = 0;
  /** Ids of the tables that a restore has created. */
  readonly created = new Set<string>();
  /** Faults of the jobs of copies that are made from now on, by the place of the node. */
  onCopy: (copy: SimulatedRing) => void = () => {};
  readonly #replicas: (key: string) => readonly string[];
  readonly #places: readonly Place[];
  readonly #parts: RingParts;
  readonly #isCopy: boolean;
  #micros = 0;

  constructor(places: readonly Place[], parts: RingParts, isCopy = false) {
    this.#places = places;
    this.#parts = parts;
    this.#isCopy = isCopy;
    this.#replicas = replicasOf(places, 3);
    this.nodes = places.map(
      ({ node }, at) =>
        new RingNode({
          name: node,
          hostId: `00000000-0000-4000-8000-0000000000${isCopy ? '1' : '0'}${at}`,
          bucket: parts.bucket,
          clock: parts.clock,
          ships: !isCopy,
          onChange: (change) => parts.onChange?.(node, change),
          ...(parts.onShipped === undefined ? {} : { onShipped: parts.onShipped }),
        }),
    );
  }

  static of(size: 3 | 5, racks: 1 | 2, parts: RingParts): SimulatedRing {
    const names = Array.from({ length: size }, (_, at) => `node-${at}`);
    return new SimulatedRing(placesOf(names, racks), parts);
  }

  /** Nodes, index and given ids of another ring, on disks of its own. */
  copyTo(other: SimulatedRing): void {
    for (const [at, node] of this.nodes.entries()) {
      const twin = other.nodes[at];
      if (twin !== undefined) node.copyTo(twin);
    }
    Object.assign(other.graph, this.graph);
    other.blocks.push(...this.blocks);
    other.#micros = this.#micros;
  }

  get isUp(): boolean {
    return this.nodes.every(({ up }) => up);
  }

  /** An instant that no other cell of this ring has. */
  nextMicros(): number {
    // Odd, as JanusGraph times its additions, and past: clocks here count whole milliseconds.
    this.#micros = Math.max(this.#micros + 2, this.#parts.clock.now().getTime() * 1000 - 999);
    return this.#micros;
  }

  /** Written on every replica. */
  write(cells: readonly Cell[]): void {
    for (const node of this.nodes) {
      const own = cells.filter(({ key }) => this.#replicas(key).includes(node.name));
      if (own.length > 0) node.write(own);
    }
  }

  /** What each node ships on by itself; what cannot be shipped now waits. */
  async ship(): Promise<void> {
    for (const { shipping } of this.nodes) if (!shipping.paused) await shipping.ship().catch(() => undefined);
  }

  /** Names of the cells that the ring holds, and whether each is on all its replicas. */
  content(table: Cell['table']): { readonly cells: ReadonlySet<string>; readonly torn: readonly string[] } {
    const held = this.nodes.map((node) => ({ name: node.name, cells: node.cells() }));
    const cells = new Set<string>();
    const torn: string[] = [];
    for (const { cells: own } of held) {
      for (const [name, cell] of own) {
        if (cell.table !== table || cells.has(name)) continue;
        cells.add(name);
        const replicas = this.#replicas(cell.key);
        if (!held.every((each) => !replicas.includes(each.name) || each.cells.has(name))) torn.push(name);
      }
    }
    return { cells, torn };
  }

  /** The graph's servers start: each claims a block of ids above every claim that it finds. */
  async startGraph(): Promise<void> {
    if (this.graph.startFails > 0) {
      this.graph.startFails -= 1;
      throw serviceFails('JanusGraph did not answer after its start.');
    }
    if (this.graph.up) return;
    this.lacks.delete('settings');
    const marks = await readIdMark(this.#database(), 'bank');
    const from = BigInt(marks.find((mark) => mark.namespace === 'normal' && mark.partition === 0)?.next ?? 1);
    const block = { from, to: from + blockLength };
    if (!this.#isCopy) this.doubled ||= this.blocks.some(({ to }) => block.from < to);
    this.blocks.push(block);
    const at = this.nextMicros();
    const { key, column } = claimCell({ ...pool, next: String(block.to) }, Math.log2(partitions), BigInt(at), 'server');
    this.write([{ table: 'janusgraph_ids', key: key.toString('hex'), column: column.toString('hex'), at }]);
    this.graph.up = true;
  }

  /** The environment as a process sees it. */
  platformFor(process: SimulatedProcess, environment = 'local'): Platform {
    const { nodes, graph, indexesAside } = this;
    const act = async <T>(work: () => Promise<T> | T): Promise<T> => process.act(async () => work());
    const look = async <T>(work: () => Promise<T> | T): Promise<T> => process.look(async () => work());
    const database = this.#database();
    return {
      environment,
      keyspace: 'bank',
      indexBackend: undefined,
      nodes: this.#places.map(({ node, rack }, index) => ({
        name: node,
        datacenter: 'dc1',
        rack,
        address: addressOf(index),
        cqlPort: 9042,
        agent: `http://${addressOf(index)}`,
      })),
      bucket: process.storeOf(this.#parts.bucket()),
      database: {
        ring: async () => look(async () => database.ring()),
        ringSeenBy: async (address: string) => look(async () => database.ringSeenBy(address)),
        rows: async function* (query: string, params?: readonly unknown[]) {
          yield* await look(async () => Array.fromAsync(database.rows(query, params)));
        },
        execute: async (query: string, params?: readonly unknown[]) =>
          (query.startsWith('SELECT') ? look : act)(async () => database.execute(query, params)),
        close: async () => {},
      },
      databaseLifecycle: {
        startAll: async (signal: AbortSignal, only?: readonly string[]) => {
          for (const node of nodes) {
            signal.throwIfAborted();
            if (only?.includes(node.name) !== false) await act(() => node.start());
          }
        },
        stopAll: async () => {
          for (const node of nodes) {
            await act(() => {
              if (node.up && this.stopFails > 0) {
                this.stopFails -= 1;
                throw serviceFails(`${node.name} did not stop.`);
              }
              node.stop();
            });
          }
        },
        running: async () => look(() => nodes.filter(({ up }) => up).map(({ name }) => name)),
      },
      graphLifecycle: {
        startAll: async () => act(async () => this.startGraph()),
        stopAll: async () =>
          act(() => {
            if (graph.up && graph.stopFails > 0) {
              graph.stopFails -= 1;
              throw serviceFails('A server of JanusGraph did not stop.');
            }
            graph.up = false;
          }),
        running: async () => look(() => graph.up),
        setIndexAside: async (run: string) =>
          act(() => {
            if (!indexesAside.has(run)) indexesAside.set(run, graph.index);
            graph.index = 'empty';
          }),
        acceptIndexAside: async (run: string) => act(() => void indexesAside.delete(run)),
        revertIndexAside: async (run: string, { mayBeAbsent }: { mayBeAbsent: boolean }) =>
          act(() => {
            const kept = indexesAside.get(run);
            if (kept === undefined) {
              if (mayBeAbsent) return { lost: false };
              if (!indexesAside.has(displacedName(run))) indexesAside.set(displacedName(run), graph.index);
              else if (graph.index !== 'empty') return { lost: false };
              graph.index = 'empty';
              return { lost: true };
            }
            indexesAside.set(displacedName(run), graph.index);
            graph.index = kept;
            indexesAside.delete(run);
            return { lost: false };
          }),
      },
      graph: {
        submit: async () =>
          look(() => {
            if (!graph.up) throw unreachable('graph-unreachable', 'No graph server answers.');
            return [{ assigned: true, unit: 'MICRO' }];
          }),
        url: 'ws://graph',
        close: async () => {},
      },
      agent: (name: string) => {
        const found = nodes.find((node) => node.name === name);
        if (found === undefined) throw new TypeError(`there is no node ${name}`);
        const agent = found.agent();
        return {
          node: name,
          health: async () => look(async () => agent.health()),
          disk: async () => look(async () => agent.disk()),
          run: async (key: never, kind: never, params: never, options: never) =>
            act(async () => agent.run(key, kind, params, options)),
        };
      },
      ensureAgents: async () =>
        look(() => {
          for (const node of nodes) node.agentGone = false;
        }),
      copies: {
        prepare: async (name: string, layout: CopyLayout) =>
          act(() => {
            const known = this.copies.get(name);
            if (known !== undefined && this.#makers.get(name) !== layout.run) throw copyExists(name);
            const copy = known ?? this.#makeCopy(name, layout);
            this.copies.set(name, copy);
            this.#makers.set(name, layout.run);
            return copy.platformFor(process, `${environment}~${name}`);
          }),
        open: async (name: string) => look(() => this.copies.get(name)?.platformFor(process, `${environment}~${name}`)),
        remove: async (name: string) => act(() => void this.copies.delete(name)),
        connectionsToLive: async () => look(() => []),
        list: async () => look(() => [...this.copies.keys()]),
      },
      close: async () => {},
    } as unknown as Platform;
  }

  #makeCopy(name: string, { nodes }: CopyLayout): SimulatedRing {
    const places = nodes.map(({ datacenter, rack, tokens }, at) => ({
      node: `${name}-${at}`,
      datacenter,
      rack,
      tokens,
    }));
    const { bucket, clock } = this.#parts;
    const copy = new SimulatedRing(places, { bucket, clock }, true);
    for (const each of this.lacks) copy.lacks.add(each);
    this.onCopy(copy);
    return copy;
  }

  /** What Cardea itself asks of the database; the graph has no other rows than these. */
  #database(): Database {
    const rowsOf = (query: string): readonly CqlRow[] => {
      // A quorum of the replicas of any range.
      if (this.nodes.filter(({ up }) => up).length < this.nodes.length - 1) {
        throw unreachable('database-unreachable', 'No node answers.');
      }
      if (query.includes('.system_properties')) {
        if (this.lacks.has('settings')) return [];
        return [{ column1: Buffer.from('cluster.max-partitions'), value: maximumPartitions }];
      }
      if (query.includes('.janusgraph_ids')) {
        if (this.lacks.has('ids')) throw queryFails('table janusgraph_ids does not exist');
        const claims = new Map<string, Cell>();
        for (const node of this.nodes) {
          for (const cell of node.up ? node.cells().values() : []) {
            if (cell.table === 'janusgraph_ids') claims.set(nameOfCell(cell), cell);
          }
        }
        return [...claims.values()].map(({ key, column }) => ({
          key: Buffer.from(key, 'hex'),
          column1: Buffer.from(column, 'hex'),
          value: Buffer.alloc(0),
        }));
      }
      if (!query.includes('system_schema.tables')) return [];
      const own = tables.filter(({ table }) => table !== 'janusgraph_ids' || !this.lacks.has('ids'));
      return [
        ...own.map(({ id, table }) => ({ id, table_name: table })),
        ...[...this.created].map((id) => ({ id, table_name: laterTable.table })),
        { id: '', table_name: 'system_properties' },
      ];
    };
    return {
      ring: async () => {
        if (!this.nodes.some(({ up }) => up)) throw unreachable('database-unreachable', 'No node answers.');
        return this.#members();
      },
      ringSeenBy: async (address) =>
        this.nodes.some(({ up }, at) => up && addressOf(at) === address) ? this.#members() : undefined,
      rows: async function* (query) {
        yield* rowsOf(query);
      },
      execute: async (query, params = []) => {
        const rows = rowsOf(query);
        if (query.startsWith('CREATE TABLE')) this.created.add(laterTable.id);
        if (query.startsWith('INSERT')) {
          const [key, column] = params as readonly [Buffer, Buffer];
          const at = this.nextMicros();
          this.write([{ table: 'janusgraph_ids', key: key.toString('hex'), column: column.toString('hex'), at }]);
          return [];
        }
        return rows;
      },
      close: async () => {},
    };
  }

  #members(): readonly RingMember[] {
    return this.#places.map(({ rack, tokens }, at) => ({
      address: addressOf(at),
      hostId: this.nodes[at]?.parts.hostId ?? '',
      datacenter: 'dc1',
      rack,
      up: this.nodes[at]?.up === true,
      tokens,
      schemaVersion: 'one',
      releaseVersion: '5.0.6',
    }));
  }
}

/** As JanusGraph writes an integer: the number of its class, then its own. */
const maximumPartitions = (() => {
  const bytes: number[] = [];
  writePositive(bytes, 12);
  writeSigned(bytes, partitions);
  return Buffer.from(bytes);
})();

function addressOf(at: number): string {
  return `10.0.0.${at + 1}`;
}

function unreachable(code: string, happened: string): RetryableProblem {
  return new RetryableProblem({ code, happened, state: 'Nothing was changed.', next: 'See that it runs.' });
}

function queryFails(happened: string): FailedProblem {
  return new FailedProblem({ code: 'database-query-failed', happened, state: '', next: '' });
}

function copyExists(name: string): RefusedProblem {
  return new RefusedProblem({
    code: 'copy-exists',
    happened: `There is already a copy ${name}, made by another run.`,
    state: 'Nothing was changed.',
    next: 'Choose another name.',
  });
}

function serviceFails(happened: string): FailedProblem {
  return new FailedProblem({ code: 'service-fault', happened, state: '', next: '' });
}
