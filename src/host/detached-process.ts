import { spawn } from 'node:child_process';
import { mkdirSync, openSync, closeSync, readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { errorCode } from '../model/error-code.ts';
import { FailedProblem } from '../model/problem.ts';
import { waitFor } from './wait-for.ts';
import { identityOf, isRunning, type LocalProcess, processesWith, runningProcess } from './local-process.ts';

/** A server of an environment: started in a process group of its own, so that it outlives the command that started it. */
export interface DetachedProcess {
  /** For messages: `Cassandra local-rack1-sts-0`. */
  readonly title: string;
  readonly command: readonly [string, ...string[]];
  readonly directory: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly pidFile: string;
  readonly logFile: string;
  /** Folder of the environment that owns the process; marks it and all its children. */
  readonly owner: string;
}

/** Environment variable of every sandbox process with the folder of its environment. */
const mark = 'CARDEA_SANDBOX';

/**
 * The process itself records its pid and start time before it becomes the server (exec keeps both), and only if no other did: a launcher
 * killed at any moment leaves either no process or a process with its pid file. A constant script; everything variable is an argument.
 */
const register = `
pidfile=$1; shift
read -r stat < /proc/$$/stat
read -r boot < /proc/sys/kernel/random/boot_id
started() { shift 21; printf %s "$1"; }
printf '%s\\n%s\\n%s\\n' "$$" "$(started $stat)" "$boot" > "$pidfile.$$"
ln "$pidfile.$$" "$pidfile" || { rm -f "$pidfile.$$"; exit 75; }
rm -f "$pidfile.$$"
exec "$@"
`;

/** Starts the process unless it is running. Returns when it is registered, long before the server is ready. */
export async function startDetached(wanted: DetachedProcess): Promise<LocalProcess> {
  const running = runningProcess(wanted.pidFile);
  if (running !== undefined) return running;
  rmSync(wanted.pidFile, { force: true });
  mkdirSync(dirname(wanted.pidFile), { recursive: true });
  mkdirSync(dirname(wanted.logFile), { recursive: true });
  const log = openSync(wanted.logFile, 'a', 0o600);
  const child = spawn('/bin/sh', ['-c', register, 'cardea-detached', wanted.pidFile, ...wanted.command], {
    cwd: wanted.directory,
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...inherited(), ...wanted.variables, ...markOf(wanted.owner) },
  });
  closeSync(log);
  let failure: Error | undefined;
  child.on('error', (error) => {
    failure = error;
  });
  child.unref();
  const registered = await waitFor(() => (failure === undefined ? runningProcess(wanted.pidFile) : undefined), {
    withinMs: 10_000,
    everyMs: 10,
  });
  if (registered !== undefined) return registered;
  throw new FailedProblem({
    code: 'process-not-started',
    happened: `${wanted.title} did not start${failure === undefined ? '' : `: ${failure.message}`}.`,
    state: 'Other processes of the environment were not changed.',
    next: `Read its log ${wanted.logFile}, then run the command again.`,
    details: logTail(wanted.logFile),
  });
}

/**
 * Asks the process to end, and kills its whole group if it has not ended within `graceMs`. Idempotent. True when it had
 * to be killed.
 */
export async function stopDetached(pidFile: string, graceMs: number): Promise<boolean> {
  const running = runningProcess(pidFile);
  let killed = false;
  if (running !== undefined) {
    killed = !(await endProcess(running, graceMs));
  }
  rmSync(pidFile, { force: true });
  return killed;
}

/** Variables that mark a process and all its children as the owner's. */
export function markOf(owner: string): Readonly<Record<string, string>> {
  return { [mark]: owner };
}

/**
 * Ends every process that still has the mark of this folder or of one below it, first gently. Returns how many there
 * were.
 */
export async function endMarked(owner: string, graceMs: number): Promise<number> {
  const found = marked(owner);
  await Promise.all(found.map((identity) => endProcess(identity, graceMs)));
  return found.length;
}

/**
 * The work, whose processes carry the mark of this folder: when the signal fires all of them end, also what a child had started itself. That
 * does not end with the child, and would go on writing, or keep open the pipe whose end the work waits for.
 */
export async function endingMarked<T>(owner: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  let ending: Promise<void> | undefined;
  const end = () => {
    ending = endAllMarked(owner);
  };
  signal.addEventListener('abort', end, { once: true });
  try {
    return await work();
  } finally {
    signal.removeEventListener('abort', end);
    await ending;
  }
}

/** Looks again after each round: what was started between the look and the signal is seen by the next. */
async function endAllMarked(owner: string): Promise<void> {
  while ((await endMarked(owner, 2000)) > 0);
}

/** Every process started for this environment or for something below its folder, with all their children. */
export function marked(owner: string): readonly LocalProcess[] {
  return processesWith(mark, (value) => value === owner || value.startsWith(`${owner}/`));
}

/** The last lines of a log, for a problem's details. */
export function logTail(file: string, lines = 8): readonly string[] {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines);
  } catch {
    return [];
  }
}

/** True when it ended by itself after SIGTERM. */
async function endProcess(identity: LocalProcess, graceMs: number): Promise<boolean> {
  signal(identity, 'SIGTERM');
  const ended = await waitFor(() => (isRunning(identity) ? undefined : true), { withinMs: graceMs, everyMs: 20 });
  if (ended) return true;
  signal(identity, 'SIGKILL');
  await waitFor(() => (isRunning(identity) ? undefined : true), { withinMs: 10_000, everyMs: 20 });
  return false;
}

function signal(identity: LocalProcess, name: NodeJS.Signals): void {
  // Checked right before the signal, because another process may have the pid now.
  if (identityOf(identity.pid)?.startTicks !== identity.startTicks) return;
  try {
    process.kill(identity.pid, name);
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}

/** The part of the caller's environment that a server needs, without credentials. */
function inherited(): Record<string, string> {
  const names = ['PATH', 'HOME', 'USER', 'LOGNAME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'CARDEA_CACHE', 'CARDEA_HOME'];
  return Object.fromEntries(
    [...names, 'XDG_CACHE_HOME', 'XDG_STATE_HOME', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'].flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
