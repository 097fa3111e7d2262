import { existsSync, linkSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';
import { systemClock } from '../../../src/adapters/system/clock.ts';
import { instantOf, type Micros, micros } from '../../../src/model/instant.ts';
import { waitFor } from '../../../src/host/wait-for.ts';
import type { LocalEnvironment } from '../../../src/platforms/sandbox/local-environment.ts';
import { nodeFolders } from '../../../src/platforms/sandbox/topology.ts';
import type { RestorePoint } from '../../../src/model/restore-point.ts';
import { getPoint } from '../../../src/runbooks/catalog/point-catalog.ts';
import type { JobKind, JobParams } from '../../../src/ports/node-agent.ts';
import type { Platform } from '../../../src/ports/platform.ts';
import type { Bank } from '../../../src/sample/bank.ts';
import { collectCommitTimes } from '../../../src/sample/commit-times.ts';
import { loadBank } from '../../../src/sample/loader.ts';
import { createSchema } from '../../../src/sample/schema.ts';
import { type Transaction, transactionsOf } from '../../../src/sample/transaction.ts';
import { openTransactionLog } from '../../../src/sample/transaction-log.ts';
import { startWriter, type Writer } from '../../../src/sample/writer.ts';

/** What happened to an environment while a base was taken and after it. */
export interface History {
  readonly bank: Bank;
  readonly transactions: readonly Transaction[];
  readonly base: RestorePoint;
  /** Any instant from the one to the other can be asked for. */
  readonly from: Micros;
  readonly to: Micros;
  readonly nodes: readonly KeptNode[];
}

export interface KeptNode {
  readonly name: string;
  /** Every commit-log segment of the node from before the base to the end, whole, none missing between. */
  readonly segments: string;
  /** A data directory as the base holds it. There once `leaveEnvironment` has put it there. */
  readonly base: string;
}

export interface HistoryOptions {
  readonly bank: Bank;
  /** Transactions before the base is taken, and after it. */
  readonly before: number;
  readonly after: number;
  /** Where segments and the writer's log go; on the file system of the environment. */
  readonly folder: string;
  /** What happens to the environment half-way between the base and the end, while the writer works. */
  readonly meanwhile?: (writer: Writer) => Promise<void>;
}

/** Loads the bank, writes, takes a backup while writing, writes on, and keeps the log. The environment is left running and quiet. */
export async function writeHistory(
  platform: Platform,
  environment: LocalEnvironment,
  { bank, before, after, folder, meanwhile }: HistoryOptions,
): Promise<History> {
  const { graph, database, keyspace } = platform;
  const places = environment.record.nodes.map(({ name }) => ({
    name,
    segments: join(folder, 'segments', name),
    folders: nodeFolders(environment.directory, name),
  }));
  await createSchema(graph, platform.indexBackend);
  await loadBank(graph, bank);
  mkdirSync(folder, { recursive: true });
  const log = openTransactionLog(writerLog(folder));
  const keeping = places.map(({ folders, segments }) => keepSegments(folders.commitlog, segments));
  const writer = await startWriter({ bank, graph, log, clock: systemClock });
  try {
    await acknowledged(writer, before);
    const { point } = taken.parse(JSON.parse((await execa(program, ['backup', 'local', '--json'])).stdout));
    const base = await getPoint(platform.bucket, point);
    if (base.snapshot === undefined) throw new TypeError(`${point} does not tell when its snapshots were taken`);
    await acknowledged(writer, writer.counters().acknowledged + after / 2);
    await meanwhile?.(writer);
    await acknowledged(writer, writer.counters().acknowledged + after / 2);
    await writer.stop();
    await collectCommitTimes({ graph, database, keyspace }, log);
    const transactions = await transactionsOf(log.records());
    const untimed = transactions.filter(({ commitTime }) => commitTime === undefined);
    if (untimed.length > 0) throw new TypeError(`${untimed.length} transactions have no commit time`);
    const last = transactions.reduce((latest, { commitTime = 0n }) => (commitTime > latest ? commitTime : latest), 0n);
    const nodes = places.map(({ name, segments, folders }) => ({ name, segments, base: folders.data }));
    return { bank, transactions, base, from: instantOf(base.snapshot.to), to: micros(Number(last) + 10), nodes };
  } finally {
    await writer.stop();
    log.close();
    for (const segments of keeping) segments.end();
  }
}

/** The writer's log of a history. */
export function writerLog(folder: string): string {
  return join(folder, 'writer.jsonl');
}

const program = join(import.meta.dirname, '../../../cardea');
const taken = z.object({ point: z.string() });

/** Ships the rest of the log, stops every server, and has the agents put the base's files where the data was. */
export async function leaveEnvironment(platform: Platform, { base }: Pick<History, 'base'>): Promise<void> {
  const { signal } = new AbortController();
  const job = async <K extends JobKind>(kind: K, paramsOf: (node: string) => JobParams[K]): Promise<void> => {
    for (const { name } of platform.nodes) {
      // Above the few runs that the environment has had.
      const key = { run: 'any-second', step: kind, epoch: 1000 };
      await platform.agent(name).run(key, kind, paramsOf(name), { signal, progress: () => {} });
    }
  };
  await platform.graphLifecycle.stopAll(signal);
  await job('pause-shipping', () => ({}));
  await platform.databaseLifecycle.stopAll(signal);
  await job('set-aside', () => ({ run: 'any-second' }));
  await job('restore-files', (source) => ({ point: base.id, source, inPlace: true }));
}

/** Hard links, so that a segment stays which Cassandra needs no longer. What it still writes to the newest ones arrives in them too. */
function keepSegments(from: string, to: string): { end(): void } {
  const link = () => {
    for (const file of segmentsIn(from)) {
      const kept = join(to, file);
      if (!existsSync(kept)) linkSync(join(from, file), kept);
    }
  };
  mkdirSync(to, { recursive: true });
  link();
  const timer = setInterval(link, 100);
  return {
    end() {
      clearInterval(timer);
      link();
      requireUnbroken(to);
    },
  };
}

function segmentsIn(folder: string): readonly string[] {
  return readdirSync(folder).filter((file) => /^CommitLog-\d+-\d+\.log$/.test(file));
}

/** Cassandra counts its segments up by one, from the milliseconds of its start: a jump of seconds is a start, a shorter one a loss. */
function requireUnbroken(folder: string): void {
  const ids = segmentsIn(folder)
    .map((file) => BigInt(file.slice(file.lastIndexOf('-') + 1, -'.log'.length)))
    .sort((a, b) => (a < b ? -1 : 1));
  const broken = ids.find((id, index) => {
    const step = id - (ids[index - 1] ?? id - 1n);
    return step > 1n && step < 1000n;
  });
  if (broken !== undefined) throw new TypeError(`the segment before ${broken} is missing`);
}

/** Waits for the writer's `count`th acknowledgement. Throws when a transaction is in doubt: nobody could say then what has to come back. */
export async function acknowledged(writer: Writer, count: number): Promise<void> {
  const done = await waitFor(() => (writer.counters().acknowledged >= count ? true : undefined), { withinMs: 300_000 });
  if (done === undefined) throw new TypeError(`the writer made only ${writer.counters().acknowledged} transactions`);
  if (writer.counters().inDoubt > 0) throw new TypeError('a transaction is in doubt');
}
