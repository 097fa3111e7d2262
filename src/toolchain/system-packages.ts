import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { RefusedProblem } from '../model/problem.ts';
import type { ReportProgress } from '../model/progress.ts';
import { installCommand, installPackages } from './debian-packages.ts';
import { findProgram, programsNamed } from './programs.ts';

/** What must come from the system's own packages. Absolute paths. */
export interface System {
  readonly java: string;
  /** Full version of the JVM; a class archive is only good for that one. */
  readonly javaVersion: string;
  readonly maven: string;
  readonly mavenRepository: string;
  readonly python: string;
}

/** Medusa 0.31 is made for Python 3.11 and 3.12. */
const pythons = ['python3.11', 'python3.12'];
/** util-linux brings `flock`, which every Cassandra is started through. */
const debianPackages = ['openjdk-17-jre-headless', 'maven', 'python3', 'python3-venv', 'util-linux'];

/** Finds all of it, installing Debian packages when root. Throws RefusedProblem `missing-packages` with the exact command. */
export async function systemPackages(options: {
  readonly progress: ReportProgress;
  readonly signal: AbortSignal;
}): Promise<System> {
  if (process.platform !== 'linux') {
    throw new RefusedProblem({
      code: 'needs-linux',
      happened: 'The sandbox needs Linux: it gives every environment its own loopback network, and it reads /proc.',
      state: 'Nothing was changed.',
      next: 'Run it on Linux, or in a Linux virtual machine or container.',
    });
  }
  const found = findSystem();
  if (found !== undefined) return found;
  const asRoot = process.getuid?.() === 0;
  const command = installCommand(debianPackages).join(' ');
  if (asRoot && findProgram('apt-get') !== undefined) {
    options.progress({ done: 0, unit: 'bytes', label: `installing Debian packages ${debianPackages.join(', ')}` });
    const said = await installPackages(debianPackages, options.signal);
    const now = findSystem();
    if (now !== undefined) return now;
    throw missing(said, command);
  }
  throw missing([], `${asRoot ? '' : 'sudo '}${command}`);
}

/** All of it when it is there, without starting a process. */
export function findSystem(): System | undefined {
  const java = javaHomes().find((home) => javaRelease(home)?.startsWith('17.'));
  const maven = findProgram('mvn');
  const python = pythonWithVenv();
  if (java === undefined || maven === undefined || python === undefined) return undefined;
  if (findProgram('flock') === undefined) return undefined;
  return {
    java: join(java, 'bin', 'java'),
    javaVersion: readFileSync(join(java, 'release'), 'utf8'),
    maven,
    mavenRepository: join(homedir(), '.m2', 'repository'),
    python,
  };
}

function javaHomes(): string[] {
  const named = process.env['JAVA_HOME'];
  const onPath = findProgram('java');
  const installed = existsSync('/usr/lib/jvm')
    ? readdirSync('/usr/lib/jvm').map((name) => join('/usr/lib/jvm', name))
    : [];
  return [
    ...(named === undefined ? [] : [named]),
    ...(onPath === undefined ? [] : [dirname(dirname(realpathSync(onPath)))]),
    ...installed,
  ];
}

/** Every JDK and JRE since 9 carries this file. */
function javaRelease(home: string): string | undefined {
  const file = join(home, 'release');
  if (!existsSync(file) || !existsSync(join(home, 'bin', 'java'))) return undefined;
  return /^JAVA_VERSION="([^"]+)"$/m.exec(readFileSync(file, 'utf8'))?.[1];
}

/** A Python of the right version whose venv can install pip (Debian keeps that apart, in python3-venv). */
function pythonWithVenv(): string | undefined {
  return [...pythons, 'python3']
    .flatMap(programsNamed)
    .map((path) => realpathSync(path))
    .find((path) => {
      const version = /^python3\.1[12]$/.exec(basename(path))?.[0];
      return (
        version !== undefined && existsSync(join(dirname(dirname(path)), 'lib', version, 'ensurepip', '__main__.py'))
      );
    });
}

function missing(details: readonly string[], command: string): RefusedProblem {
  return new RefusedProblem({
    code: 'missing-packages',
    happened:
      'The sandbox needs Java 17, Maven, Python 3.11 or 3.12 with venv, and flock, but this machine lacks at least one of them.',
    state: 'Nothing was changed.',
    next: `On Debian run: ${command}. On other systems install the same packages. Then run the command again.`,
    details,
  });
}
