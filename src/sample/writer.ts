import type { Clock } from '../ports/clock.ts';
import type { GraphService } from '../ports/graph-service.ts';
import type { Bank } from './bank.ts';
import { BankState } from './bank-state.ts';
import type { GraphOperation } from './operation.ts';
import { type TransactionChoice, stateAfter } from './oracle.ts';
import { randomOf } from './random.ts';
import { BranchWork, branchOf, ownedBranches } from './shard.ts';
import { transactionsOf } from './transaction.ts';
import type { TransactionLog } from './transaction-log.ts';
import { nextTransaction } from './transaction-mix.ts';
import { commitTransaction } from './writer-script.ts';

export interface WriterOptions {
  readonly bank: Bank;
  readonly graph: GraphService;
  readonly log: TransactionLog;
  readonly clock: Clock;
  /** Concurrent loops, each on branches of its own; 4 by default, never more than there are awake branches. */
  readonly threads?: number;
  /** Transactions per second of all threads together; no limit by default. */
  readonly perSecond?: number;
  /** Which transactions of an existing log the graph holds; those that were acknowledged by default. After a restore: `foundIn(observed)`. */
  readonly history?: TransactionChoice;
}

export interface WriterCounters {
  readonly submitted: number;
  readonly acknowledged: number;
  readonly inDoubt: number;
}

/** A writer at work. It never throws on its own: what went wrong with a transaction stands in its log. */
export interface Writer {
  counters(): WriterCounters;
  /** Resolves when nothing is in flight; nothing is submitted until `resume`. */
  pause(): Promise<void>;
  resume(): void;
  /** Finishes what is in flight and ends. */
  stop(): Promise<void>;
}

/** Transactions per `writer` vertex, so that its row in the database stays small. */
const blockSize = 1000;

/** Starts writing at once, going on from what the log says. Throws FailedProblem `bad-log` when the log does not fit the bank. */
export async function startWriter(options: WriterOptions): Promise<Writer> {
  const { bank, log, clock } = options;
  const awake = ownedBranches(bank, 0, 1).length;
  const threads = Math.max(1, Math.min(options.threads ?? 4, awake));
  const earlier = await transactionsOf(log.records());
  const chosen = options.history ?? ((transaction) => transaction.acknowledgedAt !== undefined);
  const works = worksOf(bank, stateAfter(bank, earlier, chosen));
  log.append({
    type: 'writer-started',
    version: 1,
    bank: { seed: bank.seed, branches: bank.branches, customersPerBranch: bank.customersPerBranch },
    threads,
    at: clock.now().toISOString(),
  });
  const control = new Control(threads);
  const loops = Array.from({ length: threads }, async (_, thread) => {
    const used = earlier.filter((transaction) => transaction.thread === thread);
    const first = used.reduce((highest, { sequence }) => Math.max(highest, sequence), -1) + 1;
    const shard = ownedBranches(bank, thread, threads).flatMap((branch) => works.get(branch) ?? []);
    await writeShard(options, control, { thread, first, shard, pause: pauseBetween(options.perSecond, threads) });
  });
  const ended = Promise.all(loops.map((loop) => loop.finally(() => control.leave())));
  return {
    counters: () => ({ ...control.counters }),
    pause: () => control.pause(),
    resume: () => control.resume(),
    async stop() {
      control.stop();
      await ended;
    },
  };
}

interface Shard {
  readonly thread: number;
  readonly first: number;
  readonly shard: BranchWork[];
  readonly pause: number;
}

