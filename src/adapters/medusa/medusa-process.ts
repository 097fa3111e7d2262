import { writeFileSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { z } from 'zod';
import { startTicksOf } from '../../host/local-process.ts';
import type { AgentConfig } from '../../model/agent-config.ts';
import { medusaFault } from './medusa-fault.ts';

const keptLines = 30;
/** Of the lines that tell of an error, which a long traceback would push out of those. */
const keptErrors = 20;
const errorLine = / ERROR: |Error\b|Exception\b/;
const graceMs = 5000;

const running = z.object({ pid: z.number().int().positive(), start: z.string() });

/** Runs Medusa, one process at a time, with argument arrays; nothing secret is among them. */
export class MedusaProcess {
  readonly #executable: string;
  readonly #nodetoolDirectory: string;
  readonly #iniFile: string;
  readonly #folder: string;

  /**
   * `folder` belongs to the tool. The running process is noted there, so that the next agent can end it if this one is
   * killed.
   */
  constructor({ medusa }: Pick<AgentConfig, 'medusa'>, iniFile: string, folder: string) {
    this.#executable = medusa.executable;
    this.#nodetoolDirectory = medusa.nodetoolDirectory;
    this.#iniFile = iniFile;
    this.#folder = folder;
  }

  /**
   * Resolves when Medusa ends well. Throws what `medusaFault` makes of its end, or the signal's reason after the
   * process has ended.
   */
  async run(args: readonly string[], options: { signal: AbortSignal; onLine?: (line: string) => void }): Promise<void> {
    options.signal.throwIfAborted();
    await this.endLeftOver();
    const scratch = join(this.#folder, 'tmp');
    await mkdir(scratch, { recursive: true });
    const last: string[] = [];
    const errors: string[] = [];
    const child = execa(this.#executable, ['--config-file', this.#iniFile, ...args], {
      stdin: 'ignore',
      all: true,
      buffer: false,
      reject: false,
      cancelSignal: options.signal,
      forceKillAfterDelay: graceMs,
      extendEnv: false,
      env: {
        PATH: [this.#nodetoolDirectory, process.env.PATH ?? '/usr/bin:/bin'].join(delimiter),
        HOME: this.#folder,
        LANG: 'C.UTF-8',
        TMPDIR: scratch,
        PYTHONUNBUFFERED: '1',
      },
    });
    const start = child.pid === undefined ? undefined : startTicksOf(child.pid);
    if (child.pid !== undefined && start !== undefined) {
      // At once: a note written later might come too late, and lines said meanwhile would be lost.
      writeFileSync(this.#noteFile, JSON.stringify({ pid: child.pid, start }));
    }
    try {
      for await (const line of child.iterable({ from: 'all' })) {
        last.push(line);
        if (last.length > keptLines) last.shift();
        if (errorLine.test(line)) errors.push(line);
        if (errors.length > keptErrors) errors.shift();
        options.onLine?.(line);
      }
      const result = await child;
      options.signal.throwIfAborted();
      if (result.failed) {
        const how = String(result.exitCode ?? result.signal ?? result.code);
        throw medusaFault({ command: commandOf(args), how, lines: last, errors });
      }
    } finally {
      await rm(this.#noteFile, { force: true });
    }
  }

  /** Ends the process that a killed agent left running: it would write into the store unnoticed. */
  async endLeftOver(): Promise<void> {
    const text = await readFile(this.#noteFile, 'utf8').catch(() => undefined);
    if (text === undefined) return;
    const noted = parseNote(text);
    if (noted !== undefined) await endProcess(noted.pid, noted.start);
    await rm(this.#noteFile, { force: true });
  }

  get #noteFile(): string {
    return join(this.#folder, 'running.json');
  }
}

function parseNote(text: string): z.infer<typeof running> | undefined {
  try {
    return running.parse(JSON.parse(text));
  } catch {
    // Torn by the kill that it was to outlive; then the process had only just been started.
    return undefined;
  }
}

async function endProcess(pid: number, start: string): Promise<void> {
  const deadline = Date.now() + graceMs;
  let signal: NodeJS.Signals = 'SIGTERM';
  while (startTicksOf(pid) === start) {
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    if (Date.now() > deadline) signal = 'SIGKILL';
    await delay(50);
  }
}

function commandOf(args: readonly string[]): string {
  return args.find((arg) => !arg.startsWith('-') && !/^\d+$/.test(arg)) ?? 'command';
}
