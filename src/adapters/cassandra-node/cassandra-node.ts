import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { errorCode } from '../../model/error-code.ts';
import { execa } from 'execa';
import type { AgentConfig } from '../../model/agent-config.ts';
import { takeLock } from '../../host/file-lock.ts';
import { startTicksIn } from '../../host/local-process.ts';
import { FailedProblem } from '../../model/problem.ts';
import type { NodeDatabase } from '../../ports/node-database.ts';
import { processesWithOpenFiles } from './open-files.ts';
import { schemaTables } from './schema-tables.ts';

const probeMs = 2000;

/** The Cassandra beside an agent, through nodetool and CQL. */
export function openCassandraNode({ cassandra, node }: AgentConfig): NodeDatabase {
  const nodetool = async (args: readonly string[], signal: AbortSignal) => {
    const [program = 'nodetool', ...rest] = cassandra.nodetool;
    const result = await execa(program, [...rest, ...args], {
      stdin: 'ignore',
      all: true,
      reject: false,
      cancelSignal: signal,
    });
    signal.throwIfAborted();
    if (result.failed)
      throw nodetoolFailed(node, args, result.exitCode ?? result.signal ?? result.code, result.all ?? '');
  };
  const runningPid = async () => {
    const pid = runningIn(cassandra.pidFile);
    if (pid !== undefined) return pid;
    // Without a pid, an open CQL port still means that Cassandra runs.
    return (await answers(cassandra.cqlAddress, cassandra.cqlPort)) ? 0 : undefined;
  };
  // What was moved aside under a process that hangs is still open there.
  const filesOfNode = [
    ...cassandra.dataDirectories,
    cassandra.commitlogDirectory,
    cassandra.hintsDirectory,
    cassandra.savedCachesDirectory,
    cassandra.asideDirectory,
  ];
  return {
    runningPid,
    async standing() {
      const lock = await takeLock(cassandra.lockFile, { make: false });
      if (typeof lock !== 'string') await lock.release();
      const pid = await runningPid();
      const { found, seesAll } = processesWithOpenFiles(filesOfNode);
      const [first] = found;
      let seen: string | undefined;
      if (pid !== undefined) seen = pid === 0 ? 'its CQL port answers' : `process ${pid}`;
      else if (first !== undefined) seen = `process ${first.pid}, ${first.name}, has files of the node open`;
      return { lock: typeof lock === 'string' ? lock : 'free', seen, seesAll };
    },
    async takeLock(options) {
      const lock = await takeLock(cassandra.lockFile, options);
      return typeof lock === 'string' ? undefined : lock;
    },
    tables: async () => schemaTables(cassandra.cqlAddress, cassandra.cqlPort),
    snapshot: async (tag, signal) => nodetool(['snapshot', '-t', tag], signal),
    clearSnapshot: async (tag, signal) => nodetool(['clearsnapshot', '-t', tag], signal),
    repair: async (keyspace, signal) => nodetool(['repair', '--full', keyspace], signal),
  };
}

/** The file holds the pid and, where the platform knows it, on a line of its own the start time in clock ticks. */
function runningIn(pidFile: string): number | undefined {
  const text = readIfThere(pidFile);
  const [pid = '', start = ''] = text?.split('\n') ?? [];
  return /^[1-9]\d*$/.test(pid) && runsCassandra(Number(pid), start) ? Number(pid) : undefined;
}

/**
 * A pid file outlives its process, and another process may have the pid now. The start time shows it, else the name of
 * the process.
 */
function runsCassandra(pid: number, start: string): boolean {
  const stat = readIfThere(`/proc/${pid}/stat`);
  const ticks = stat === undefined ? undefined : startTicksIn(stat);
  if (ticks === undefined) return false;
  if (start !== '') return ticks === start;
  const command = readIfThere(`/proc/${pid}/cmdline`) ?? '';
  return command === '' || /cassandra|dse|hcd/i.test(command);
}

/** Undefined when it does not exist. Other errors are rethrown: what cannot be read must not count as stopped. */
function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT' || errorCode(thrown) === 'ESRCH') {
      return undefined;
    }
    throw thrown;
  }
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(probeMs, () => end(false));
    socket.on('connect', () => end(true));
    socket.on('error', () => end(false));
  });
}

const stateAfter: Readonly<Record<string, string>> = {
  snapshot: 'No backup was taken.',
  clearsnapshot: 'The snapshot may still be on the node.',
  repair: 'The replicas of that keyspace may differ.',
};

function nodetoolFailed(node: string, args: readonly string[], how: unknown, output: string): FailedProblem {
  const lines = output.trim().split('\n').slice(-20);
  const [command = 'command'] = args;
  return new FailedProblem({
    code: command === 'snapshot' ? 'snapshot-failed' : 'nodetool-failed',
    happened: `nodetool ${command} failed on ${node} (${String(how)}): ${lines.find((line) => /error|exception|fail/i.test(line)) ?? lines[0] ?? 'it printed nothing'}`,
    state: stateAfter[command] ?? 'Nothing was changed.',
    next: "Read Cassandra's log of that time, and try the same nodetool command on the node.",
    details: lines.filter((line) => line !== ''),
  });
}
