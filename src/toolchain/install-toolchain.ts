import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ReportProgress } from '../model/progress.ts';
import { folders } from '../host/folders.ts';
import { installPart, isInstalled, type Part } from './installed-part.ts';
import type { Toolchain } from './toolchain.ts';
import { findSystem, type System, systemPackages } from './system-packages.ts';

export interface InstallOptions {
  readonly progress: ReportProgress;
  readonly signal: AbortSignal;
}

/**
 * Installs what is missing into the cache and says where it is. With everything there it takes milliseconds and needs no network.
 * `prepare` is called with the servers' jars in place, beside the installing of Medusa, and is waited for. Throws RefusedProblem
 * `missing-packages` naming the command, FailedProblem `install-failed` with the installer's last lines.
 */
export async function ensureToolchain(
  options: InstallOptions,
  prepare: (servers: Toolchain, options: InstallOptions) => Promise<void> = async () => {},
): Promise<Toolchain> {
  const cache = folders().toolchain;
  const system = await systemPackages(options);
  const { cassandra, janusgraph, medusa } = parts(cache, system);
  const other = new AbortController();
  const both = { ...options, signal: AbortSignal.any([options.signal, other.signal]) };
  const servers = async () => {
    // One after the other: Maven's local repository is not made for two writers.
    await installPart(cassandra, both);
    await installPart(janusgraph, both);
    await prepare(toolchainOf(cache, system), both);
  };
  const lanes = [servers(), installPart(medusa, both)];
  try {
    await Promise.all(lanes);
  } finally {
    // If one of the two fails, the other one is stopped as well, and we wait for its end.
    other.abort();
    await Promise.allSettled(lanes);
  }
  return toolchainOf(cache, system);
}

/** The toolchain when all of it is there; undefined when anything must be installed first. Starts no process. */
export function installedToolchain(): Toolchain | undefined {
  const cache = folders().toolchain;
  const system = findSystem();
  if (system === undefined) return undefined;
  const { cassandra, janusgraph, medusa } = parts(cache, system);
  return [cassandra, janusgraph, medusa].every(isInstalled) ? toolchainOf(cache, system) : undefined;
}

function toolchainOf(cache: string, system: System): Toolchain {
  const { cassandra, janusgraph, medusa } = parts(cache, system);
  const archives = join(cache, `archives-${hash(cassandra.folder, janusgraph.folder, system.javaVersion)}`);
  const archive = (name: string) => {
    const file = join(archives, `${name}.jsa`);
    return existsSync(file) ? file : undefined;
  };
  return {
    java: system.java,
    cassandra: jars(join(cassandra.folder, 'lib')),
    janusgraph: jars(join(janusgraph.folder, 'lib')),
    medusa: join(medusa.folder, 'bin', 'medusa'),
    archiveFolder: archives,
    archives: { cassandra: archive('cassandra'), janusgraph: archive('janusgraph'), nodetool: archive('nodetool') },
  };
}

/** What is installed, each in a folder named after a hash of everything that is pinned: another version is another folder. */
function parts(cache: string, system: System): Record<'cassandra' | 'janusgraph' | 'medusa', Part> {
  const jarsOf = (name: string, title: string): Part => {
    const pom = join(import.meta.dirname, 'parts', `${name}.pom.xml`);
    const folder = join(cache, `${name}-${hash(readFileSync(pom))}`);
    return {
      name,
      title,
      folder,
      watch: [system.mavenRepository, folder],
      commands: [
        [
          system.maven,
          '--batch-mode',
          '--quiet',
          `--file=${pom}`,
          'dependency:copy-dependencies',
          `-DoutputDirectory=${join(folder, 'lib')}`,
        ],
      ],
    };
  };
  const requirements = join(import.meta.dirname, 'parts', 'medusa-requirements.txt');
  const venv = join(cache, `medusa-${hash(readFileSync(requirements), system.python)}`);
  return {
    cassandra: jarsOf('cassandra', 'Cassandra 5.0.6'),
    janusgraph: jarsOf('janusgraph', 'JanusGraph 1.1.0'),
    medusa: {
      name: 'medusa',
      title: 'Medusa 0.31.0',
      folder: venv,
      watch: [venv],
      commands: [
        [system.python, '-m', 'venv', venv],
        [
          join(venv, 'bin', 'pip'),
          'install',
          '--quiet',
          '--disable-pip-version-check',
          '--no-input',
          // Every package is named in the file: nothing is left to resolve.
          '--no-deps',
          '--requirement',
          requirements,
        ],
      ],
    },
  };
}

function jars(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.jar'))
    .sort()
    .map((name) => join(folder, name));
}

function hash(...content: ReadonlyArray<string | Uint8Array>): string {
  const sum = createHash('sha256');
  for (const each of content) sum.update(each).update('\0');
  return sum.digest('hex').slice(0, 12);
}
