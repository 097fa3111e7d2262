import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { InstallOptions } from '../../toolchain/install-toolchain.ts';
import { cassandraFiles } from './cassandra-settings.ts';
import { startRing, stopRing } from './cassandra-ring.ts';
import { endMarked } from '../../host/detached-process.ts';
import { writeWhole } from '../../host/write-whole.ts';
import { type EnvironmentRecord } from './environment-record.ts';
import { folders } from '../../host/folders.ts';
import { startGraphServer, stopGraphServer } from './graph-server.ts';
import { ensureGraphTables } from './graph-tables.ts';
import { withHostLock } from '../../host/host-lock.ts';
import { writeFiles } from './local-environment.ts';
import { claimNetwork, releaseNetwork } from '../../host/loopback.ts';
import type { Toolchain } from '../../toolchain/toolchain.ts';
import { graphAddress, newRing, nodeFolders } from './topology.ts';

/**
 * Runs a throw-away node and server once and keeps the classes they loaded, as the JVM writes them down when it ends. Every later start
 * maps that file instead of reading and checking ten thousand classes: half the time. Does nothing when it was done before.
 */
export async function makeClassArchives(toolchain: Toolchain, options: InstallOptions): Promise<void> {
  if (hasClassArchives(toolchain)) return;
  const target = toolchain.archiveFolder;
  const purpose = 'preparing the database servers to start quickly';
  await withHostLock(`${target}.lock`, { purpose, withinMs: 600_000, signal: options.signal }, async () => {
    if (hasClassArchives(toolchain)) return;
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
      await train(toolchain, { directory, network: await claimNetwork(loopback, directory) }, options);
    } finally {
      await clear();
    }
    writeWhole(doneFile(toolchain), 'done\n');
  });
}

/** Whether all of them were made. */
export function hasClassArchives(toolchain: Toolchain): boolean {
  return existsSync(doneFile(toolchain));
}

function doneFile({ archiveFolder }: Toolchain): string {
  return join(archiveFolder, 'done');
}

async function train(
  toolchain: Toolchain,
  { directory, network }: { readonly directory: string; readonly network: string },
  { progress, signal }: InstallOptions,
): Promise<void> {
  const target = toolchain.archiveFolder;
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
  const label = 'preparing the database servers to start quickly';
  await startRing(environment, { signal, archive: { make: join(target, 'cassandra.jsa') } });
  progress({ done: 1, unit: 'items', total: 3, label });
  await ensureGraphTables(record, signal);
  await startGraphServer(environment, { signal, archive: { make: join(target, 'janusgraph.jsa') } });
  progress({ done: 2, unit: 'items', total: 3, label });
  const { execa } = await import('execa');
  for (const node of record.nodes) {
    const node_ = nodeFolders(directory, node.name);
    writeFiles(cassandraFiles({ record, node, folders: node_, toolchain }));
    // The wrapper passes -D options only, and the JVM takes this one from its environment.
    const variables = { JDK_JAVA_OPTIONS: `-XX:ArchiveClassesAtExit=${join(target, 'nodetool.jsa')}` };
    await execa(node_.nodetool, ['status'], { env: variables, reject: false, cancelSignal: signal });
    signal.throwIfAborted();
  }
  await stopGraphServer(environment);
  await stopRing(environment);
}
