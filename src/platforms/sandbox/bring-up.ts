import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { liesAside } from '../../model/aside-markers.ts';
import type { EnvironmentConfig } from '../../model/config.ts';
import { asProblem, RefusedProblem, UsageProblem } from '../../model/problem.ts';
import type { ReportProgress } from '../../model/progress.ts';
import { runningNodes, startRing } from './cassandra-ring.ts';
import {
  clusterOf,
  type ConfigurationChange,
  configurationChanges,
  heapOf,
  shippingOf,
  withSettings,
} from './configuration-changes.ts';
import { type EnvironmentRecord, readRecord, writeRecord } from './environment-record.ts';
import { bucketOf } from './bucket-of.ts';
import { environmentLock } from './environment-folder.ts';
import { folders } from '../../host/folders.ts';
import { startGraphServer } from './graph-server.ts';
import { ensureGraphTables } from './graph-tables.ts';
import { withHostLock } from '../../host/host-lock.ts';
import type { LocalEnvironment } from './local-environment.ts';
import { claimNetwork } from '../../host/loopback.ts';
import { runningAgents, startNodeAgents, stopNodeAgents } from './node-agents.ts';
import { installS3Server } from '../../toolchain/s3-server-build.ts';
import { startS3Server } from './s3-server.ts';
import { chooseStore, storeServerFolder } from './store-choice.ts';
import { ensureSandboxToolchain } from './sandbox-toolchain.ts';
import { graphAddress, newRing, nodeFolders, port, storeAddress } from './topology.ts';

export interface BringUp {
  /** Nodes of the ring; the configuration's size when absent. */
  readonly nodes?: number | undefined;
  /** The configuration's store when absent. */
  readonly store?: 'directory' | 's3' | undefined;
  /** Name of the project in the configuration. */
  readonly project?: string | undefined;
  readonly progress: ReportProgress;
  readonly signal: AbortSignal;
  /**
   * Called when the store answers and before any server of the database is started, with the names under which restores
   * left data aside, if any did, and when the environment was made; what it throws leaves the servers as they are. Where
   * nothing lies aside, a store that cannot be read now keeps no server from starting.
   */
  readonly beforeDatabase?: (aside: ReadonlySet<string>, madeAt: string) => Promise<void>;
  /**
   * Asked about nodes whose agents would be started anew with changed settings: why they must not be now, as a clause; undefined when they
   * may. Without it they are left as they are.
   */
  readonly agentsInUse?: (nodes: readonly string[]) => Promise<string | undefined>;
  /** Told, before anything is started, in what the configuration differs from an environment that exists, and what became of each. */
  readonly onChanges?: (changes: readonly HandledChange[]) => void;
}

export interface HandledChange extends ConfigurationChange {
  /** Why it was not applied, as a clause; absent when the environment has it from now on. */
  readonly obstacle?: string;
}

/**
 * Starts an environment, or the parts of it that are down: installs what the machine lacks, decides once what the
 * environment is, starts every server and waits until each answers. Later changes of the configuration are applied where
 * that is safe, and reported (`onChanges`). Idempotent; after a kill at any moment the same call continues. Throws
 * RefusedProblem when another command works on the environment or it exists with other options, what `beforeDatabase`
 * throws, and FailedProblem, naming the log, for a server that did not start.
 */
export async function bringUp(name: string, config: EnvironmentConfig, options: BringUp): Promise<LocalEnvironment> {
  const toolchain = await ensureSandboxToolchain(options);
  const { home } = folders();
  const directory = join(home, name);
  return withHostLock(
    environmentLock(home, name),
    { purpose: `sandbox up ${name}`, withinMs: 2000, signal: options.signal },
    async () => {
      const decided = await decide(name, directory, config, options);
      const record = await followConfiguration({ directory, record: decided, toolchain }, config, options);
      const environment = { directory, record, toolchain };
      await startEnvironment(environment, options);
      return environment;
    },
  );
}

/** Starts every server of an environment that is not running. */
export async function startEnvironment(
  environment: LocalEnvironment,
  { progress, signal, beforeDatabase }: Pick<BringUp, 'progress' | 'signal' | 'beforeDatabase'>,
): Promise<void> {
  const { record } = environment;
  const say = (done: number, label: string) => progress({ done, total: 3, unit: 'items', label });
  say(0, `starting ${record.nodes.length} Cassandra nodes on ${record.network}.0/24`);
  await startStore(environment, { progress, signal });
  await requireOwnBucket(record);
  if (beforeDatabase !== undefined) await askBefore(environment, beforeDatabase);
  await startRing(environment, { signal });
  say(1, 'starting JanusGraph');
  await ensureGraphTables(record, signal);
  await Promise.all([startGraphServer(environment, { signal }), startNodeAgents(environment, signal)]);
  say(3, 'all servers answer');
}

/**
 * Before any server of the database is started: throws RefusedProblem `bucket-of-another-environment`. A store that cannot
 * be asked now does not keep the servers from starting; agents and runs ask it again.
 */
async function requireOwnBucket(record: EnvironmentRecord): Promise<void> {
  const bucket = bucketOf(record);
  try {
    await bucket.look();
  } catch (thrown) {
    if (asProblem(thrown, 'Looking at the bucket').code === 'bucket-of-another-environment') throw thrown;
  } finally {
    await bucket.close();
  }
}

