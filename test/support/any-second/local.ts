import { join } from 'node:path';
import { readRecord } from '../../../src/platforms/sandbox/environment-record.ts';
import type { LocalEnvironment } from '../../../src/platforms/sandbox/local-environment.ts';
import { installedSandboxToolchain } from '../../../src/platforms/sandbox/sandbox-toolchain.ts';

/** The environment `local` below a home, as the sandbox knows it. */
export function openLocal(home: string): LocalEnvironment {
  const directory = join(home, 'local');
  const record = readRecord(directory);
  const toolchain = installedSandboxToolchain();
  if (record === undefined || toolchain === undefined) throw new TypeError(`there is no environment in ${directory}`);
  return { directory, record, toolchain };
}
