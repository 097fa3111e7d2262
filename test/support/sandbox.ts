import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { vi } from 'vitest';
import { z } from 'zod';
import type { ConfigInput } from '../../src/model/config.ts';
import { endMarked, marked } from '../../src/host/detached-process.ts';
import { folders } from '../../src/host/folders.ts';
import { readClaims, releaseNetwork } from '../../src/host/loopback.ts';
import { report as sandboxReport } from '../../src/platforms/sandbox/report.ts';
import { openSandbox } from '../../src/platforms/sandbox/platform.ts';
import { identityOf } from '../../src/host/local-process.ts';
import type { Platform } from '../../src/ports/platform.ts';
import { bankOf, type Bank } from '../../src/sample/bank.ts';
import { loadBank } from '../../src/sample/loader.ts';
import { createSchema } from '../../src/sample/schema.ts';

const checkout = join(import.meta.dirname, '../..');

const node = z.object({
  name: z.string(),
  host: z.string(),
  dataDir: z.string(),
  pid: z.number().nullable(),
  agentPid: z.number().nullable(),
});

/** What these tests use of what `cardea sandbox status ENV --json` prints. */
const report = z.object({
  gremlin: z.string(),
  bucket: z.string(),
  state: z.string(),
  directory: z.string(),
  nodes: z.array(node),
  graph: z.object({ pid: z.number().nullable(), index: z.string() }),
  copies: z.array(z.string()),
});
export type Report = z.infer<typeof report>;

/** A process of the command line that ended: by an exit code or by a signal. */
export interface Ended {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
  /** The JSON object that it printed; undefined when it printed none. */
  readonly json: unknown;
}

export interface Running {
  readonly pid: number;
  readonly ended: Promise<Ended>;
}

interface Calling {
  readonly variables?: Readonly<Record<string, string>>;
}

/** An environment `local` of the sandbox in a home of its own, and the command line as a user has it. */
export interface TestSandbox {
  readonly home: string;
  readonly directory: string;
  /** Wired as the command line wires it. */
  readonly platform: Platform;
  /** Begins `cardea … --json` and does not wait for it. */
  begin(args: readonly string[], calling?: Calling): Running;
  /** `cardea … --json` to its end, whatever that is. */
  cardea(...args: string[]): Promise<Ended>;
  /** The answer of a command that has to succeed. */
  answer<T>(shape: z.ZodType<T>, ...args: string[]): Promise<T>;
  status(): Promise<Report>;
  /** Writes a configuration file of the given text into the home; gives its path for `--config`. */
  writeConfig(name: string, text: string): string;
  /** Whatever the test did: no process, claim or file of this home is left. */
  down(): Promise<void>;
}

/**
 * Brings `local` up in a new home, its bucket in `store` if given, with settings of the environment beside the defaults. The caller calls
 * `down` in the end, also after a failure.
 */