async function askBefore(
  environment: LocalEnvironment,
  beforeDatabase: NonNullable<BringUp['beforeDatabase']>,
): Promise<void> {
  const aside = namesAside(environment);
  try {
    await beforeDatabase(aside, environment.record.createdAt);
  } catch (thrown) {
    // What the bucket says keeps servers down, not that it cannot be asked.
    if (aside.size > 0 || asProblem(thrown, 'Reading the restores').code === 'restore-unfinished') throw thrown;
  }
}

function namesAside({ directory, record }: LocalEnvironment): ReadonlySet<string> {
  const folders = record.nodes.map(({ name }) => nodeFolders(directory, name).aside);
  const names = folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) =>
      // What is staged lies there, too.
      readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory() && liesAside(entry.name, readdirSync(join(folder, entry.name))))
        .map(({ name }) => name),
    );
  return new Set(names);
}

/** A store of the environment's own: a folder, or an S3 server and its bucket. */
async function startStore(
  { directory, record }: LocalEnvironment,
  { progress, signal }: Pick<BringUp, 'progress' | 'signal'>,
): Promise<void> {
  const { store } = record;
  if (store.kind === 'directory') {
    mkdirSync(store.path, { recursive: true });
  } else if (record.ownStoreServer) {
    const say = (label: string) => progress({ done: 0, unit: 'items', label });
    await startS3Server({
      program: await installS3Server(folders().toolchain, { say, signal }),
      directory: join(directory, 'buckets'),
      host: storeAddress(record.network),
      port: port.s3,
      stateDirectory: storeServerFolder(directory),
      bucket: store.bucket,
      owner: directory,
    });
  }
}

async function decide(
  name: string,
  directory: string,
  config: EnvironmentConfig,
  options: BringUp,
): Promise<EnvironmentRecord> {
  const known = readRecord(directory);
  const { project } = options;
  if (known !== undefined) {
    refuseOtherShape(known, options);
    if (project === undefined || known.project === project) return known;
    const named = { ...known, project };
    writeRecord(directory, named);
    return named;
  }
  const size = options.nodes ?? config.datacenter.size;
  if (size < 1 || size > 9) throw badSize(size);
  mkdirSync(directory, { recursive: true });
  const network = await claimNetwork(folders().loopback, directory);
  const store = chooseStore({ name, directory, network }, config, options.store);
  const { name: datacenter, racks } = config.datacenter;
  const { keyspace, index, replicationFactor } = config.janusgraph;
  const shipping = shippingOf(config.backup.log);
  const record: EnvironmentRecord = {
    name,
    ...(project === undefined ? {} : { project }),
    createdAt: new Date().toISOString(),
    network,
    cluster: clusterOf(name, config),
    datacenter,
    heapMb: heapOf(config),
    nodes: newRing(name, network, racks, size),
    graph: {
      address: graphAddress(network),
      keyspace,
      index,
      replicationFactor: Math.min(replicationFactor, size),
    },
    store: store.location,
    ownStoreServer: store.ownServer,
    bandwidth: config.backup.bandwidth,
    ...(shipping === undefined ? {} : { shipping }),
    chosen: { nodes: options.nodes !== undefined, store: options.store !== undefined },
  };
  writeRecord(directory, record);
  return record;
}

/**
 * The record as the configuration now wants it, as far as what runs can follow. Agents are stopped before the record is changed, so that
 * after a kill in between none runs with other settings than the record's.
 */
async function followConfiguration(
  environment: LocalEnvironment,
  config: EnvironmentConfig,
  { agentsInUse, onChanges }: BringUp,
): Promise<EnvironmentRecord> {
  const { directory, record } = environment;
  const changes = configurationChanges(record, config, directory);
  if (changes.length === 0) return record;
  const agents = changes.some(({ takes }) => takes === 'agents') ? runningAgents(environment) : [];
  const obstacles: Readonly<Record<ConfigurationChange['takes'], string | undefined>> = {
    agents: agents.length === 0 ? undefined : await (agentsInUse?.(agents) ?? 'its agents run'),
    nodes: runningNodes(environment).length > 0 ? 'its nodes run' : undefined,
    environment: 'it was made otherwise',
  };
  const handled = changes.map((change): HandledChange => {
    const obstacle = obstacles[change.takes];
    return obstacle === undefined ? change : { ...change, obstacle };
  });
  const applied = new Set(handled.flatMap(({ takes, obstacle }) => (obstacle === undefined ? [takes] : [])));
  const followed = withSettings(record, config, applied);
  if (applied.has('agents')) await stopNodeAgents(environment);
  if (applied.size > 0) writeRecord(directory, followed);
  onChanges?.(handled);
  return followed;
}

function refuseOtherShape(known: EnvironmentRecord, { nodes, store }: BringUp): void {
  const differences = [
    ...(nodes !== undefined && nodes !== known.nodes.length
      ? [`it has ${known.nodes.length} nodes, not ${nodes}`]
      : []),
    ...(store !== undefined && store !== known.store.kind ? [`its store is ${known.store.kind}, not ${store}`] : []),
  ];
  if (differences.length === 0) return;
  throw new RefusedProblem({
    code: 'other-shape',
    happened: `${known.name} already exists with other options: ${differences.join(', ')}.`,
    state: 'Nothing was changed.',
    next: `Leave out the option, or first remove the environment with its data: cardea sandbox down ${known.name} --confirm ${known.name}`,
  });
}

function badSize(size: number): UsageProblem {
  return new UsageProblem({
    code: 'bad-size',
    happened: `The sandbox cannot run a ring of ${size} nodes.`,
    state: 'Nothing was changed.',
    next: 'Use --nodes with a number from 1 to 9.',
  });
}