async function writeShard(options: WriterOptions, control: Control, { thread, first, shard, pause }: Shard) {
  const { bank, graph, log, clock } = options;
  const random = randomOf('writer', bank.seed, thread, first);
  let block = '';
  let left = 0;
  for (let sequence = first; shard.length > 0 && (await control.mayGoOn()); sequence += 1) {
    const work = random.pick(shard);
    const begins = left === 0;
    if (begins) {
      block = `writer-${thread}-${sequence}`;
      left = blockSize;
    }
    const operations = [
      ...nextTransaction(work, random, { thread, sequence }),
      ...sequenceOperations(block, begins, sequence),
    ];
    log.append({ type: 'submitted', thread, sequence, block, operations });
    control.counters.submitted += 1;
    try {
      await commitTransaction(graph, operations);
      log.append({ type: 'acknowledged', thread, sequence, at: clock.now().toISOString() });
      control.counters.acknowledged += 1;
      for (const operation of operations) if (!isOfBlock(operation, block)) work.apply(operation);
      left -= 1;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log.append({ type: 'in-doubt', thread, sequence, at: clock.now().toISOString(), reason });
      control.counters.inDoubt += 1;
      // It may be there, or still come. Nothing that it touches is touched again: not its branch, not its writer vertex.
      shard.splice(shard.indexOf(work), 1);
      left = 0;
      await answersAgain(options, control);
    }
    if (pause > 0) await clock.sleep(pause);
  }
}

function sequenceOperations(block: string, begins: boolean, sequence: number): readonly GraphOperation[] {
  const write: GraphOperation = { type: 'set-property', key: block, property: { name: 'sequence', value: sequence } };
  return begins ? [{ type: 'add-vertex', vertex: { key: block, label: 'writer', properties: [] } }, write] : [write];
}

function isOfBlock(operation: GraphOperation, block: string): boolean {
  return operation.type === 'add-vertex'
    ? operation.vertex.key === block
    : 'key' in operation && operation.key === block;
}

/** A server that is down must not take one branch after the other out of the shard. */
async function answersAgain({ graph, clock }: WriterOptions, control: Control): Promise<void> {
  while (await control.mayGoOn()) {
    try {
      await graph.submit('1');
      return;
    } catch {
      await clock.sleep(500);
    }
  }
}

function worksOf(bank: Bank, state: BankState): ReadonlyMap<number, BranchWork> {
  const states = new Map(ownedBranches(bank, 0, 1).map((branch) => [branch, new BankState()]));
  for (const vertex of state.vertices.values()) {
    if (vertex.label !== 'writer') states.get(branchOf(vertex.key))?.apply({ type: 'add-vertex', vertex });
  }
  for (const edge of state.edges.values()) states.get(branchOf(edge.key))?.apply({ type: 'add-edge', edge });
  return new Map([...states].map(([branch, own]) => [branch, new BranchWork(branch, own)]));
}

/** Milliseconds a thread waits between two transactions. */
function pauseBetween(perSecond: number | undefined, threads: number): number {
  return perSecond === undefined ? 0 : (1000 * threads) / perSecond;
}

/** Lets threads go on, parks them while paused, and knows when all are parked or have ended. */
class Control {
  readonly counters = { submitted: 0, acknowledged: 0, inDoubt: 0 };
  #running: number;
  #stopped = false;
  #gate: PromiseWithResolvers<void> | undefined;
  #quiet: PromiseWithResolvers<void> | undefined;

  constructor(threads: number) {
    this.#running = threads;
  }

  leave(): void {
    this.#running -= 1;
    if (this.#running === 0) this.#quiet?.resolve();
  }

  /** False when the writer stops; while it is paused, resolves only after that. */
  async mayGoOn(): Promise<boolean> {
    while (this.#gate !== undefined && !this.#stopped) {
      const { promise } = this.#gate;
      this.leave();
      await promise;
      this.#running += 1;
    }
    return !this.#stopped;
  }

  async pause(): Promise<void> {
    this.#gate ??= Promise.withResolvers<void>();
    this.#quiet ??= Promise.withResolvers<void>();
    if (this.#running === 0) this.#quiet.resolve();
    await this.#quiet.promise;
  }

  resume(): void {
    const gate = this.#gate;
    this.#gate = undefined;
    this.#quiet = undefined;
    gate?.resolve();
  }

  stop(): void {
    this.#stopped = true;
    this.resume();
  }
}
