import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { openDatabase } from '../../../src/adapters/cassandra/database.ts';
import { cassandraFiles } from '../../../src/platforms/sandbox/cassandra-settings.ts';
import { waitFor } from '../../../src/host/wait-for.ts';
import { logTail, startDetached, stopDetached } from '../../../src/host/detached-process.ts';
import type { NodeRecord } from '../../../src/platforms/sandbox/environment-record.ts';
import { type LocalEnvironment, writeFiles } from '../../../src/platforms/sandbox/local-environment.ts';
import { accepts } from '../../../src/host/port-probe.ts';
import { runningProcess } from '../../../src/host/local-process.ts';
import { ringProblem } from '../../../src/platforms/sandbox/ring-readiness.ts';
import { nodeFolders, port } from '../../../src/platforms/sandbox/topology.ts';
import type { Database } from '../../../src/ports/database.ts';
import type { KeptNode } from './history.ts';

/** How the log comes back to a node: files put into its empty commit-log directory, or an order to Cassandra to fetch them itself. */
export interface LogReturn {
  place?(node: KeptNode, commitlog: string): Promise<void>;
  /** Lines of `commitlog_archiving.properties`. */
  archiving?(node: KeptNode): readonly string[];
}

export interface ReplayRing {
  /** Fresh Cassandras on the bases and the returned logs, as an operator would start them; killed when the work is done. */
  during<T>(nodes: readonly KeptNode[], log: LogReturn, work: (database: Database) => Promise<T>): Promise<T>;
}

/** Cassandras in the place of an environment's, which must be stopped: same addresses, tokens and cluster, folders of their own. */
export function replayRing({ record, toolchain }: LocalEnvironment, folder: string): ReplayRing {
  const prepare = async (node: NodeRecord, kept: KeptNode, log: LogReturn): Promise<void> => {
    const folders = nodeFolders(folder, node.name);
    rmSync(folders.root, { recursive: true, force: true });
    rmSync(folders.logs, { recursive: true, force: true });
    for (const each of [folders.commitlog, folders.logs, folders.conf]) mkdirSync(each, { recursive: true });
    // SSTables never change, so links are copies.
    await execa('cp', ['--archive', '--link', '--', kept.base, folders.data]);
    await log.place?.(kept, folders.commitlog);
    const files = new Map(cassandraFiles({ record, node, folders, toolchain }));
    if (log.archiving !== undefined) {
      writeFileSync(join(folders.conf, 'commitlog_archiving.properties'), `${log.archiving(kept).join('\n')}\n`);
      const options = join(folders.conf, 'cassandra-jvm.options');
      const jars = toolchain.cassandra.join(':');
      const { content = '', mode = 0o644 } = files.get(options) ?? {};
      // Cassandra looks for that file on its class path.
      files.set(options, { content: content.replace(jars, `${jars}:${folders.conf}`), mode });
    }
    writeFiles(files);
  };
  const start = async (node: NodeRecord): Promise<void> => {
    const folders = nodeFolders(folder, node.name);
    await startDetached({
      title: `Cassandra ${node.name} on a restored log`,
      command: [toolchain.java, `@${join(folders.conf, 'cassandra-jvm.options')}`],
      directory: folders.root,
      variables: {},
      pidFile: folders.pidFile,
      logFile: join(folders.logs, 'cassandra.out'),
      owner: folder,
    });
    const outcome = await waitFor(
      async () => {
        if (await accepts(node.address, port.cql)) return 'up';
        return runningProcess(folders.pidFile) === undefined ? 'gone' : undefined;
      },
      { withinMs: 120_000, everyMs: 30 },
    );
    if (outcome === 'up') return;
    const tail = logTail(join(folders.logs, 'cassandra.log'), 30);
    throw new TypeError(`${node.name} is ${outcome ?? 'silent'}: ${tail.join('\n')}`);
  };
  const ready = async (database: Database): Promise<void> => {
    let problem: string | undefined;
    const settled = await waitFor(
      async () => {
        problem = await ringProblem(record);
        if (problem !== undefined) return undefined;
        // The port opens a moment before it serves.
        return database.execute('SELECT key FROM system.local').catch(() => undefined);
      },
      { withinMs: 120_000, everyMs: 100 },
    );
    if (settled === undefined) throw new TypeError(`the ring is not ready: ${problem ?? 'it does not answer'}`);
  };
  return {
    async during(nodes, log, work) {
      const places = record.nodes.map((node) => ({ node, kept: keptOf(nodes, node.name) }));
      const database = openDatabase({
        contactPoints: record.nodes.map(({ address }) => `${address}:${port.cql}`),
        localDatacenter: record.datacenter,
      });
      try {
        for (const { node, kept } of places) await prepare(node, kept, log);
        await Promise.all(places.map(async ({ node }) => start(node)));
        await ready(database);
        return await work(database);
      } finally {
        await database.close();
        await Promise.all(places.map(async ({ node }) => stopDetached(nodeFolders(folder, node.name).pidFile, 0)));
      }
    },
  };
}

function keptOf(nodes: readonly KeptNode[], name: string): KeptNode {
  const kept = nodes.find((each) => each.name === name);
  if (kept === undefined) throw new TypeError(`nothing was kept of ${name}`);
  return kept;
}
