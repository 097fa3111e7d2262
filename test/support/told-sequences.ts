import { expect } from 'vitest';
import { beginningOf, type Outcome, Played } from './recovery-history.ts';
import { directories, type RingNode } from './simulated-ring.ts';
import type { CliContext } from '../../src/cli/context.ts';
import { refuseUnfinishedRestore } from '../../src/cli/runs/unfinished-restore.ts';
import { readJournal } from '../../src/journal/journal-reader.ts';
import { acquireLease } from '../../src/journal/lease.ts';
import { replay } from '../../src/journal/run-state.ts';
import { listRuns } from '../../src/journal/runs.ts';
import { asideMarkers } from '../../src/model/aside-markers.ts';
import { FailedProblem, Problem } from '../../src/model/problem.ts';
import type { DatabaseLifecycle } from '../../src/ports/database.ts';
import { requestCancel } from '../../src/runbook/engine.ts';
import { listPoints } from '../../src/runbooks/catalog/point-catalog.ts';
import { listOpenRestores } from '../../src/runbooks/catalog/restore-catalog.ts';
import { acceptRunbook, backupRunbook, restoreRunbook, revertRunbook } from '../../src/runbooks/index.ts';

/* Sequences of commands on a simulated environment of three nodes, as a person and as failures carry them out. */
export type Process = ReturnType<Played['newProcess']>;
export interface Environment {
  readonly played: Played;
  readonly point: string;
}

export async function environment(): Promise<Environment> {
  const played = new Played({ faults: [], person: [] }, await beginningOf(3, 1));
  const [first] = await listPoints(played.bucket);
  if (first === undefined) throw new TypeError('the beginning has no point');
  return { played, point: first.id };
}

export async function run({ played }: Environment, work: (process: Process) => Promise<Outcome>): Promise<Outcome> {
  const outcome = await work(played.newProcess());
  await played.clock.sleep(40_000);
  return outcome;
}

export const restore = async (world: Environment, allowFailed = false) =>
  run(world, (process) =>
    world.played.begin(process, restoreRunbook, { point: world.point, newBase: false, allowFailed }, true),
  );
export const revert = async (world: Environment, of: string) =>
  run(world, (process) => world.played.begin(process, revertRunbook, { restore: of, newBase: false }, true));
export const accept = async (world: Environment, of: string, lost: readonly string[] = [], unproven = false) =>
  run(world, (process) => world.played.begin(process, acceptRunbook, { restore: of, lost, unproven }, true));
export const backup = async (world: Environment) =>
  run(world, (process) => world.played.begin(process, backupRunbook, { cut: 'fuzzy' }));
export const resume = async (world: Environment, of: string) =>
  run(world, (process) => world.played.resume(process, of, { confirmed: true }));

export async function killed(
  { played }: Environment,
  at: number,
  work: (process: Process) => Promise<Outcome>,
  before = false,
): Promise<boolean> {
  const process = played.newProcess({ at, before, how: 'killed' });
  const first = await Promise.race([work(process), process.death]);
  await played.clock.sleep(40_000);
  return first === 'dead';
}

export async function left({ played }: Environment): Promise<string | undefined> {
  const process = played.newProcess();
  const runs = await listRuns({ ...played.worldOf(process), store: played.bucket }, { limit: 20 });
  process.end();
  return runs.find(({ status }) => status === 'interrupted')?.run;
}

export const wordOf = (outcome: Outcome) =>
  outcome instanceof Problem ? outcome.code : (outcome.problem?.code ?? outcome.status);
export const nextOf = (outcome: Outcome) => (outcome instanceof Problem ? outcome : outcome.problem)?.next ?? '';
export function runOf(outcome: Outcome): string {
  if (outcome instanceof Problem) throw outcome;
  return outcome.run;
}
export const isUp = ({ played }: Environment) => played.ring.isUp && played.ring.graph.up;
export const keysOf = ({ played }: Environment) =>
  [...played.ring.content('edgestore').cells]
    .map((name) => Buffer.from(name.split(' ')[1] ?? '', 'hex').toString())
    .sort();

export function nodeOf({ played }: Environment, at: number): RingNode {
  const node = played.ring.nodes[at];
  if (node === undefined) throw new TypeError(`there is no node ${at}`);
  return node;
}

/** A new, empty disk in place of the old one, with the node down. */
export function replaceDisk(node: RingNode): void {
  node.up = false;
  for (const folder of Object.values(directories)) {
    node.disk.remove(folder);
    node.disk.makeFolder(folder);
  }
}

export function flip({ played }: Environment, key: RegExp): void {
  const found = [...played.bucket.objects.keys()].find((each) => key.test(each));
  if (found === undefined) throw new TypeError(`no object like ${key.source}`);
  const body = Uint8Array.from(played.bucket.objects.get(found) ?? []);
  const at = Math.floor(body.length / 2);
  body[at] = (body[at] ?? 0) ^ 1;
  played.bucket.set(found, body);
  played.oracle.blind = true;
}

