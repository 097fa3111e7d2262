import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { FailedProblem } from '../../src/model/problem.ts';
import type { ReportProgress } from '../../src/model/progress.ts';
import { endingMarked, endMarked, markOf } from '../../src/host/detached-process.ts';
import { withHostLock } from '../../src/host/host-lock.ts';
import type { Go } from '../../src/toolchain/go-toolchain.ts';
import type { LabPart } from './parts.ts';

interface BuildOptions {
  /** Folder of all built parts. */
  readonly cache: string;
  readonly go: () => Promise<Go>;
  readonly progress: ReportProgress;
  readonly signal: AbortSignal;
}

/** Folder of the part's programs. Named after a hash of all that is pinned: another version is another folder. */
export function partFolder(cache: string, part: LabPart): string {
  const sum = createHash('sha256');
  for (const file of readdirSync(part.source).sort()) sum.update(readFileSync(join(part.source, file))).update('\0');
  sum.update(JSON.stringify([part.programs, part.carries, part.linked]));
  return join(cache, `${part.name}-${part.version}-${sum.digest('hex').slice(0, 12)}`);
}

/** The folder appears by a rename, so one that is there is whole. */
export function isBuilt(cache: string, part: LabPart): boolean {
  return existsSync(partFolder(cache, part));
}

/** Folder with what the part carries, without building it: the part where it is built, else its module, which Go fetches. Throws FailedProblem `lab-part-not-built`. */
export async function carriedFolder(part: LabPart, options: Omit<BuildOptions, 'progress'>): Promise<string> {
  if (isBuilt(options.cache, part)) return partFolder(options.cache, part);
  return moduleFolder(part, await options.go(), options.signal);
}

/**
 * Builds the part unless it is there. A build that was killed goes on where it was: Go keeps every compiled package in its own cache.
 * Two builders take turns. Throws FailedProblem `lab-part-not-built` with the compiler's last lines.
 */
export async function buildPart(part: LabPart, options: BuildOptions): Promise<void> {
  const { cache, signal } = options;
  if (isBuilt(cache, part)) return;
  const folder = partFolder(cache, part);
  const lock = { purpose: `building ${part.title} ${part.version}`, withinMs: 3_600_000, signal };
  await withHostLock(join(cache, `${part.name}.lock`), lock, async () => {
    if (isBuilt(cache, part)) return;
    // What a killed launcher left building would write into a folder that nobody waits for.
    await endMarked(folder, 2000);
    const abandoned = readdirSync(cache).filter((name) => name.startsWith(`.${part.name}-`));
    for (const name of abandoned) rmSync(join(cache, name), { recursive: true, force: true });
    const work = mkdtempSync(join(cache, `.${part.name}-`));
    try {
      await endingMarked(folder, signal, async () => compile(part, work, folder, options));
      renameSync(work, folder);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  });
}

/** Nobody debugs these programs and none of them is busy: a build without inlining and without tables for a debugger takes a third less time. */
const quick = '-dwarf=false -l';

async function compile(part: LabPart, output: string, mark: string, options: BuildOptions): Promise<void> {
  const go = await options.go();
  const label = `building ${part.title} ${part.version}`;
  const flags = Object.entries(part.linked).map(([name, value]) => `-X ${name}=${value}`);
  const { execa } = await import('execa');
  const common = { cwd: part.source, reject: false, stdin: 'ignore', cancelSignal: options.signal } as const;
  // No C: the programs run in images made from nothing but them. GOGC: the compiler itself collects less garbage.
  const env = { ...go.variables, ...markOf(mark), CGO_ENABLED: '0', GOWORK: 'off', GOGC: '400' };
  options.progress({ done: 0, unit: 'items', label: `${label}: fetching modules` });
  const listed = await execa(go.program, ['list', '-deps', part.target], { ...common, env });
  if (listed.failed) throw notBuilt(part, listed.stderr, options.signal);
  const total = listed.stdout.split('\n').length;
  let done = 0;
  options.progress({ done, total, unit: 'items', label: `${label}: packages` });
  // -v names each package as it is compiled; what is compiled already is not named, so a resumed build starts nearer to its end than it says.
  const args = [
    'build',
    '-v',
    '-trimpath',
    `-gcflags=all=${quick}`,
    '-ldflags',
    ['-s', '-w', ...flags].join(' '),
    '-o',
    `${output}/`,
    part.target,
  ];
  const building = execa(go.program, args, { ...common, env });
  const last: string[] = [];
  for await (const line of building.iterable({ from: 'stderr' })) {
    done = Math.min(total, done + 1);
    last.push(line);
    if (last.length > 12) last.shift();
    options.progress({ done, total, unit: 'items', label: `${label}: packages` });
  }
  const { failed, exitCode, signal } = await building;
  if (failed) throw notBuilt(part, [...last, `go build ended with ${exitCode ?? signal}`].join('\n'), options.signal);
  const [only] = part.programs;
  if (part.builtAs !== undefined && only !== undefined) renameSync(join(output, part.builtAs), join(output, only));
  const missing = part.programs.filter((program) => !existsSync(join(output, program)));
  if (missing.length > 0) throw notBuilt(part, `go build made no ${missing.join(', ')}`, options.signal);
  const module = await moduleFolder(part, go, options.signal);
  for (const name of part.carries) await cp(join(module, name), join(output, name), { recursive: true });
}

/** Where Go has the part's module, fetched when it is not there and checked against go.sum. */
async function moduleFolder(part: LabPart, go: Go, signal: AbortSignal): Promise<string> {
  const { execa } = await import('execa');
  const env = { ...go.variables, GOWORK: 'off' };
  const common = { cwd: part.source, reject: false, stdin: 'ignore', cancelSignal: signal, env } as const;
  const fetched = await execa(go.program, ['mod', 'download', part.module], common);
  if (fetched.failed) throw notBuilt(part, fetched.stderr, signal);
  return (await execa(go.program, ['list', '-m', '-f', '{{.Dir}}', part.module], common)).stdout;
}

function notBuilt(part: LabPart, said: string, signal: AbortSignal): FailedProblem {
  signal.throwIfAborted();
  return new FailedProblem({
    code: 'lab-part-not-built',
    happened: `${part.title} ${part.version} could not be built from ${part.source}.`,
    state: 'Parts that were built before are kept, also what Go compiled of this one; nothing was started.',
    next: 'Check the network and the settings of the Go module proxy, then run the same command again.',
    details: said.trimEnd().split('\n').slice(-12),
  });
}
