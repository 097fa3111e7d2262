import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ReportProgress } from '../../model/progress.ts';
import { cassandraFiles } from './cassandra-settings.ts';
import { startRing, stopRing } from './cassandra-ring.ts';
import { endMarked } from './detached-process.ts';
import { type EnvironmentRecord, writeWhole } from './environment-record.ts';
import { folders } from './folders.ts';
import { startGraph, stopGraph } from './graph-server.ts';
import { ensureGraphTables } from './graph-tables.ts';
import { withHostLock } from './host-lock.ts';
import { writeFiles } from './local-environment.ts';
import { claimNetwork, releaseNetwork } from './loopback.ts';
import type { Toolchain } from './toolchain-programs.ts';
import { graphAddress, newRing, nodeFolders } from './topology.ts';

/**
 * Runs a throw-away node and server once and keeps the classes they loaded, as the JVM writes them down when it ends. Every later start
 * maps that file instead of reading and checking ten thousand classes: half the time. Does nothing when it was done before.
 */
export async function makeClassArchives(
  toolchain: Toolchain,
  target: string,
  options: { readonly progress: ReportProgress; readonly signal: AbortSignal },
): Promise<void> {
  const done = join(target, 'done');
  if (existsSync(done)) return;
  const purpose = 'preparing the database servers for quick starts';
  await withHostLock(`${target}.lock`, { purpose, withinMs: 600_000, signal: options.signal }, async () => {
    if (existsSync(done)) return;
    options.progress({ done: 0, unit: 'items', total: 3, label: purpose });
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target, { recursive: true });
    const { loopback } = folders();
    const directory = `${target}-training`;
    const clear = async () => {
      await endMarked(directory, 1000);
      releaseNetwork(loopback, directory);
      rmSync(directory, { recursive: true, force: true });
    };
    // What a killed attempt left running is known by the folder.
    await clear();
    mkdirSync(directory);
    try {
      await train(toolchain, target, directory, await claimNetwork(loopback, directory), options);
    } finally {
      await clear();
    }
    writeWhole(done, 'done\n');
  });
}

async function train(
  toolchain: Toolchain,
  target: string,
  directory: string,
  network: string,
  { progress, signal }: { readonly progress: ReportProgress; readonly signal: AbortSignal },
): Promise<void> {
  const record: EnvironmentRecord = {
    name: 'training',
    createdAt: new Date().toISOString(),
    network,
    cluster: 'training',
    datacenter: 'training',
    heapMb: 384,
    nodes: newRing('training', network, ['rack1'], 1),
    graph: { address: graphAddress(network), keyspace: 'janusgraph', index: 'search', replicationFactor: 1 },
    store: { kind: 'directory', path: join(directory, 'bucket') },
    ownStoreServer: false,
    bandwidth: 0,
  };
  const environment = { directory, record, toolchain };
  const label = 'preparing the database servers for quick starts';
  await startRing(environment, { signal, archive: { make: join(target, 'cassandra.jsa') } });
  progress({ done: 1, unit: 'items', total: 3, label });
  await ensureGraphTables(record, signal);
  await startGraph(environment, { signal, archive: { make: join(target, 'janusgraph.jsa') } });
  progress({ done: 2, unit: 'items', total: 3, label });
  const { execa } = await import('execa');
  for (const node of record.nodes) {
    const node_ = nodeFolders(directory, node.name);
    writeFiles(cassandraFiles(record, node, node_, toolchain, {}));
    // The wrapper passes -D options only, and the JVM takes this one from its environment.
    const variables = { JDK_JAVA_OPTIONS: `-XX:ArchiveClassesAtExit=${join(target, 'nodetool.jsa')}` };
    await execa(node_.nodetool, ['status'], { env: variables, reject: false, cancelSignal: signal });
  }
  await stopGraph(environment);
  await stopRing(environment);
}