/** The bucket is lost, and a new, empty one is in its place; leases begin above what the agents have seen. */
export async function emptied({ played }: Environment): Promise<void> {
  for (const key of Array.from(played.bucket.objects.keys())) played.bucket.remove(key);
  played.oracle.blind = true;
  const process = played.newProcess();
  await (await acquireLease(played.worldOf(process), { environment: 'local', run: 'before', above: 50 })).release();
  process.end();
}

/** Under which names data lies aside on the nodes. */
export function namesAside({ played }: Environment): ReadonlySet<string> {
  return new Set(
    played.ring.nodes.flatMap(({ disk }) =>
      disk
        .names(directories.aside)
        .filter((name) => asideMarkers.some((file) => disk.read(`${directories.aside}/${name}/${file}`) !== undefined)),
    ),
  );
}

/** What `sandbox up` says before it starts servers. */
export async function startedByHand(world: Environment): Promise<Problem | undefined> {
  const { played } = world;
  const aside = namesAside(world);
  const process = played.newProcess();
  try {
    await refuseUnfinishedRestore({ ...played.worldOf(process), store: played.bucket }, 'local', aside);
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof Problem)) throw thrown;
    return thrown;
  } finally {
    process.end();
  }
}

export async function stateOf({ played }: Environment, of: string) {
  return replay((await readJournal(played.bucket, of)).events);
}

/** The environment's own databases start and stop otherwise; those of copies as before. */
export function withDatabases(
  { played: { ring } }: Environment,
  change: (lifecycle: DatabaseLifecycle) => Partial<DatabaseLifecycle>,
): void {
  const made = ring.platformFor.bind(ring);
  ring.platformFor = (process, name) => {
    const platform = made(process, name);
    if (name !== undefined && name !== 'local') return platform;
    const { databaseLifecycle } = platform;
    return { ...platform, databaseLifecycle: { ...databaseLifecycle, ...change(databaseLifecycle) } };
  };
}

/** As the sandbox: a node takes 20 s to start and 10 s to drain, and one that is stopped while it starts ends. */
export async function slowServers(world: Environment): Promise<string[]> {
  const { ring, clock } = world.played;
  const deeds: string[] = [];
  const starting = new Set<string>();
  withDatabases(world, (databases) => ({
    startAll: async (signal, only) => {
      const wanted = ring.nodes.filter(({ name, up }) => !up && only?.includes(name) !== false);
      for (const { name } of wanted) starting.add(name);
      deeds.push(`start ${wanted.length}`);
      if (wanted.length > 0) await clock.sleep(20_000, signal);
      const ended = wanted.find(({ name }) => !starting.has(name));
      if (ended !== undefined) {
        throw new FailedProblem({
          code: 'node-not-started',
          happened: `Cassandra ${ended.name} ended while it started.`,
          state: 'The other nodes were not changed.',
          next: 'Read its log, then run the command again.',
        });
      }
      for (const { name } of wanted) starting.delete(name);
      return databases.startAll(signal, only);
    },
    stopAll: async (signal) => {
      const some = ring.nodes.some(({ up }) => up);
      deeds.push(`stop ${ring.nodes.filter(({ up }) => up).length} and ${starting.size} starting`);
      starting.clear();
      if (some) await clock.sleep(10_000, signal);
      return databases.stopAll(signal);
    },
  }));
  return deeds;
}

/** Asked for, and ended by a resume. */
export async function cancelled({ played }: Environment, of: string): Promise<Outcome> {
  const process = played.newProcess();
  await requestCancel(played.worldOf(process), of);
  process.end();
  const outcome = await played.resume(played.newProcess(), of, { confirmed: true });
  await played.clock.sleep(40_000);
  return outcome;
}

/** A restore that is killed with its data half in place. */
export async function halfRestored(world: Environment): Promise<string> {
  const work = async (process: Process) =>
    world.played.begin(process, restoreRunbook, { point: world.point, newBase: false }, true);
  expect(await killed(world, 90, work, true)).toBe(true);
  // The moment is counted in what the run asks of others: with another step before the move it is another one.
  expect(namesAside(world).size).toBe(1);
  const [record] = await listOpenRestores(world.played.bucket);
  return record?.run ?? 'none';
}

/** What the look-up of a run's environment needs of a command's context. */
export function contextOf({ played }: Environment): CliContext {
  return {
    config: async () => ({ config: { environments: { local: {} } } }),
    environment: async () => ({}),
    platform: async () => ({ bucket: played.bucket }),
  } as unknown as CliContext;
}
