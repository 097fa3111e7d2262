import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '../../src/host/wait-for.ts';
import { logTail, startDetached } from '../../src/host/detached-process.ts';
import { accepts } from '../../src/host/port-probe.ts';
import { isRunning, runningProcess } from '../../src/host/local-process.ts';
import { nodeFolders, port } from '../../src/platforms/sandbox/topology.ts';
import { killNow, type TestSandbox } from './sandbox.ts';

/** The only Cassandra of a sandbox, killed and started by the test itself, with settings that the sandbox does not know. */
export interface OneCassandra {
  readonly commitlog: string;
  /** SIGKILL: what was not flushed is in the commit log alone. */
  kill(): Promise<void>;
  /** Starts it with these lines of cassandra.yaml in place of those of the same names. Throws TypeError with the end of its log. */
  start(settings: Readonly<Record<string, string>>): Promise<void>;
  /** Removes all it ever wrote, as if it had never run. It is dead. */
  wipe(): void;
  /** Segment files by name, those of the spare that nothing was written to too. */
  segments(): ReadonlyMap<string, Uint8Array>;
}

/** From now on nothing but the test touches the node: its agent and the graph server are stopped. */
export async function oneCassandra(sandbox: TestSandbox): Promise<OneCassandra> {
  const { nodes } = await sandbox.status();
  const node = nodes[0];
  if (node === undefined) throw new TypeError('the sandbox has no node');
  const folders = nodeFolders(sandbox.directory, node.name);
  await sandbox.platform.graphLifecycle.stopAll(new AbortController().signal);
  killNow(node.agentPid);
  const yaml = join(folders.conf, 'cassandra.yaml');
  const asWritten = readFileSync(yaml, 'utf8');
  const command = readFileSync(`/proc/${node.pid}/cmdline`, 'utf8')
    .split('\0')
    .filter((part) => part !== '');

  return {
    commitlog: folders.commitlog,
    async kill() {
      const running = runningProcess(folders.pidFile);
      await sandbox.platform.database.close();
      killNow(running?.pid);
      if (running === undefined) return;
      // A killed JVM counts as ended before the last of its threads has let go of the port.
      const ended = async () => !isRunning(running) && !(await accepts(node.host, port.cql));
      const gone = await waitFor(async () => ((await ended()) ? true : undefined), { withinMs: 10_000, everyMs: 10 });
      if (gone === undefined) throw new TypeError('Cassandra survived SIGKILL');
    },
    async start(settings) {
      const kept = asWritten.split('\n').filter((line) => !Object.hasOwn(settings, line.split(':')[0] ?? ''));
      const added = Object.entries(settings).map(([name, value]) => `${name}: ${value}`);
      writeFileSync(yaml, `${[...kept, ...added].join('\n')}\n`);
      const [program = '', ...args] = command;
      await startDetached({
        title: node.name,
        command: [program, ...args],
        directory: folders.root,
        variables: {},
        pidFile: folders.pidFile,
        logFile: join(folders.logs, 'cassandra.out'),
        owner: sandbox.directory,
      });
      const up = await waitFor(
        async () => {
          if (await accepts(node.host, port.cql)) return true;
          return runningProcess(folders.pidFile) === undefined ? false : undefined;
        },
        { withinMs: 90_000, everyMs: 50 },
      );
      if (up === true) return;
      const tail = [
        ...logTail(join(folders.logs, 'cassandra.out'), 15),
        ...logTail(join(folders.logs, 'cassandra.log'), 5),
      ];
      throw new TypeError(`Cassandra did not start:\n${tail.map((line) => line.slice(0, 300)).join('\n')}`);
    },
    wipe() {
      for (const folder of [folders.data, folders.commitlog, folders.hints, folders.savedCaches]) {
        rmSync(folder, { recursive: true, force: true });
      }
    },
    segments: () =>
      new Map(
        readdirSync(folders.commitlog)
          .filter((name) => name.endsWith('.log'))
          .map((name) => [name, new Uint8Array(readFileSync(join(folders.commitlog, name)))]),
      ),
  };
}
