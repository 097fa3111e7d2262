import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { openDatabase } from '../../../src/adapters/cassandra/database.ts';
import { cassandraFiles } from '../../../src/platforms/sandbox/cassandra-settings.ts';
import { waitFor } from '../../../src/platforms/sandbox/condition.ts';
import { logTail, startDetached, stopDetached } from '../../../src/platforms/sandbox/detached-process.ts';
import { type LocalEnvironment, writeFiles } from '../../../src/platforms/sandbox/local-environment.ts';
import { accepts } from '../../../src/platforms/sandbox/port-probe.ts';
import { runningProcess } from '../../../src/platforms/sandbox/process-identity.ts';
import { nodeFolders, port } from '../../../src/platforms/sandbox/topology.ts';
import { readStoredGraph, type StoredGraph } from './stored-graph.ts';

/** How the log comes back: puts files into the empty commit-log directory, or tells Cassandra to fetch them itself. */
export interface LogReturn {
  place?(commitlog: string): Promise<void>;
  /** Lines of `commitlog_archiving.properties`. */
  readonly archiving?: readonly string[];
}

export interface ReplayNode {
  /** A fresh Cassandra on the base and the returned log, as an operator would start it; its graph is read and it is killed. */
  restore(base: string, log: LogReturn): Promise<StoredGraph>;
  /** The same, handed over while it runs. */
  during<T>(base: string, log: LogReturn, work: () => Promise<T>): Promise<T>;
}

/** A Cassandra in the place of an environment's only node, which must be stopped: same address, cluster and host id, a folder of its own. */
export function replayNode(environment: LocalEnvironment, folder: string): ReplayNode {
  const [original] = environment.record.nodes;
  if (original === undefined) throw new TypeError('the environment has no node');
  const node = { ...original, name: 'replay' };
  const folders = nodeFolders(folder, node.name);
  const record = { ...environment.record, nodes: [node] };

  const start = async (base: string, log: LogReturn): Promise<void> => {
    rmSync(folders.root, { recursive: true, force: true });
    rmSync(folders.logs, { recursive: true, force: true });
    for (const each of [folders.root, folders.commitlog, folders.logs, folders.conf])
      mkdirSync(each, { recursive: true });
    // SSTables never change, so links are copies.
    await execa('cp', ['--archive', '--link', '--', base, folders.data]);
    await log.place?.(folders.commitlog);
    const files = new Map(cassandraFiles(record, node, folders, environment.toolchain));
    if (log.archiving !== undefined) {
      writeFileSync(join(folders.conf, 'commitlog_archiving.properties'), `${log.archiving.join('\n')}\n`);
      const options = join(folders.conf, 'cassandra-jvm.options');
      const jars = environment.toolchain.cassandra.join(':');
      const { content = '', mode = 0o644 } = files.get(options) ?? {};
      // Cassandra looks for that file on its class path.
      files.set(options, { content: content.replace(jars, `${jars}:${folders.conf}`), mode });
    }
    writeFiles(files);
    await startDetached({
      title: 'Cassandra on a restored log',
      command: [environment.toolchain.java, `@${join(folders.conf, 'cassandra-jvm.options')}`],
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
    throw new TypeError(
      `Cassandra is ${outcome ?? 'silent'}: ${logTail(join(folders.logs, 'cassandra.log'), 30).join('\n')}`,
    );
  };

  const during: ReplayNode['during'] = async (base, log, work) => {
    try {
      await start(base, log);
      return await work();
    } finally {
      await stopDetached(folders.pidFile, 0);
    }
  };
  return {
    during,
    restore: (base, log) =>
      during(base, log, async () => {
        const database = openDatabase({
          contactPoints: [`${node.address}:${port.cql}`],
          localDatacenter: record.datacenter,
        });
        try {
          return await readStoredGraph(database, record.graph.keyspace);
        } finally {
          await database.close();
        }
      }),
  };
}