export async function sandboxUp(
  nodes: number,
  store?: string,
  settings?: ConfigInput['environments'][string],
): Promise<TestSandbox> {
  const home = mkdtempSync(join(tmpdir(), 'cardea-test-'));
  vi.stubEnv('CARDEA_HOME', home);
  const directory = join(home, 'local');
  let opened: Platform | undefined;
  const begun = new Set<{ kill(signal: 'SIGKILL'): boolean }>();

  const begin = (args: readonly string[], { variables = {} }: Calling = {}): Running => {
    const from = performance.now();
    // A session of the test's own must not outlive the nodes that a command may stop: the driver loses itself in attempts to come back.
    void opened?.database.close();
    const child = execa(join(checkout, 'cardea'), [...args, '--json'], {
      cwd: checkout,
      env: { CARDEA_HOME: home, ...variables },
      stdin: 'ignore',
      reject: false,
    });
    const ended = child.then(
      ({ exitCode, signal, stdout, stderr }): Ended => ({
        exitCode,
        signal,
        stdout,
        stderr,
        seconds: (performance.now() - from) / 1000,
        json: parsed(stdout),
      }),
    );
    begun.add(child);
    if (child.pid === undefined) throw new TypeError(`cardea ${args.join(' ')} was not started`);
    return { pid: child.pid, ended };
  };
  const cardea = async (...args: string[]) => begin(args).ended;
  const answer = async <T>(shape: z.ZodType<T>, ...args: string[]): Promise<T> => {
    const { exitCode, stdout, stderr, json } = await cardea(...args);
    if (exitCode !== 0) throw new TypeError(`cardea ${args.join(' ')} ended with ${exitCode}: ${stdout}${stderr}`);
    return shape.parse(json);
  };

  const sandbox: TestSandbox = {
    home,
    directory,
    get platform() {
      opened ??= openSandbox('local');
      return opened;
    },
    begin,
    cardea,
    answer,
    status: async () => report.parse(await sandboxReport('local')),
    writeConfig(name, text) {
      const file = join(home, name);
      writeFileSync(file, text);
      return file;
    },
    async down() {
      await opened?.close();
      // One that a failed test left behind, stopped perhaps; one that has ended is not signalled any more.
      for (const child of begun) child.kill('SIGKILL');
      const { exitCode, stdout, stderr } = await cardea('sandbox', 'down', 'local', '--confirm', 'local');
      // What `down` could not do is done without it, so that one failure is not followed by others; then it is reported.
      await endMarked(home, 1000);
      for (const claim of claimsBelow(home)) releaseNetwork(folders().loopback, claim);
      rmSync(home, { recursive: true, force: true, maxRetries: 5 });
      vi.unstubAllEnvs();
      if (exitCode !== 0) throw new TypeError(`sandbox down ended with ${exitCode}: ${stdout}${stderr}`);
    },
  };
  const flags: string[] = [];
  if (store !== undefined || settings !== undefined) {
    const backup = store === undefined ? {} : { backup: { store: { kind: 'directory', path: store } } };
    const local = { platform: { kind: 'sandbox' }, ...backup, ...settings };
    const text = `export default ${JSON.stringify({ name: 'janusgraph-banking', environments: { local } })};`;
    flags.push('--config', sandbox.writeConfig('store.config.ts', text));
  }
  const up = await cardea(...flags, 'sandbox', 'up', 'local', '--nodes', String(nodes));
  if (up.exitCode === 0) return sandbox;
  await sandbox.down();
  throw new TypeError(`sandbox up ended with ${up.exitCode}: ${up.stdout}${up.stderr}`);
}

/** A small banking graph, with every kind of element that the sample has. */
export async function loadSample(platform: Platform, seed: string): Promise<Bank> {
  const bank = bankOf({ seed, branches: 2, customersPerBranch: 10 });
  await createSchema(platform.graph, platform.indexBackend);
  await loadBank(platform.graph, bank);
  return bank;
}

/** Until everything that every node acknowledged up to the instant is in the store. */
export async function shippedUpTo({ platform }: Pick<TestSandbox, 'platform'>, instant: string): Promise<void> {
  const newest = async () => {
    const health = await Promise.all(platform.nodes.map(({ name }) => platform.agent(name).health()));
    return health.map(({ shipping }) => shipping?.newest ?? '');
  };
  await vi.waitFor(
    async () => {
      const behind = (await newest()).filter((each) => each < instant);
      if (behind.length > 0) throw new TypeError(`shipped up to ${behind.join(', ')}, not yet to ${instant}`);
    },
    { timeout: 60_000, interval: 50 },
  );
}

/** Folders below `home` that hold a loopback network. */
export function claimsBelow(home: string): readonly string[] {
  return readClaims(folders().loopback)
    .map(({ directory }) => directory)
    .filter((directory) => directory.startsWith(`${home}/`));
}

/** Processes of the environment that are none of its servers, each with its command line. */
export function strayProcesses(home: string, servers: Report): readonly string[] {
  const known = new Set([servers.graph.pid, ...servers.nodes.flatMap(({ pid, agentPid }) => [pid, agentPid])]);
  return marked(home)
    .filter(({ pid }) => !known.has(pid) && identityOf(pid) !== undefined)
    .map(({ pid }) => `${pid} ${commandLine(pid)}`);
}

/** SIGKILL to a process that must be there. Never to a pid of 0, which would be the test's own process group. */
export function killNow(pid: number | null | undefined): void {
  if (pid === null || pid === undefined || pid <= 1) throw new TypeError('the process to kill does not run');
  process.kill(pid, 'SIGKILL');
}

/** Snapshot folders of the name on any node. */
export function snapshotsOf(servers: Report, name: string): readonly string[] {
  return servers.nodes.flatMap(({ dataDir }) => globSync(join(dataDir, '*', '*', 'snapshots', name)));
}

/** Every file below a folder with its size, without what JVMs write all the time. */
export function filesBelow(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return globSync('**/*', { cwd: folder, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').slice(0, 200);
  } catch {
    return '(gone)';
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
