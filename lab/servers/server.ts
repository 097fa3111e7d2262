import { join } from 'node:path';
import { FailedProblem } from '../../src/model/problem.ts';
import { waitFor } from '../../src/host/wait-for.ts';
import { logTail, startDetached } from '../../src/host/detached-process.ts';
import { isRunning, residentBytes, runningProcess } from '../../src/host/local-process.ts';
import { childOf, type Enclosure } from '../enclosure/enclosure.ts';
import type { LabPlaces } from '../folders.ts';

/** A process of the lab: what runs, and how to know that it is ready. */
export interface LabServer {
  readonly name: string;
  readonly title: string;
  readonly version: string;
  /** Makes the files and folders that it needs, before it starts. */
  readonly prepare?: () => void;
  readonly command: readonly [string, ...string[]];
  /** Variables of its environment, asked when it starts: what others on the machine must not read among the arguments. */
  readonly variables?: () => Readonly<Record<string, string>>;
  /** Runs outside the namespaces: the host's end of a door. */
  readonly outside?: boolean;
  /** Asked until it says undefined; else a word on what is missing. */
  readonly lacks: () => Promise<string | undefined>;
  readonly withinMs: number;
}

export interface ServerState {
  readonly name: string;
  readonly title: string;
  readonly version: string;
  /** As the host counts processes; null when it does not run. */
  readonly pid: number | null;
  readonly memoryBytes: number;
  readonly log: string;
}

/** Starts it unless it runs, and returns when it is ready. Throws FailedProblem `lab-server-died` or `lab-server-not-ready` with the end of its log. */
export async function startServer(
  server: LabServer,
  lab: { readonly places: LabPlaces; readonly enclosure: Enclosure; readonly signal: AbortSignal },
): Promise<void> {
  const { places, enclosure, signal } = lab;
  const log = logOf(places, server.name);
  if (runningProcess(pidOf(places, server.name)) === undefined) server.prepare?.();
  const identity = await startDetached({
    title: server.title,
    command: server.outside === true ? server.command : [...enclosure.enter, ...server.command],
    directory: '/',
    variables: server.variables?.() ?? {},
    pidFile: pidOf(places, server.name),
    logFile: log,
    owner: places.home,
  });
  let lacking: string | undefined;
  const answer = await waitFor(
    async () => {
      if (!isRunning(identity)) return 'died';
      lacking = await server.lacks();
      return lacking === undefined ? 'ready' : undefined;
    },
    { withinMs: server.withinMs, everyMs: 100, signal },
  );
  if (answer === 'ready') return;
  throw answer === 'died' ? died(server.title, log) : notReady(server, lacking, log);
}

export function stateOf(
  places: LabPlaces,
  server: Pick<LabServer, 'name' | 'title' | 'version' | 'outside'>,
): ServerState {
  const outer = runningProcess(pidOf(places, server.name));
  const pid = outer === undefined ? null : innerPid(outer.pid, server);
  const { name, title, version } = server;
  return { name, title, version, pid, memoryBytes: pid === null ? 0 : residentBytes(pid), log: logOf(places, name) };
}

/** A server that should run and does not, with the end of its log. */
export function died(title: string, log: string): FailedProblem {
  return new FailedProblem({
    code: 'lab-server-died',
    happened: `${title} of the lab has stopped unexpectedly.`,
    state: 'Everything else of the lab keeps running.',
    next: `Read ${log}. \`cardea lab up\` starts the server again; \`cardea lab down\` followed by \`cardea lab up\` makes a new lab.`,
    details: logTail(log, 12),
  });
}

function notReady(server: LabServer, lacking: string | undefined, log: string): FailedProblem {
  return new FailedProblem({
    code: 'lab-server-not-ready',
    happened: `${server.title} was not ready within ${server.withinMs / 1000} seconds${lacking === undefined ? '' : `: ${lacking}`}.`,
    state: 'It keeps running, and so does everything that was started before it.',
    next: `Read ${log}, then run \`cardea lab up\` again: it waits for everything that is not ready.`,
    details: logTail(log, 12),
  });
}

/** The registered process only waits for the one inside the namespaces. */
function innerPid(outer: number, server: Pick<LabServer, 'outside'>): number {
  return server.outside === true ? outer : (childOf(outer) ?? outer);
}

function pidOf(places: LabPlaces, name: string): string {
  return join(places.pids, `${name}.pid`);
}

function logOf(places: LabPlaces, name: string): string {
  return join(places.logs, `${name}.log`);
}
